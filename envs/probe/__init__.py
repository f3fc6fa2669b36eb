"""Games in the style of Atari of which it is known, frame by frame, what matters."""

from ..face import faces
from .catch import Catch, Distractors
from .driving import Driving
from .game import GameWorld, Intervention

DrivingEnv, DrivingVectorEnv = faces(Driving)
CatchEnv, CatchVectorEnv = faces(Catch)
DistractorsEnv, DistractorsVectorEnv = faces(Distractors)

__all__ = [
    "Catch",
    "CatchEnv",
    "CatchVectorEnv",
    "Distractors",
    "DistractorsEnv",
    "DistractorsVectorEnv",
    "Driving",
    "DrivingEnv",
    "DrivingVectorEnv",
    "GameWorld",
    "Intervention",
]
