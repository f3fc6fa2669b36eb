"""Instruments and adapters around environments: a retina for any of them, flat actions, videos."""

import importlib
from typing import TYPE_CHECKING

from ..moved import moved
from .flatten import FlattenAction, FlattenVectorAction
from .foveate import Foveate
from .foveate_vector import FoveateVector
from .history import PreviousActionReward, PreviousActionRewardVector
from .markov import Markovian, MarkovianVector
from .memory_trace import MemoryTrace
from .price import PriceOfLooking, PriceOfLookingVector
from .record import record_episodes
from .record_video import RecordVideo
from .saliency import Saliency, SequentialJacobian

if TYPE_CHECKING:
    from .flatten_parallel import FlattenParallel

__all__ = [
    "FlattenAction",
    "FlattenParallel",
    "FlattenVectorAction",
    "Foveate",
    "FoveateVector",
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

_LAZY = {"FlattenParallel": "flatten_parallel"}  # loads PettingZoo
_HOMES = {  # since 0.2
    "VideoWriter": "viz.video:VideoWriter",
    "adversary": "analysis.adversary",
    "contact_sheet": "viz.pictures:contact_sheet",
    "video": "viz.video",
    "write_picture": "viz.pictures:write_picture",
    "write_video": "viz.video:write_video",
}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    return moved(__name__, name, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
