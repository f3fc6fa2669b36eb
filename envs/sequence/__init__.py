"""Worlds in which a passage is read and something is written, with the gold alignment (external attention)."""

from typing import TYPE_CHECKING, Any

from ..registration import family_attribute, family_names

if TYPE_CHECKING:
    from .numbers import NumberPassage as NumberPassage
    from .passage import Passage as Passage
    from .passage import Passages as Passages
    from .pen_passage import PenPassage as PenPassage
    from .picture_passage import PicturePassage as PicturePassage
    from .transcript import Transcript as Transcript


def __getattr__(name: str) -> Any:
    return family_attribute(__name__, name)


def __dir__() -> list[str]:
    return sorted(family_names(__name__))
