"""What is a policy looking at? Maps of its outputs' dependence on what it sees, and how true they are."""

from .methods import METHODS, methods_of
from .targets import targets_of
from .views import view_of
from .wrapper import Saliency

__all__ = ["METHODS", "Saliency", "methods_of", "targets_of", "view_of"]
