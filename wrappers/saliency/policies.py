"""What can be looked into beside our own policies, as protocols to ask for with ``isinstance``.

Asking calls nothing: an error inside a policy is that error, and never reads as "can't be looked into".
"""

from typing import Protocol, runtime_checkable

import torch
from gymnasium import spaces
from torch import Tensor, nn

from ...tree import Tree


class Network(Protocol):
    """What both kinds of policies of Stable-Baselines3 share."""

    observation_space: spaces.Space
    action_space: spaces.Space

    def obs_to_tensor(self, observation: Tree) -> tuple[Tree, bool]:
        """An observation in numpy, its channels first."""
        ...


@runtime_checkable
class ActorCritic(Network, Protocol):
    """A policy of PPO or A2C."""

    def get_distribution(self, obs: Tree) -> "HasDistribution":
        """The distribution of actions."""
        ...

    def predict_values(self, obs: Tree) -> Tensor:
        """The critic's estimates, (N, 1)."""
        ...


@runtime_checkable
class QNetwork(Network, Protocol):
    """A policy of DQN."""

    q_net: nn.Module


class HasDistribution(Protocol):
    """A distribution of Stable-Baselines3 around one, or a list, of torch's."""

    distribution: torch.distributions.Distribution | list[torch.distributions.Categorical]


@runtime_checkable
class Recurrent(Protocol):
    """A policy of sb3-contrib's RecurrentPPO."""

    lstm_actor: nn.Module


@runtime_checkable
class HasPolicy(Protocol):
    """A learner, or an algorithm, around a policy."""

    policy: nn.Module


@runtime_checkable
class HasOptions(Protocol):
    """A learner with options."""

    options: object


@runtime_checkable
class HasObjective(Protocol):
    """Options that say what a policy is trained by."""

    objective: str
