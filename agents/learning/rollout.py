"""Experience for policy gradients: whole episodes, or pieces of a fixed length, as tensors (T, B, …)."""

import contextlib
from inspect import signature
from typing import NamedTuple

import torch
from torch import Tensor

from ... import tree
from ...tree import Tree
from ..nn.noise import is_noisy
from ..policies.policy import Policy
from .actor import Actor, GuidedActor, Observer, OnStep, State, Transition, announcers, play
from .distributed import Rows, drawing_as_one
from .environments import Environments, TimeStep
from .losses import stepwise_parts, supervised_parts, target_loss
from .room import Room


class Rollout(NamedTuple):
    """What a policy saw and did; T steps of B rows.

    Attributes:
        observation: tensors (T, B, …).
        choices: the policy's stochastic choices by name, (T, B, …).
        log_prob: of each choice when it was made, (T, B).
        value: the critic's estimates when the choices were made, (T, B).
        reward: (T, B).
        target_log_prob: log π(target) when the action was chosen, of a team the mean over its agents, (T, B); None
            where no part has a target, or only those whose cost is of whole episodes.
        starts: bool, (T, B), where episodes start.
        ended: bool, (T, B), where the step ended an episode.
        truncation_value: (T, B), the value of the state where an episode was truncated, else 0.
        last_value: (B,), the value of the state after the last step.
        valid: bool, (T, B), what counts; None if all does.
        target: what the actions should have been, by part, (T, B, …); None if the environments don't say.
        target_mask: bool, (T, B), where that counts.
        target_set: by part, all that would have been right, bool (T, B, …, n); None if just the target is.
        state: the policy's state before the first step.
    """

    observation: Tree
    choices: dict[str, Tensor]
    log_prob: dict[str, Tensor]
    value: Tensor
    reward: Tensor
    target_log_prob: Tensor | None
    starts: Tensor
    ended: Tensor
    truncation_value: Tensor
    last_value: Tensor
    valid: Tensor | None
    target: dict[str, Tensor] | None
    target_mask: Tensor | None
    target_set: dict[str, Tensor] | None
    state: State


def _gathered(rollout: Rollout, rows: Rows) -> Rollout:
    """The rollout of all processes, from this one's rows."""
    over_time = rows.gather(rollout._replace(state=None, last_value=None), 1)
    state, last_value = rows.gather((rollout.state, rollout.last_value), 0)
    return over_time._replace(state=state, last_value=last_value)


class EndedEpisodes(NamedTuple):
    """The episodes that ended during a rollout, each (n,) on the host."""

    returns: list[float]
    lengths: list[int]
    scores: list[float]


class _EndedNow(NamedTuple):
    """The figures of the episodes that ended at one step, each (B,)."""

    counts: Tensor
    returns: Tensor
    lengths: Tensor
    scores: Tensor


class EpisodeStatistics(Observer):
    """Return, length and score of each episode; goes on from one rollout to the next.

    Args:
        environments: what is watched.
        whole: whether only the first episode of each row counts, until `collect`.
    """

    def __init__(self, environments: Environments, whole: bool):
        self.whole, self._rows = whole, environments.rows
        self.returns = torch.zeros(environments.num_envs, device=environments.device, dtype=torch.float32)
        self.lengths = torch.zeros(environments.num_envs, dtype=torch.int64, device=environments.device)
        self._alive = torch.ones(environments.num_envs, dtype=torch.bool, device=environments.device)
        self._ended: list[_EndedNow] = []

    def on_reset(self, now: TimeStep) -> None:
        self.forget()

    def on_step(self, transition: Transition) -> None:
        after, ended = transition.after, transition.ended
        self.returns, self.lengths = self.returns + after.reward, self.lengths + 1
        if after.final_observation is not None or self._rows is not None:  # elsewhere one may have ended
            score = after.score if after.score is not None else torch.full_like(after.reward, torch.nan)
            self._ended.append(_EndedNow(ended & self._alive, self.returns, self.lengths, score))
            self.returns = self.returns.masked_fill(ended, 0.0)
            self.lengths = self.lengths.masked_fill(ended, 0)
        if self.whole:
            self._alive = self._alive & ~ended

    def forget(self) -> None:
        """Begin the figures of the present episodes anew."""
        self.returns, self.lengths = torch.zeros_like(self.returns), torch.zeros_like(self.lengths)

    def collect(self) -> EndedEpisodes:
        """The episodes since the last call, in one transfer from the device."""
        rows, self._ended, self._alive = self._ended, [], torch.ones_like(self._alive)
        if not rows:
            return EndedEpisodes([], [], [])
        stacked = tree.stack(rows)  # (steps, B)
        if self._rows is not None:
            stacked = self._rows.gather(stacked)
        columns: _EndedNow = tree.map(lambda x: x.flatten().float(), stacked)  # an Apple GPU has no float64
        table = torch.stack(columns).cpu()
        chosen = table[1:, table[0] > 0]
        return EndedEpisodes(chosen[0].tolist(), [int(n) for n in chosen[1].tolist()], chosen[2].tolist())


