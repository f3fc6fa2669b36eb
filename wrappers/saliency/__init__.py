"""What is a policy looking at? Maps of its outputs' dependence on what it sees, and how true they are."""

from .methods import METHODS, methods_of
from .sequential import SequentialJacobian, memory_jacobian, sequential_jacobian
from .targets import targets_of
from .views import view_of
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
