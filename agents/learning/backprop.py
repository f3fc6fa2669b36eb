"""Back-propagation through time on whole episodes: worlds say what the actions should be, and the policy imitates."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...errors import FoveateError
from ..policies.policy import Policy
from .environments import TimeStep, Worlds, worlds_of
from .learner import Learner
from .losses import cross_entropy, supervised_parts
from .options import BackpropOptions
from .rollout import Episodes, stack


class Lessons(NamedTuple):
    """Whole episodes, padded to the longest.

    Attributes:
        observation: tensors (T, B, …).
        target: by part of the action, (T, B, …).
        mask: bool, (T, B), where the target counts.
        length: int64, (B,), steps of each episode.
    """

    observation: Any
    target: dict[str, Tensor]
    mask: Tensor
    length: Tensor


class TeacherCollector:
    """Plays one episode in every world by doing what the targets say; parts without a target are the policy's.

    Args:
        worlds: where to play.
        policy: who is asked about parts of the action that have no target.
    """

    def __init__(self, worlds: Worlds, policy: Policy):
        self.worlds, self.policy = worlds, policy
        self._moment: TimeStep | None = None
        self._fresh = False

    @torch.no_grad()
    def play(self, on_step: Callable[[TimeStep], bool]) -> Lessons | None:
        """An episode of every world; None if `on_step`, called with what each step brought, returned False."""
        if self._moment is None or not self._fresh:
            self.begin()
        moment, self._fresh = self._moment, False
        assert moment is not None
        state = self.policy.initial_state(self.worlds.num_worlds)
        alive = torch.ones(self.worlds.num_worlds, dtype=torch.bool, device=self.policy.device)
        starts, rows = alive, []
        fixed = self.worlds.episode_length
        while (len(rows) < fixed) if fixed is not None else bool(alive.any()):
            told = supervised_parts(moment.target, self.policy)
            if not told:
                raise FoveateError("back-propagation needs worlds that say the target in info; these don't.")
            choices = told
            if len(told) < len(self.policy.heads):
                made = self.policy.step(moment.observation, state, starts)
                choices, state = {**made.choices, **told}, made.state
            mask = alive if moment.target_mask is None else alive & moment.target_mask
            rows.append((moment.observation, told, mask, alive))
            moment = self.worlds.step(self.policy.as_action(choices))
            starts = moment.terminated | moment.truncated
            if fixed is None:
                alive = alive & ~starts
            if not on_step(moment):
                return None
        self._moment, self._fresh = moment, fixed is not None  # all ended, and began anew, at the last step
        observation, target, mask, lived = (stack(list(column)) for column in zip(*rows, strict=True))
        return Lessons(observation, target, mask, lived.sum(0))

    def begin(self, seed: int | None = None) -> TimeStep:
        """Start new episodes in all worlds; with a seed, the first ones of that seed."""
        self._moment, self._fresh = self.worlds.reset(seed), True
        return self._moment

    @property
    def begun(self) -> bool:
        """Whether there is anything to save."""
        return self._moment is not None

    def state_dict(self) -> dict[str, Tensor]:
        """What must be saved for an exact resume, beside the worlds' own state."""
        return {"fresh": torch.tensor(self._fresh)}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a saved state; the worlds must have been put back before."""
        self._moment, self._fresh = self.worlds.observe(), bool(saved["fresh"])


class Backprop(Learner):
    """Cross-entropy on the worlds' targets, back through whole episodes; arguments as in `Learner`.

    The score in the log is the share of episodes that were answered wholly right.
    """

    options: BackpropOptions
    options_class = BackpropOptions

    def make_collector(self) -> TeacherCollector:
        assert self.env is not None
        return TeacherCollector(worlds_of(self.env, self.device), self.policy)

    def collect(self, callback: Any) -> Lessons | None:
        lessons = self.collector.play(lambda moment: self.announce(callback, moment))
        if lessons is not None:
            self.num_timesteps += int(lessons.length.sum())  # steps of the episodes that are learned from
        return lessons

    def train(self, collected: Lessons) -> dict[str, Tensor]:
        """Update the weights, one part of the episodes after the other."""
        options = self.options
        self.policy.train()
        self._set_rate()
        # episodes of one length together: short ones need not wait for long ones
        order = collected.length.argsort(stable=True)
        longest = collected.length[order].tolist()
        parts = [slice(i, i + options.batch) for i in range(0, len(order), options.batch)]
        rows = []
        for number in torch.randperm(len(parts)).tolist():
            part = parts[number]
            rows.append(self._update(_cut(collected, order[part], longest[part][-1])))
        figures = {name: torch.stack([row[name] for row in rows]).mean() for name in rows[0]}
        return figures

    def _update(self, lessons: Lessons) -> dict[str, Tensor]:
        steps, batch = lessons.mask.shape
        starts = torch.zeros(steps, batch, dtype=torch.bool, device=self.device)
        parameters, _, _ = self.policy(lessons.observation, self.policy.initial_state(batch), starts)
        # per episode, not per moment: long episodes, which need the memory, weigh as much as they cost
        moments = lessons.mask.sum() / batch
        loss = cross_entropy(self.policy, parameters, lessons.target, lessons.mask) * moments
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.options.max_grad_norm)
        self.optimizer.step()
        self._n_updates += 1
        with torch.no_grad():
            wrong = wrong_numbers(self.policy, parameters, lessons.target, lessons.mask).sum(0)  # (B,)
            share = 1 - wrong.float() / numbers_due(lessons.target, lessons.mask).clamp(min=1)
            perfect = (wrong == 0).float()
            self.count(Episodes(share.tolist(), lessons.length.tolist(), perfect.tolist()))
            return {
                "loss": loss.detach(),
                "grad_norm": norm.detach(),
                "bits_per_episode": loss.detach() / math.log(2),
                "wrong_per_episode": wrong.float().mean(),
                "perfect_episodes": perfect.mean(),
            }


def wrong_numbers(policy: Policy, parameters: dict[str, Tensor], targets: dict[str, Tensor], mask: Tensor) -> Tensor:
    """How many numbers of the most likely action differ from the target, int64 (T, B); 0 outside the mask."""
    wrong = torch.zeros_like(mask, dtype=torch.int64)
    for name, target in targets.items():
        differs = policy.head(name).mode(parameters[name]) != target  # (T, B, …)
        wrong = wrong + (differs.flatten(2).sum(-1) if differs.ndim > 2 else differs)
    return wrong * mask


def numbers_due(targets: dict[str, Tensor], mask: Tensor) -> Tensor:
    """How many numbers each episode asks for, int64 (B,)."""
    each = sum(math.prod(target.shape[2:]) for target in targets.values())
    return mask.sum(0) * each


def _cut(lessons: Lessons, episodes: Tensor, steps: int) -> Lessons:
    """The first steps of some episodes."""

    def pick(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: pick(item) for key, item in value.items()}
        return value[:steps].index_select(1, episodes)

    return Lessons(pick(lessons.observation), pick(lessons.target), pick(lessons.mask), lessons.length[episodes])
