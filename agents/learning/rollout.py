"""Playing: whole episodes, or pieces of a fixed length, as tensors (T, B, …) on the learner's device."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..nn.cores.base import State
from ..policies.policy import Policy
from .environments import TimeStep, Worlds
from .losses import supervised_parts


class Rollout(NamedTuple):
    """What was seen and done; T steps of B worlds.

    Attributes:
        observation: tensors (T, B, …).
        choices: the policy's stochastic choices by name, (T, B, …).
        log_prob: of each choice when it was made, (T, B).
        value: the critic's estimates when they were made, (T, B).
        reward: (T, B).
        told: log π(target) when the action was made, of a team the mean over its agents, (T, B); None where no part
            has a target.
        starts: bool, (T, B), where episodes start.
        ended: bool, (T, B), where the step ended an episode.
        truncation_value: (T, B), the value of the state where an episode was truncated, else 0.
        last_value: (B,), the value of the state after the last step.
        valid: bool, (T, B), what counts; None if all does.
        target: what the actions should have been, (T, B, …) or a dict by part; None if the world doesn't say.
        target_mask: bool, (T, B), where that counts.
        state: the core's state before the first step.
    """

    observation: Any
    choices: dict[str, Tensor]
    log_prob: dict[str, Tensor]
    value: Tensor
    reward: Tensor
    told: Tensor | None
    starts: Tensor
    ended: Tensor
    truncation_value: Tensor
    last_value: Tensor
    valid: Tensor | None
    target: Any
    target_mask: Tensor | None
    state: State


class Episodes(NamedTuple):
    """The episodes that ended during a rollout, each (n,) on the host."""

    returns: list[float]
    lengths: list[int]
    scores: list[float]


class Collector:
    """Plays a policy in worlds and keeps what must be kept between rollouts.

    Args:
        worlds: where to play.
        policy: who plays.
        horizon: steps of a rollout; None plays every world's episode to its end.
        teacher_forcing: play the targets, where there are any, instead of the policy's own choices.
    """

    def __init__(self, worlds: Worlds, policy: Policy, horizon: int | None, teacher_forcing: bool = False):
        self.worlds, self.policy, self.horizon = worlds, policy, horizon
        self.teacher_forcing = teacher_forcing
        self._moment: TimeStep | None = None
        self._fresh = False  # whether all worlds are at the beginning of their episodes, as far as the host knows
        self._starts = torch.ones(worlds.num_worlds, dtype=torch.bool, device=policy.device)
        with torch.no_grad():  # a rollout's first state is data: no gradient goes beyond it
            state = policy.initial_state(worlds.num_worlds)
            self._state = type(state)(*(part.clone() for part in state))
        self._return = torch.zeros(worlds.num_worlds, device=policy.device)
        self._length = torch.zeros(worlds.num_worlds, dtype=torch.int64, device=policy.device)

    @torch.no_grad()
    def play(self, greedy: frozenset[str], on_step: Callable[[TimeStep], bool]) -> tuple[Rollout, Episodes] | None:
        """One rollout; None if `on_step`, called with what each step brought, returned False."""
        whole = self.horizon is None
        fixed = self.worlds.episode_length
        steps = self.horizon if self.horizon is not None else fixed
        if self._moment is None or (whole and not self._fresh):
            self.begin()
        self._fresh = False
        assert self._moment is not None
        before = self._state
        rows: list[tuple] = []
        alive = torch.ones_like(self._starts)
        ended_rows: list[tuple] = []
        while (len(rows) < steps) if steps is not None else bool(alive.any()):
            now, starts = self._moment, self._starts
            made = self.policy.step(now.observation, self._state, starts, greedy=greedy)
            targets = supervised_parts(now.target, self.policy)
            played = {**made.choices, **targets} if self.teacher_forcing else made.choices
            after = self.worlds.step(self.policy.as_action(played))
            ended = after.terminated | after.truncated
            truncation_value = self._value_where_cut(after, made.state)
            told = [self.policy.head(name).log_prob(made.parameters[name], target) for name, target in targets.items()]
            credit = _team_mean(sum(told), self.worlds.team) if told else None
            rows.append((now, made, starts, after.reward, ended, truncation_value, alive, credit))
            self._return, self._length = self._return + after.reward, self._length + 1
            if after.final_observation is not None:
                score = after.score if after.score is not None else torch.full_like(after.reward, torch.nan)
                ended_rows.append((ended & alive, self._return, self._length, score))
                self._return = self._return.masked_fill(ended, 0.0)
                self._length = self._length.masked_fill(ended, 0)
            if whole and fixed is None:
                alive = alive & ~ended
            self._moment, self._starts, self._state = after, ended, made.state
            if not on_step(after):
                return None
        self._fresh = whole and fixed is not None  # all worlds ended, and began anew, at the last step
        last_value = torch.zeros_like(rows[-1][3])
        if not whole:
            last_value = self.policy.step(self._moment.observation, self._state, self._starts, deterministic=True).value
        return self._stack(rows, before, last_value, whole and fixed is None), _collect(ended_rows)

    def begin(self, seed: int | None = None) -> TimeStep:
        """Start new episodes in all worlds; with a seed, the first ones of that seed."""
        self._moment, self._fresh = self.worlds.reset(seed), True
        self._starts = torch.ones_like(self._starts)
        self._return, self._length = torch.zeros_like(self._return), torch.zeros_like(self._length)
        return self._moment

    @property
    def begun(self) -> bool:
        """Whether there is anything to save."""
        return self._moment is not None

    def now(self) -> TimeStep:
        """The present moment; the first call begins."""
        return self._moment if self._moment is not None else self.begin()

    def _value_where_cut(self, after: TimeStep, state: State) -> Tensor:
        if after.final_observation is None or not bool(after.truncated.any()):
            return torch.zeros_like(after.reward)
        no = torch.zeros_like(after.truncated)
        value = self.policy.step(after.final_observation, state, no, deterministic=True).value
        return torch.where(after.truncated, value, 0.0)

    def _stack(self, rows: list[tuple], state: State, last_value: Tensor, ragged: bool) -> Rollout:
        moments, made, starts, reward, ended, truncation_value, alive, told = zip(*rows, strict=True)
        has_target = moments[0].target is not None
        masks = [
            m.target_mask if m.target_mask is not None else torch.ones_like(s)
            for m, s in zip(moments, starts, strict=True)
        ]
        return Rollout(
            observation=stack([m.observation for m in moments]),
            choices=stack([s.choices for s in made]),
            log_prob=stack([s.log_prob for s in made]),
            value=torch.stack([s.value for s in made]),
            reward=torch.stack(reward),
            told=torch.stack(told) if told[0] is not None else None,  # type: ignore[arg-type]
            starts=torch.stack(starts),
            ended=torch.stack(ended),
            truncation_value=torch.stack(truncation_value),
            last_value=last_value,
            valid=torch.stack(alive) if ragged else None,
            target=stack([m.target for m in moments]) if has_target else None,
            target_mask=torch.stack(masks) if has_target else None,
            state=state,
        )

    def state_dict(self) -> dict[str, Tensor]:
        """What must be saved for an exact resume, beside the worlds' own state."""
        kept = {f"core.{i}": part for i, part in enumerate(self._state)}
        return {**kept, "starts": self._starts, "return": self._return, "length": self._length}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a saved state; the worlds must have been put back before."""
        parts = [saved[f"core.{i}"] for i in range(len(self._state))]
        self._state = type(self._state)(*parts)
        self._starts, self._return, self._length = saved["starts"], saved["return"], saved["length"]
        self._moment = self.worlds.observe()
        self._fresh = self.worlds.episode_length is not None and bool(self._starts.all())


def _team_mean(told: Any, team: int) -> Tensor:
    """What is told by all agents of a team, (B,): who looks or speaks is paid for what the others learn from it."""
    return told if team == 1 else told.view(-1, team).mean(1).repeat_interleave(team)


def stack(values: list[Any]) -> Any:
    """Tensors, or dicts of them, one behind the other in a new first dimension."""
    if isinstance(values[0], dict):
        return {key: stack([value[key] for value in values]) for key in values[0]}
    return torch.stack(values)


def _collect(rows: list[tuple]) -> Episodes:
    """The ended episodes' figures, in one transfer from the device."""
    if not rows:
        return Episodes([], [], [])
    mask, returns, lengths, scores = (torch.stack(column).flatten() for column in zip(*rows, strict=True))
    table = torch.stack([mask.double(), returns.double(), lengths.double(), scores.double()]).cpu()
    chosen = table[1:, table[0] > 0]
    return Episodes(chosen[0].tolist(), [int(n) for n in chosen[1].tolist()], chosen[2].tolist())