class _Row(NamedTuple):
    """One step of a rollout, each (B, …)."""

    observation: Tree
    choices: dict[str, Tensor]
    value: Tensor
    reward: Tensor
    starts: Tensor
    ended: Tensor
    truncation_value: Tensor
    valid: Tensor
    target: dict[str, Tensor] | None
    target_mask: Tensor | None
    target_set: dict[str, Tensor] | None


class RolloutRecorder(Observer):
    """Keeps what an actor sees and does, from the present on.

    Args:
        actor: who is watched.
        policy: of the actor.
        ragged: whether rows stop counting once their episode has ended.
    """

    def __init__(self, actor: Actor, policy: Policy, ragged: bool):
        self.actor, self.policy, self.ragged = actor, policy, ragged
        self._state, self._alive = actor.state, torch.ones_like(actor.starts)
        self._rows: list[_Row] = []
        self._parameters: list[dict[str, Tensor]] = []
        self.room: Room | None = None  # None where nobody bounds it

    def on_step(self, transition: Transition) -> None:
        if self.room is not None:
            self.room.check(len(self._rows))
        before, output, starts, after, ended = transition
        mask = before.target_mask
        if before.target is not None and mask is None:
            mask = torch.ones_like(starts)
        row = _Row(
            observation=before.observation,
            choices=output.choices,
            value=output.value,
            reward=after.reward,
            starts=starts,
            ended=ended,
            truncation_value=self._truncation_value(after, output.state),
            valid=self._alive,
            target=before.target,
            target_mask=mask,
            target_set=before.target_set,
        )
        self._rows.append(row)
        self._parameters.append(output.parameters)
        if self.ragged:
            self._alive = self._alive & ~ended

    def __len__(self) -> int:
        return len(self._rows)

    def _target_log_prob(self, columns: _Row, parameters: dict[str, Tensor]) -> Tensor | None:
        """log π(target), of a team the mean over its agents: who looks or speaks is paid for what the others learn."""
        targets = stepwise_parts(columns.target, self.policy)
        if not targets:
            return None
        total, team = -target_loss(self.policy, parameters, targets, columns.target_set), self.actor.environments.team
        total = torch.where(total.isneginf(), 0.0, total)  # what is no action is not due, if the world is right
        return total if team == 1 else total.unflatten(1, (-1, team)).mean(2).repeat_interleave(team, 1)

    def _truncation_value(self, after: TimeStep, state: State) -> Tensor:
        if after.final_observation is None or not bool(after.truncated.any()):
            return torch.zeros_like(after.reward)
        no = torch.zeros_like(after.truncated)
        rows = self.actor.environments.rows
        # other processes may have nothing to ask here: what this one draws must not count for the steps to come
        with contextlib.nullcontext() if rows is None else rows.processes.own_noise(no.device):
            value = self.policy.step(after.final_observation, state, no, deterministic=True).value
        return torch.where(after.truncated, value, 0.0)

    def rollout(self, last_value: Tensor) -> Rollout:
        """All steps so far; targets only where every step had some."""
        rows = self._rows
        if any(row.target is None for row in rows):
            rows = [row._replace(target=None, target_mask=None, target_set=None) for row in rows]
        columns: _Row = tree.stack(rows)
        parameters: dict[str, Tensor] = tree.stack(self._parameters)
        whole = Rollout(
            **columns._asdict(),
            log_prob={n: self.policy.head(n).log_prob(now, columns.choices[n]) for n, now in parameters.items()},
            target_log_prob=self._target_log_prob(columns, parameters),
            last_value=last_value,
            state=self._state,
        )
        return whole if self.ragged else whole._replace(valid=None)


