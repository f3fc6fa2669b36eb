"""Is the sequential Jacobian true? Whether it points at the very moment that holds what is due."""

from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium.vector import VectorEnv

from ..wrappers.saliency.sequential import sequential_jacobian
from ..wrappers.saliency.targets import Target
from ..wrappers.saliency.views import View, undisturbed
from . import saliency_scores as scores
from .saliency_benchmark import actions_of


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
    seen, relevant, due = _play(view, env, seed)
    with undisturbed(view):
        moments = [int(t) for t in np.flatnonzero(due.any(1))]
        found = sequential_jacobian(view, seen, target, moments)  # (M, T, B, …)
    amount = found.flatten(3).square().sum(-1).sqrt().cpu().numpy() if found.ndim > 3 else found.cpu().numpy()
    hits, areas, shares = [], [], []
    for row, t in enumerate(moments):
        for world in np.flatnonzero(due[t]):
            past, truth = amount[row, : t + 1, world][None], relevant[t, world, : t + 1][None]
            if truth.any():
                hits.append(scores.pointing(past, truth)[0])
                areas.append(scores.roc_auc(past, truth)[0])
                shares.append(truth.mean())
    return Recall(scores.mean(hits), scores.mean(areas), len(hits), scores.mean(shares))


def _play(view: View, env: VectorEnv, seed: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """One episode a world: observations (T, B, …), relevance (T, B, T') and where an output is due (T, B)."""
    observation, info = env.reset(seed=seed)
    state = view.initial_state(env.num_envs)
    alive = torch.ones(env.num_envs, dtype=torch.bool)
    seen, relevant, due = [], [], []
    with undisturbed(view), torch.no_grad():
        while bool(alive.any()):
            prepared = view.prepare(observation)
            seen.append(prepared)
            relevant.append(info["relevance"].cpu().numpy())
            due.append((info["target_mask"].cpu() & alive).numpy())
            outputs = view.outputs(prepared, state)
            observation, _, terminated, truncated, info = env.step(actions_of(view, outputs.parameters))
            ended = (terminated | truncated).cpu()
            state, alive = view.begun_anew(outputs.state, ended), alive & ~ended
    stacked = (
        {k: torch.stack([s[k] for s in seen]) for k in seen[0]} if isinstance(seen[0], dict) else torch.stack(seen)
    )
    return stacked, np.stack(relevant), np.stack(due)
