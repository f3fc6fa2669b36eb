"""Is the sequential Jacobian true? Whether it points at the very moment that holds what is due."""

from typing import NamedTuple

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from .. import tree
from ..agents.learning.actor import Actor, Observer, Transition, play
from ..agents.learning.environments import environments_of
from ..agents.learning.players import policy_of
from ..tree import Tree
from ..wrappers import judging
from ..wrappers.saliency.sequential import sequential_jacobian
from ..wrappers.saliency.targets import Target
from ..wrappers.saliency.undisturbed import undisturbed
from ..wrappers.saliency.views import View
from . import saliency_scores as scores


class Recall(NamedTuple):
    """How often a sequential Jacobian is right.

    Attributes:
        pointing: share of the due outputs whose greatest |J| is at a relevant moment.
        auc: mean area under the ROC curve over the moments up to the output.
        outputs: how many outputs were due.
        chance: the share of relevant moments among those up to the output: what guessing gets.
    """

    pointing: float
    auc: float
    outputs: int
    chance: float


def recall(view: View, env: VectorEnv, target: Target, seed: int) -> Recall:
    """Play an episode in each world and compare |J| over time with the relevance of the earlier moments.

    Args:
        view: of one of our policies.
        env: worlds whose relevance is a mask of earlier moments, with tensors out, reset at the same step.
        target: which output.
        seed: of the worlds.
    """
    episodes = _Episodes(view, env.num_envs)
    with undisturbed(view):
        actor = Actor(policy_of(view.player), environments_of(env, view.device), deterministic=True)
        actor.reset(seed)
        with torch.no_grad():
            play(actor, episodes=1, observers=[episodes])
        relevant, due = np.stack(episodes.relevant), np.stack(episodes.due)  # (T, B, T'), (T, B)
        moments = [int(t) for t in np.flatnonzero(due.any(1))]
        maps = sequential_jacobian(view, tree.stack(episodes.observations), target, moments)  # (M, T, B, …)
    amount = (maps.flatten(3).square().sum(-1).sqrt() if maps.ndim > 3 else maps).numpy(force=True)
    hits, areas, shares = [], [], []
    for row, t in enumerate(moments):
        for world in np.flatnonzero(due[t]):
            past, truth = amount[row, : t + 1, world][None], relevant[t, world, : t + 1][None]
            if truth.any():
                hits.append(judging.pointing(past, truth)[0])
                areas.append(judging.roc_auc(past, truth)[0])
                shares.append(truth.mean())
    return Recall(scores.mean(hits), scores.mean(areas), len(hits), scores.mean(shares))


class _Episodes(Observer):
    """The first episode of each world: at each time step what was shown, what was relevant, and where an output is due.

    Attributes:
        observations: prepared, (B, …) each; of worlds whose first episode is over, of the next.
        relevant: bool, (B, T') each.
        due: bool, (B,) each; False where the first episode is over.
    """

    def __init__(self, view: View, num_envs: int):
        self.view = view
        self.observations: list[Tree] = []
        self.relevant: list[np.ndarray] = []
        self.due: list[np.ndarray] = []
        self._first = torch.ones(num_envs, dtype=torch.bool)  # where the first episode goes on

    def on_step(self, transition: Transition) -> None:
        before = transition.before
        assert isinstance(before.info, dict)
        relevant: Tensor = before.info["relevance"]
        self.observations.append(self.view.prepare(before.observation))
        self.relevant.append(relevant.numpy(force=True))
        due = self._first if before.target_mask is None else before.target_mask.cpu() & self._first
        self.due.append(due.numpy())
        self._first = self._first & ~transition.ended.cpu()