REMEDY = "play fewer worlds (--learner.worlds), or pieces of a fixed length (--learner.horizon, by a2c or ppo)"


class Collector:
    """Plays a policy in environments and keeps what must be kept between rollouts.

    Args:
        environments: where to play.
        policy: who plays.
        horizon: steps of a rollout; None plays every row's episode to its end.
        teacher_forcing: play the targets, where there are any, instead of the policy's own choices.
        greedy_parts: play the parts that have a target greedily.
    """

    def __init__(
        self,
        environments: Environments,
        policy: Policy,
        horizon: int | None,
        teacher_forcing: bool = False,
        greedy_parts: bool = False,
    ):
        self.environments, self.policy, self.horizon, self.greedy_parts = environments, policy, horizon, greedy_parts
        guided = GuidedActor(policy, environments, always_ask=True)
        self.actor = guided if teacher_forcing else Actor(policy, environments)
        self.actor.noisy = is_noisy(policy)
        self.actor.log_probs = "log_probs" not in signature(policy.step).parameters  # said of all steps at once
        self.ragged = horizon is None and environments.episode_length is None
        self.statistics = EpisodeStatistics(environments, whole=self.ragged)

    @torch.no_grad()
    def collect(self, on_step: OnStep | None = None, most: int | None = None) -> tuple[Rollout, EndedEpisodes] | None:
        """One rollout, and the figures of the episodes that ended in it.

        Args:
            on_step: called with each step's rewards and ends, each (B,); False stops.
            most: steps that are left of the training: a piece, or episodes whose length nobody knows, end there.

        Returns:
            None if `on_step` stopped it.

        Raises:
            FoveateError: it doesn't fit into memory.
        """
        whole = self.horizon is None
        if not self.begun or (whole and not self.actor.fresh):
            self.begin()
        self.statistics.collect()  # what a rollout that was stopped left behind
        if self.greedy_parts:
            self.actor.greedy = frozenset(supervised_parts(self.actor.now().target, self.policy))
        recorder = RolloutRecorder(self.actor, self.policy, self.ragged)
        recorder.room = self._room(most)
        observers = [recorder, self.statistics, *announcers(on_step)]
        limit = most if self.horizon is not None or self.ragged else None  # else the end is known and near
        rows = self.environments.rows
        with drawing_as_one(rows):
            played = play(self.actor, self.horizon, 1 if whole else None, observers, limit, rows.any if rows else bool)
            if not played:
                return None
            rollout = recorder.rollout(self._last_value(cut=limit == len(recorder)))
        return rollout if rows is None else _gathered(rollout, rows), self.statistics.collect()

    def _room(self, most: int | None) -> Room:
        """The memory for a rollout."""
        environments = self.environments
        known = self.horizon or environments.episode_length or environments.most_steps
        steps = known if known is None or most is None else min(known, most)
        return Room(environments, self.actor.now(), steps, REMEDY)

    def _last_value(self, cut: bool) -> Tensor:
        now, actor = self.actor.now(), self.actor
        if self.horizon is None and not cut:
            return torch.zeros_like(now.reward)
        return self.policy.step(now.observation, actor.state, actor.starts, deterministic=True).value

    def begin(self, seed: int | None = None) -> TimeStep:
        """Begin new episodes in all rows; with a seed, the first ones of that seed."""
        self.statistics.forget()
        with drawing_as_one(self.environments.rows):
            return self.actor.reset(seed)

    @property
    def begun(self) -> bool:
        """Whether there is anything to save."""
        return self.actor.begun

    def state_dict(self) -> dict[str, Tensor]:
        """What must be saved for an exact resume, beside the environments' own state."""
        return {**self.actor.state_dict(), "return": self.statistics.returns, "length": self.statistics.lengths}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a saved state; the environments must have been put back before."""
        self.actor.load_state_dict(saved)
        self.statistics.returns, self.statistics.lengths = saved["return"], saved["length"]
