"""Worlds seen through a moving retina (hard, external attention)."""

from ..gym_env import env_classes
from .catch import Catch
from .classification import Classification
from .gaze import GazeWorld
from .house_numbers import HouseNumbers
from .pairs import AddDigits, DigitPairs
from .tasks import ClutteredDigits, ClutteredDigits100, Digits, Fashion, TranslatedDigits

DigitsEnv, DigitsVectorEnv = env_classes(Digits)
TranslatedDigitsEnv, TranslatedDigitsVectorEnv = env_classes(TranslatedDigits)
ClutteredDigitsEnv, ClutteredDigitsVectorEnv = env_classes(ClutteredDigits)
ClutteredDigits100Env, ClutteredDigits100VectorEnv = env_classes(ClutteredDigits100)
FashionEnv, FashionVectorEnv = env_classes(Fashion)
DigitPairsEnv, DigitPairsVectorEnv = env_classes(DigitPairs)
AddDigitsEnv, AddDigitsVectorEnv = env_classes(AddDigits)
HouseNumbersEnv, HouseNumbersVectorEnv = env_classes(HouseNumbers)
CatchEnv, CatchVectorEnv = env_classes(Catch)

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
