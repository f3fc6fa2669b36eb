"""Worlds seen through a moving retina (hard, external attention)."""

from ..face import faces
from .catch import Catch
from .classification import Classification
from .gaze import GazeWorld
from .house_numbers import HouseNumbers
from .pairs import AddDigits, DigitPairs
from .tasks import ClutteredDigits, ClutteredDigits100, Digits, Fashion, TranslatedDigits

DigitsEnv, DigitsVectorEnv = faces(Digits)
TranslatedDigitsEnv, TranslatedDigitsVectorEnv = faces(TranslatedDigits)
ClutteredDigitsEnv, ClutteredDigitsVectorEnv = faces(ClutteredDigits)
ClutteredDigits100Env, ClutteredDigits100VectorEnv = faces(ClutteredDigits100)
FashionEnv, FashionVectorEnv = faces(Fashion)
DigitPairsEnv, DigitPairsVectorEnv = faces(DigitPairs)
AddDigitsEnv, AddDigitsVectorEnv = faces(AddDigits)
HouseNumbersEnv, HouseNumbersVectorEnv = faces(HouseNumbers)
CatchEnv, CatchVectorEnv = faces(Catch)

__all__ = [
    "AddDigits",
    "Catch",
    "Classification",
    "ClutteredDigits",
    "ClutteredDigits100",
    "DigitPairs",
    "Digits",
    "Fashion",
    "GazeWorld",
    "HouseNumbers",
    "TranslatedDigits",
]
