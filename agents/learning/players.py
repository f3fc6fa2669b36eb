"""Whoever plays, as what the actor asks: a policy of ours, a learner around one, or anything with `predict`."""

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from ... import tree
from ...tree import Tree
from ..policies.outputs import PolicyOutput
from ..policies.policy import Policy
from .actor import State


class Player(Protocol):
    """Anything that plays as Stable-Baselines3's algorithms do."""

    def predict(
        self, observation: Tree, state: Tree = None, episode_start: Tree = None, deterministic: bool = False
    ) -> tuple[Tree, Tree]:
        """The action and the next state.

        Args:
            observation: arrays (B, …), or a dict of them.
            state: what the last call returned; None begins.
            episode_start: bool, (B,), where an episode starts now; None leaves it to the player.
            deterministic: take the most likely action.
        """
        ...


@runtime_checkable
class _HasPolicy(Protocol):
    """An algorithm around a policy."""

    policy: object


class PredictingPolicy:
    """A player that only predicts, as a policy: actions and no distributions."""

    def __init__(self, player: Player):
        self.player = player

    def initial_state(self, batch: int) -> State:
        return None

    def step(
        self,
        observation: Tree,
        state: State,
        starts: Tensor,
        deterministic: bool = False,
        greedy: frozenset[str] = frozenset(),
    ) -> PolicyOutput:
        action, state = self.player.predict(tree.to_numpy(observation), state, starts.numpy(force=True), deterministic)
        nothing = torch.full(starts.shape, torch.nan, dtype=torch.float32)
        return PolicyOutput(tree.to_tensors(tree.map(np.asarray, action)), {}, {}, nothing, state, {}, {})


def policy_of(player: Policy | Player) -> Policy | PredictingPolicy:
    """Who acts behind a player: a policy of ours, perhaps inside a learner, or anything with `predict`."""
    if isinstance(player, Policy):
        return player
    if isinstance(player, _HasPolicy) and isinstance(player.policy, Policy):
        return player.policy
    return PredictingPolicy(player)
