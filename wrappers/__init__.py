"""Instruments and adapters around environments: a retina for any of them, flat actions, videos."""

from .flatten import FlattenAction, FlattenVectorAction
from .foveate import Foveate
from .memory_trace import MemoryTrace
from .record import contact_sheet, record_episodes, write_picture
from .saliency import Saliency, SequentialJacobian
from .video import RecordVideo, VideoWriter, write_video

__all__ = [
    "FlattenAction",
    "FlattenVectorAction",
    "Foveate",
    "MemoryTrace",
    "RecordVideo",
    "Saliency",
    "SequentialJacobian",
    "VideoWriter",
    "contact_sheet",
    "record_episodes",
    "write_picture",
    "write_video",
]
