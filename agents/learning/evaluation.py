"""Measuring a policy: every row plays the same number of episodes."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import tree
from ...envs.episodes import summed
from ...envs.glimpse.retina import middles
from ...envs.protocols import ScriptedWorld
from ..policies.modes import at_play
from ..policies.outputs import PolicyOutput
from ..policies.policy import Policy
from .actor import Actor, Observer, Transition, play
from .environments import Environments, TimeStep, VectorEnvironments, check_plays
from .losses import counted, first_of, supervised_parts, target_loss


class Outcomes(NamedTuple):
    """Finished episodes, each array (n,).

    Attributes:
        returns: sums of rewards.
        lengths: steps.
        scores: the task's own figure, NaN where the world has none.
        index: which item of the data it was about (for intervals clustered by item), -1 where the world doesn't say.
        bits: -log2 of the probability of everything that was due, NaN where the world has no target, or one whose cost
            is of whole episodes (CTC) and episodes are played step by step.
        optimum: the same of the best possible predictor, NaN where the world doesn't say.
        distance: in pixels, from the last place looked at to the middle of what matters; NaN where nobody looks at
            places, or the world was not asked what matters (`relevance`).
    """

    returns: np.ndarray
    lengths: np.ndarray
    scores: np.ndarray
    index: np.ndarray
    bits: np.ndarray
    optimum: np.ndarray
    distance: np.ndarray


def play_episodes(
    policy: Policy,
    environments: Environments,
    rounds: int,
    seed: int,
    deterministic: bool = True,
    on_step: Callable[[int], object] | None = None,
    observers: Sequence[Observer] = (),
) -> Outcomes:
    """Play `rounds` episodes in each row, and leave the random state as it was.

    Args:
        policy: who plays.
        environments: where.
        rounds: episodes a row.
        seed: seeds the environments and whatever the policy samples.
        deterministic: take the most likely actions.
        on_step: called after each step with the number of episodes that have ended.
        observers: who else looks on; nobody steps where worlds know whole episodes at their reset.
    """
    devices = [policy.device] if policy.device.type == "cuda" else []
    with torch.random.fork_rng(devices), at_play(policy):
        torch.manual_seed(seed)
        stepless = deterministic and not observers
        if stepless and isinstance(environments, VectorEnvironments) and environments.script is not None:
            check_plays(policy, environments)
            environments.reset(seed)
            return _at_once(policy, environments, environments.script, rounds, on_step)
        actor = Actor(policy, environments, deterministic)
        figures = _Figures(policy, environments, rounds, on_step)
        actor.reset(seed)
        play(actor, episodes=rounds, observers=[figures, *observers])
    return figures.episodes()


def _at_once(
    policy: Policy,
    environments: VectorEnvironments,
    script: ScriptedWorld,
    rounds: int,
    on_step: Callable[[int], object] | None,
) -> Outcomes:
    """The same of worlds that know whole episodes at their reset: one call of the policy a round, and nobody steps."""
    tables, ends = [], []
    clock = torch.zeros(environments.num_envs, dtype=torch.int64, device=environments.device)
    for round_ in range(1, rounds + 1):
        episodes = script.episodes()
        state, starts = policy.initial_state(environments.num_envs), first_of(episodes.target_mask)
        parameters = policy(episodes.observation, state, starts).parameters
        choices = {name: policy.head(name).mode(value) for name, value in parameters.items()}
        judged = script.judge(episodes, policy.as_action(choices).long())
        targets = supervised_parts(environments.by_part(episodes.target), policy)
        sets = None if episodes.target_set is None else environments.by_part(episodes.target_set)
        unknown = torch.full_like(judged.returns, torch.nan)
        cost = None
        if targets:
            cost = target_loss(policy, parameters, targets, sets, episodes.length) / math.log(2)
            mask = counted(policy, targets, episodes.target_mask, episodes.length)
            cost = summed(torch.where(mask, cost, 0.0))
        columns = (
            judged.returns,
            episodes.length,
            judged.score,
            -torch.ones_like(episodes.length) if episodes.index is None else episodes.index,
            unknown if cost is None else cost,
            unknown if episodes.optimum is None else summed(episodes.optimum),
            unknown,
        )
        tables.append(torch.stack([column.float() for column in columns]))
        clock = clock + episodes.length
        ends.append(clock)
        if on_step is not None:
            on_step(round_ * environments.num_envs)
    order = torch.cat(ends).argsort(stable=True)  # as stepping would have come to their ends
    return _episodes(torch.cat(tables, 1)[:, order])


def _episodes(table: Tensor) -> Outcomes:
    """The columns of a table, float (7, n), as arrays."""
    rows = table.cpu().numpy()
    return Outcomes(rows[0], rows[1].astype(int), rows[2], rows[3].astype(int), *rows[4:])


class _Sums(NamedTuple):
    """What adds up over an episode, each (B,)."""

    returns: Tensor
    length: Tensor
    bits: Tensor
    optimum: Tensor


class _Figures(Observer):
    """The figures of the first `rounds` episodes of each row."""

    def __init__(
        self, policy: Policy, environments: Environments, rounds: int, on_step: Callable[[int], object] | None
    ):
        self.policy, self.rounds, self._on_step = policy, rounds, on_step
        self._zeros = torch.zeros(environments.num_envs, device=environments.device, dtype=torch.float32)
        self._sums = _Sums(*(self._zeros.clone() for _ in _Sums._fields))
        self._played = self._zeros.clone()
        self._rows: list[Tensor] = []
        self._count = 0

    def on_step(self, transition: Transition) -> None:
        before, after, ended, unknown = transition.before, transition.after, transition.ended, self._zeros + torch.nan
        step = _Sums(
            after.reward,
            torch.ones_like(self._zeros),
            bits(self.policy, transition.output, before, self._zeros),
            unknown if before.optimum is None else before.optimum,
        )
        self._sums = tree.map(torch.add, self._sums, step)
        if after.final_observation is not None:
            counts = ended & (self._played < self.rounds)
            score = unknown if after.score is None else after.score.float()
            index = self._zeros - 1 if before.index is None else before.index.float()
            total, length, cost, optimum = self._sums
            distance = gaze_distance(transition.output, before, self._zeros)
            row = torch.stack([total, length, score, index, cost, optimum.float(), distance])
            self._rows.append(row[:, counts].cpu())
            self._count += self._rows[-1].shape[1]
            self._sums = tree.map(lambda x: x.masked_fill(ended, 0.0), self._sums)
            self._played = self._played + ended
        if self._on_step is not None:
            self._on_step(self._count)

    def episodes(self) -> Outcomes:
        """All of them, in the order of their ends."""
        return _episodes(torch.cat(self._rows, 1))


def bits(policy: Policy, output: PolicyOutput, now: TimeStep, zeros: Tensor) -> Tensor:
    """-log2 π(target) where a target is due, (B,).

    NaN where the environment has none, or a head's cost is of whole episodes, which no single step can say.

    Args:
        policy: whose heads say what a target costs.
        output: what the policy did at this time step.
        now: the time step that it acted on, with the targets.
        zeros: float, (B,), gives the shape and the device where there is no target.
    """
    targets = supervised_parts(now.target, policy)
    if not targets or any(policy.head(name).whole_episodes for name in targets):
        return torch.full_like(zeros, torch.nan)
    cost = target_loss(policy, output.parameters, targets, now.target_set) / math.log(2)
    return cost if now.target_mask is None else torch.where(now.target_mask, cost, 0.0)


def gaze_distance(output: PolicyOutput, now: TimeStep, zeros: Tensor) -> Tensor:
    """From where a policy looks to the middle of what matters, in pixels, (B,); NaN where either isn't known.

    Args:
        output: what the policy did at this time step; an agent with a retina of its own says where it looked.
        now: the time step that it acted on; its `location` is where the world's retina was.
        zeros: float, (B,), gives the shape and the device where there is nothing to measure.
    """
    seen = now.observation.get("location") if isinstance(now.observation, Mapping) else None
    place = output.choices.get("gaze", seen)
    relevant = now.info.get("relevance") if isinstance(now.info, Mapping) else None
    if place is None or relevant is None:
        return torch.full_like(zeros, torch.nan)
    ink = torch.as_tensor(relevant, device=zeros.device).float()  # (B, H, W)
    half = tree.constant((ink.shape[-1], ink.shape[-2]), zeros.device) / 2
    away = ((place - middles(ink)) * half).norm(dim=-1)
    return torch.where(ink.flatten(1).any(-1), away, torch.nan)


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
