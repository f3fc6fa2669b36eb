"""Games in the style of Atari of which it is known, frame by frame, what matters."""

from typing import TYPE_CHECKING, Any

from ..registration import family_attribute, family_names

if TYPE_CHECKING:
    from .game import GameWorld as GameWorld
    from .game import Intervention as Intervention


def __getattr__(name: str) -> Any:
    return family_attribute(__name__, name)


def __dir__() -> list[str]:
    return sorted(family_names(__name__))
