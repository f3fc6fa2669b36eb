"""Worlds seen through a moving retina (hard, external attention)."""

from ..face import faces
from .catch import Catch
from .classification import Classification
from .gaze import GazeWorld
from .tasks import ClutteredDigits, ClutteredDigits100, Digits, Fashion, TranslatedDigits

DigitsEnv, DigitsVectorEnv = faces(Digits)
TranslatedDigitsEnv, TranslatedDigitsVectorEnv = faces(TranslatedDigits)
ClutteredDigitsEnv, ClutteredDigitsVectorEnv = faces(ClutteredDigits)
ClutteredDigits100Env, ClutteredDigits100VectorEnv = faces(ClutteredDigits100)
FashionEnv, FashionVectorEnv = faces(Fashion)
CatchEnv, CatchVectorEnv = faces(Catch)

__all__ = [
    "Catch",
    "Classification",
    "ClutteredDigits",
    "ClutteredDigits100",
    "Digits",
    "Fashion",
    "GazeWorld",
    "TranslatedDigits",
]
