"""Minds. They know environments only through their spaces and `info`.

Agents and options are here at once; what stands on Stable-Baselines3 (learners, `load`) is imported when it is used.
"""

import importlib
from typing import TYPE_CHECKING

from ..moved import moved, submodule
from .learning.options import LEARNERS, BackpropOptions, LearnerOptions, QOptions
from .policies.policy import Policy
from .policies.registry import AGENTS, agent_class

if TYPE_CHECKING:
    from .learning.algorithm import Algorithm, Backprop, PolicyGradient, learner_class, load
    from .learning.q_learning import QLearning

_LAZY = {
    "Algorithm": ".learning.algorithm",
    "Backprop": ".learning.algorithm",
    "PolicyGradient": ".learning.algorithm",
    "QLearning": ".learning.q_learning",
    "learner_class": ".learning.algorithm",
    "load": ".learning.algorithm",
}
_HOMES = {"GymVecEnv": "sb3:GymVecEnv", "Learner": "agents:Algorithm"}  # since 0.2

_ROOMS = ("learning", "nn", "policies", "presets")

__all__ = [
    "AGENTS",
    "LEARNERS",
    "Algorithm",
    "Backprop",
    "BackpropOptions",
    "LearnerOptions",
    "Policy",
    "PolicyGradient",
    "QLearning",
    "QOptions",
    "agent_class",
    "learner_class",
    "load",
]


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name], __name__), name)
    return submodule(__name__, name, _ROOMS) or moved(__name__, name, _HOMES)


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
