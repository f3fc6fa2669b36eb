"""Instruments and adapters around environments: a retina for any of them, flat actions, videos.

Each is imported at its first use.
"""

from typing import TYPE_CHECKING

from ..moved import modules_of, moved, public, submodule

if TYPE_CHECKING:
    from .alignment import Alignment
    from .flatten import FlattenAction, FlattenVectorAction
    from .flatten_parallel import FlattenParallel
    from .foveate import Foveate
    from .foveate_vector import FoveateVector
    from .history import PreviousActionReward, PreviousActionRewardVector
    from .markov import Markovian, MarkovianVector
    from .memory_trace import MemoryTrace
    from .price import PriceOfLooking, PriceOfLookingVector
    from .record import record_episodes
    from .record_video import RecordVideo
    from .saliency import Saliency, SequentialJacobian
    from .transcript_jacobian import TranscriptJacobian

__all__ = [
    "Alignment",
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
    "TranscriptJacobian",
    "record_episodes",
]

# the module of each public name
_HOMES = {
    "Alignment": "alignment",
    "FlattenAction": "flatten",
    "FlattenParallel": "flatten_parallel",
    "FlattenVectorAction": "flatten",
    "Foveate": "foveate",
    "FoveateVector": "foveate_vector",
    "Markovian": "markov",
    "MarkovianVector": "markov",
    "MemoryTrace": "memory_trace",
    "PreviousActionReward": "history",
    "PreviousActionRewardVector": "history",
    "PriceOfLooking": "price",
    "PriceOfLookingVector": "price",
    "RecordVideo": "record_video",
    "Saliency": "saliency",
    "SequentialJacobian": "saliency",
    "TranscriptJacobian": "transcript_jacobian",
    "record_episodes": "record",
}
_RENAMED = {  # since 0.2
    "VideoWriter": "viz.video:VideoWriter",
    "adversary": "analysis.adversary",
    "contact_sheet": "viz.pictures:contact_sheet",
    "video": "viz.video",
    "write_picture": "viz.pictures:write_picture",
    "write_video": "viz.video:write_video",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return public(__name__, name, _HOMES)
    return submodule(__name__, name, modules_of(__path__)) or moved(__name__, name, _RENAMED)


def __dir__() -> list[str]:
    return sorted(__all__)
