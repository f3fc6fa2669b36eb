"""Games in the style of Atari of which it is known, frame by frame, what matters."""

from ..gym_env import env_classes
from .catch import Catch, Distractors
from .driving import Driving
from .game import GameWorld, Intervention

DrivingEnv, DrivingVectorEnv = env_classes(Driving)
CatchEnv, CatchVectorEnv = env_classes(Catch)
DistractorsEnv, DistractorsVectorEnv = env_classes(Distractors)

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
