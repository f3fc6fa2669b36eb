"""In Stable-Baselines3's company: its own algorithms on our environments, our networks in its algorithms.

Each public name is imported at its first use.
"""

import importlib.util
from typing import TYPE_CHECKING

from ..moved import modules_of, moved, public, submodule

if TYPE_CHECKING:
    from ..agents.learning.vec_env import GymVecEnv
    from .extractors import CoreExtractor, EncoderExtractor
    from .policies import CorePolicy
    from .stock import ALGORITHMS, algorithm_class, flattening, make_algorithm, make_vec_env, settings, settings_file

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


# the module of each public name
_HOMES = {
    "ALGORITHMS": "stock",
    "CoreExtractor": "extractors",
    "CorePolicy": "policies",  # only this one needs sb3-contrib
    "EncoderExtractor": "extractors",
    "GymVecEnv": ".agents.learning.vec_env",
    "algorithm_class": "stock",
    "flattening": "stock",
    "make_algorithm": "stock",
    "make_vec_env": "stock",
    "settings": "stock",
    "settings_file": "stock",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return public(__name__, name, _HOMES)
    return submodule(__name__, name, modules_of(__path__)) or moved(__name__, name, {})


def __dir__() -> list[str]:
    there = importlib.util.find_spec("sb3_contrib") is not None
    return sorted(name for name in __all__ if there or name != "CorePolicy")
