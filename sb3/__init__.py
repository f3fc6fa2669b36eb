"""In Stable-Baselines3's company: its own algorithms on our environments, our networks in its algorithms."""

import importlib
import importlib.util
from typing import TYPE_CHECKING

from ..agents.learning.vec_env import GymVecEnv
from .extractors import CoreExtractor, EncoderExtractor
from .stock import ALGORITHMS, algorithm_class, flattening, make_algorithm, make_vec_env, settings, settings_file

if TYPE_CHECKING:
    from .policies import CorePolicy

__all__ = [
    "ALGORITHMS",
    "CoreExtractor",
    "CorePolicy",
    "EncoderExtractor",
    "GymVecEnv",
    "algorithm_class",
    "flattening",
    "make_algorithm",
    "make_vec_env",
    "settings",
    "settings_file",
]


def __getattr__(name: str) -> object:
    if name == "CorePolicy":  # only this one needs sb3-contrib
        return importlib.import_module(".policies", __name__).CorePolicy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    there = importlib.util.find_spec("sb3_contrib") is not None
    return sorted(name for name in __all__ if there or name != "CorePolicy")
