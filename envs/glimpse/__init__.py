"""Worlds seen through a moving retina (hard, external attention)."""

from typing import TYPE_CHECKING, Any

from ..registration import family_attribute, family_names

if TYPE_CHECKING:
    from .classification import Classification as Classification
    from .gaze import GazeWorld as GazeWorld


def __getattr__(name: str) -> Any:
    return family_attribute(__name__, name)


def __dir__() -> list[str]:
    return sorted(family_names(__name__))
