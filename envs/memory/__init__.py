"""Worlds that need memory (introspective attention)."""

from typing import TYPE_CHECKING, Any

from ..registration import family_attribute, family_names

if TYPE_CHECKING:
    from .graph_world import GraphWorld as GraphWorld
    from .script import AnswerWorld as AnswerWorld
    from .script import Script as Script
    from .script import SequenceWorld as SequenceWorld


def __getattr__(name: str) -> Any:
    return family_attribute(__name__, name)


def __dir__() -> list[str]:
    return sorted(family_names(__name__))
