"""Instruments and adapters around environments: a retina for any of them, flat actions, videos."""

from ..viz.video import RecordVideo, VideoWriter, write_video
from .flatten import FlattenAction, FlattenParallel, FlattenVectorAction
from .foveate import Foveate
from .history import PreviousActionReward, PreviousActionRewardVector
from .markov import Markovian, MarkovianVector
from .memory_trace import MemoryTrace
from .price import PriceOfLooking, PriceOfLookingVector
from .record import contact_sheet, record_episodes, write_picture
from .saliency import Saliency, SequentialJacobian

__all__ = [
    "FlattenAction",
    "FlattenParallel",
    "FlattenVectorAction",
    "Foveate",
    "Markovian",
    "MarkovianVector",
    "MemoryTrace",
    "PreviousActionReward",
    "PreviousActionRewardVector",
    "PriceOfLooking",
    "PriceOfLookingVector",
    "RecordVideo",
    "Saliency",
    "SequentialJacobian",
    "VideoWriter",
    "contact_sheet",
    "record_episodes",
    "write_picture",
    "write_video",
]
