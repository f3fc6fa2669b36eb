"""What is a policy looking at? Maps of how its outputs depend on what it is shown."""

from ...moved import moved
from .methods import METHODS, methods_of
from .policy_views import view_of
from .sequential import SequentialJacobian, memory_jacobian, sequential_jacobian
from .targets import targets_of
from .wrapper import Saliency

__all__ = [
    "METHODS",
    "Saliency",
    "SequentialJacobian",
    "memory_jacobian",
    "methods_of",
    "sequential_jacobian",
    "targets_of",
    "view_of",
]

_HOMES = {  # since 0.2
    "examine": "analysis.saliency_benchmark",
    "panels": "viz.panels",
    "recall": "analysis.recall",
    "scores": "analysis.saliency_scores",
}


def __getattr__(name: str) -> object:
    return moved(__name__, name, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
