"""Minds. They know environments only through their spaces and `info`."""

from pathlib import Path
from typing import Any

from ..errors import check_choice
from .learners.options import LearnerOptions
from .learners.policy_gradient import PolicyGradient
from .learners.vec_env import GymVecEnv
from .policy import Policy
from .ram import RAM, RandomGlimpse
from .vision import CNNAgent, MLPAgent

AGENTS: dict[str, type[Policy]] = {
    "ram": RAM,
    "random-glimpse": RandomGlimpse,
    "cnn": CNNAgent,
    "mlp": MLPAgent,
}


def agent_class(name: str) -> type[Policy]:
    """The class behind an agent's name; an unknown name gets an error with the closest one."""
    check_choice("agent", name, AGENTS)
    return AGENTS[name]


def load(path: str | Path, env: Any = None, device: str = "auto") -> PolicyGradient:
    """A trained agent, from a run folder (its best checkpoint, else its last) or a checkpoint folder.

    Args:
        path: the folder.
        env: an environment to go on learning in; not needed for `predict`.
        device: "auto", "cpu", "cuda", …
    """
    return PolicyGradient.load(path, env, device)


__all__ = ["AGENTS", "GymVecEnv", "LearnerOptions", "Policy", "PolicyGradient", "agent_class", "load"]
