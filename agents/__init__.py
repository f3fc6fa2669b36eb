"""Minds. They know environments only through their spaces and `info`.

Agents and options are here at once; what stands on Stable-Baselines3 (learners, `load`) is imported when it is used.
"""

import importlib
import warnings
from typing import TYPE_CHECKING

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
_MOVED = {  # one version long
    "GymVecEnv": ("foveate.sb3.GymVecEnv", ".learning.vec_env", "GymVecEnv"),
    "Learner": ("foveate.agents.Algorithm", ".learning.algorithm", "Algorithm"),
}

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
    if name in _MOVED:
        new, module, inner = _MOVED[name]
        warnings.warn(f"foveate.agents.{name} is {new} now.", DeprecationWarning, stacklevel=2)
        return getattr(importlib.import_module(module, __name__), inner)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
