"""Minds. They know environments only through their spaces and `info`."""

from pathlib import Path
from typing import Any

from ..errors import check_choice
from .learning.backprop import Backprop
from .learning.learner import Learner
from .learning.options import OBJECTIVE_DEFAULTS, BackpropOptions, LearnerOptions, QOptions
from .learning.policy_gradient import PolicyGradient
from .learning.q_learning import QLearning
from .learning.vec_env import GymVecEnv
from .policies.cnn import CNNAgent
from .policies.core_agent import DNCAgent, GRUAgent, LSTMAgent, NTMAgent, TransformerAgent
from .policies.dram import DRAM
from .policies.dueling import DuelingAgent
from .policies.mlp import MLPAgent
from .policies.policy import Policy
from .policies.ram import RAM, RandomGlimpse
from .policies.soft import SoftAttention

AGENTS: dict[str, type[Policy]] = {
    "ram": RAM,
    "random-glimpse": RandomGlimpse,
    "dram": DRAM,
    "soft-attention": SoftAttention,
    "cnn": CNNAgent,
    "mlp": MLPAgent,
    "dueling": DuelingAgent,
    "lstm": LSTMAgent,
    "gru": GRUAgent,
    "ntm": NTMAgent,
    "dnc": DNCAgent,
    "transformer": TransformerAgent,
}


def learner_class(objective: str) -> type[Learner]:
    """The learner behind an objective: "backprop", "dqn", or "reinforce", "a2c" or "ppo"."""
    check_choice("objective", objective, OBJECTIVE_DEFAULTS)
    return {"backprop": Backprop, "dqn": QLearning}.get(objective, PolicyGradient)


def agent_class(name: str) -> type[Policy]:
    """The class behind an agent's name; an unknown name gets an error with the closest one."""
    check_choice("agent", name, AGENTS)
    return AGENTS[name]


def load(path: str | Path, env: Any = None, device: str = "auto") -> Learner:
    """A trained agent, from a run folder (its best checkpoint, else its last) or a checkpoint folder.

    Args:
        path: the folder.
        env: an environment to go on learning in; not needed for `predict`.
        device: "auto", "cpu", "cuda", …
    """
    from .learning import checkpoint

    return checkpoint.load(Path(path), env, device)


__all__ = [
    "AGENTS",
    "Backprop",
    "BackpropOptions",
    "GymVecEnv",
    "Learner",
    "LearnerOptions",
    "Policy",
    "PolicyGradient",
    "QLearning",
    "QOptions",
    "agent_class",
    "learner_class",
    "load",
]
