"""Instruments and adapters around environments: a retina for any of them, flat actions, videos."""

import importlib
import warnings

from .flatten import FlattenAction, FlattenParallel, FlattenVectorAction
from .foveate import Foveate
from .history import PreviousActionReward, PreviousActionRewardVector
from .markov import Markovian, MarkovianVector
from .memory_trace import MemoryTrace
from .price import PriceOfLooking, PriceOfLookingVector
from .record import record_episodes
from .record_video import RecordVideo
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
    "record_episodes",
]

_MOVED = {  # since 0.2
    "VideoWriter": "viz.video",
    "contact_sheet": "viz.pictures",
    "write_picture": "viz.pictures",
    "write_video": "viz.video",
}


def __getattr__(name: str) -> object:
    if name not in _MOVED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _MOVED[name]
    warnings.warn(f"foveate.wrappers.{name} is now foveate.{home}.{name}.", DeprecationWarning, stacklevel=2)
    return getattr(importlib.import_module(f"..{home}", __name__), name)
