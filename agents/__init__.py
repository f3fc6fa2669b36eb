"""Minds. They know environments only through their spaces and `info`.

Each public name is imported at its first use.
"""

from typing import TYPE_CHECKING

from ..moved import moved, public, submodule

if TYPE_CHECKING:
    from .learning.algorithm import Algorithm, Backprop, PolicyGradient, learner_class, load
    from .learning.options import LEARNERS, BackpropOptions, LearnerOptions, QOptions
    from .learning.q_learning import QLearning
    from .policies.policy import Policy
    from .policies.registry import AGENTS, agent_class

# the module of each public name
_HOMES = {
    "AGENTS": "policies.registry",
    "LEARNERS": "learning.options",
    "Algorithm": "learning.algorithm",
    "Backprop": "learning.algorithm",
    "BackpropOptions": "learning.options",
    "LearnerOptions": "learning.options",
    "Policy": "policies.policy",
    "PolicyGradient": "learning.algorithm",
    "QLearning": "learning.q_learning",
    "QOptions": "learning.options",
    "agent_class": "policies.registry",
    "learner_class": "learning.algorithm",
    "load": "learning.algorithm",
}
_RENAMED = {"GymVecEnv": "sb3:GymVecEnv", "Learner": "agents:Algorithm"}  # since 0.2

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
    if name in _HOMES:
        return public(__name__, name, _HOMES)
    return submodule(__name__, name, _ROOMS) or moved(__name__, name, _RENAMED)


def __dir__() -> list[str]:
    return sorted([*__all__, *_ROOMS])
