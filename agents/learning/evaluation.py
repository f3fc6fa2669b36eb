"""Measuring a policy: every world plays the same number of episodes."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..policies.policy import Policy, PolicyOutput
from .environments import TimeStep, Worlds
from .losses import supervised_parts


class Episodes(NamedTuple):
    """Finished episodes, each array (n,).

    Attributes:
        returns: sums of rewards.
        lengths: steps.
        scores: the task's own figure, NaN where the world has none.
        index: which item of the data it was about (for intervals clustered by item), -1 where the world doesn't say.
        bits: -log2 of the probability of everything that was due, NaN where the world has no target.
        optimum: the same of the best possible predictor, NaN where the world doesn't say.
    """

    returns: np.ndarray
    lengths: np.ndarray
    scores: np.ndarray
    index: np.ndarray
    bits: np.ndarray
    optimum: np.ndarray


@torch.no_grad()
def play_episodes(
    policy: Policy,
    worlds: Worlds,
    rounds: int,
    seed: int,
    deterministic: bool = True,
    on_step: Callable[[int], object] | None = None,
) -> Episodes:
    """Play `rounds` episodes in each world, and leave the random state as it was.

    Args:
        policy: who plays.
        worlds: where.
        rounds: episodes a world.
        seed: seeds the worlds and whatever the policy draws.
        deterministic: take the most likely actions.
        on_step: called after each step with the number of episodes that have ended.
    """
    was_training = policy.training
    policy.eval()
    devices = [policy.device] if policy.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        episodes = _play(policy, worlds, rounds, seed, deterministic, on_step)
    policy.train(was_training)
    return episodes


def _play(
    policy: Policy,
    worlds: Worlds,
    rounds: int,
    seed: int,
    deterministic: bool,
    on_step: Callable[[int], object] | None,
) -> Episodes:
    moment = worlds.reset(seed=seed)
    state = policy.initial_state(worlds.num_worlds)
    starts = torch.ones(worlds.num_worlds, dtype=torch.bool, device=policy.device)
    zeros = torch.zeros(worlds.num_worlds, device=policy.device)
    total, length, played, bits, optimum = (zeros.clone() for _ in range(5))
    rows: list[Tensor] = []
    while bool((played < rounds).any()):
        index = moment.index if moment.index is not None else torch.full_like(zeros, -1)
        step = policy.step(moment.observation, state, starts, deterministic)
        bits = bits + _bits(policy, step, moment, zeros)
        optimum = optimum + (moment.optimum if moment.optimum is not None else torch.nan)
        moment, state = worlds.step(step.action), step.state
        total, length = total + moment.reward, length + 1
        starts = moment.terminated | moment.truncated
        counts = starts & (played < rounds)
        score = moment.score if moment.score is not None else torch.full_like(zeros, torch.nan)
        if moment.final_observation is not None:
            row = torch.stack([total, length, score.float(), index.float(), bits, optimum.float()])
            rows.append(row[:, counts].cpu())
            total, length, bits, optimum = (x.masked_fill(starts, 0.0) for x in (total, length, bits, optimum))
            played = played + starts
        if on_step is not None:
            on_step(sum(row.shape[1] for row in rows))
    table = torch.cat(rows, 1).numpy()
    return Episodes(table[0], table[1].astype(int), table[2], table[3].astype(int), table[4], table[5])


def _bits(policy: Policy, step: PolicyOutput, moment: TimeStep, zeros: Tensor) -> Tensor:
    """-log2 π(target) where a target is due, NaN where the world has none, (B,)."""
    targets = supervised_parts(moment.target, policy)
    if not targets:
        return torch.full_like(zeros, torch.nan)
    costs = [-policy.head(name).log_prob(step.parameters[name], target) for name, target in targets.items()]
    cost = torch.stack(costs).sum(0) / math.log(2)
    return cost if moment.target_mask is None else torch.where(moment.target_mask, cost, 0.0)


def clustered_interval(values: np.ndarray, index: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Mean and bootstrap interval, resampling items rather than episodes (several episodes of one image hang together).

    Args:
        values: one figure an episode, (n,).
        index: the item of each episode, (n,); all -1 means that every episode is its own.
        level: coverage of the interval.

    Returns:
        mean, lower and upper end.
    """
    keys = np.arange(len(values)) if (index < 0).all() else index
    _, inverse = np.unique(keys, return_inverse=True)
    sums, counts = np.bincount(inverse, values), np.bincount(inverse)
    generator = np.random.default_rng(0)
    draws = generator.integers(0, len(sums), (2000, len(sums)))
    means = sums[draws].sum(1) / counts[draws].sum(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(values.mean()), float(low), float(high)
