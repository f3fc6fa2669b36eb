"""Back-propagation through time on whole episodes: worlds say what the actions should be, and the policy imitates."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ... import tree
from ...errors import FoveateError
from ...tree import Tree
from ..policies.policy import Policy
from .actor import GuidedActor, Observer, OnStep, Transition, announcers, play
from .environments import Environments, TimeStep, environments_of
from .learner import Learner
from .losses import cross_entropy, supervised_parts
from .options import BackpropOptions
from .rollout import Episodes


class Lessons(NamedTuple):
    """Whole episodes, padded to the longest.

    Attributes:
        observation: tensors (T, B, …).
        target: by part of the action, (T, B, …).
        target_set: by part, all that would be right, bool (T, B, …, n); None if just the target is.
        mask: bool, (T, B), where the target counts.
        length: int64, (B,), steps of each episode.
    """

    observation: Tree
    target: dict[str, Tensor]
    target_set: dict[str, Tensor] | None
    mask: Tensor
    length: Tensor


class _Row(NamedTuple):
    """One step of the episodes, (B, …)."""

    observation: Tree
    target: dict[str, Tensor]
    target_set: dict[str, Tensor] | None
    mask: Tensor
    alive: Tensor


class _Recorder(Observer):
    """Keeps what an actor was shown and should have done, one episode a row."""

    def __init__(self, actor: GuidedActor):
        self._policy, self._ragged = actor.policy, actor.environments.episode_length is None
        self._alive = torch.ones_like(actor.starts)
        self._rows: list[_Row] = []

    def on_step(self, transition: Transition) -> None:
        before, alive = transition.before, self._alive
        mask = alive if before.target_mask is None else alive & before.target_mask
        target = supervised_parts(before.target, self._policy)
        self._rows.append(_Row(before.observation, target, before.target_set, mask, alive))
        if self._ragged:
            self._alive = alive & ~transition.ended

    def lessons(self) -> Lessons:
        """All steps so far."""
        columns: _Row = tree.stack(self._rows)
        return Lessons(columns.observation, columns.target, columns.target_set, columns.mask, columns.alive.sum(0))


class TeacherCollector:
    """Plays one episode in every row by doing what the targets say; parts without a target are the policy's.

    Args:
        environments: where to play.
        policy: who is asked about parts of the action that have no target.
    """

    def __init__(self, environments: Environments, policy: Policy):
        self.environments, self.policy = environments, policy
        self.actor = GuidedActor(policy, environments)

    @torch.no_grad()
    def collect(self, on_step: OnStep | None = None) -> Lessons | None:
        """An episode of every row.

        Args:
            on_step: called with each step's rewards and ends, each (B,); False stops.

        Returns:
            None if `on_step` stopped it.

        Raises:
            FoveateError: there are no targets.
        """
        if not self.actor.fresh:
            self.begin()
        if not supervised_parts(self.actor.now().target, self.policy):
            raise FoveateError("back-propagation needs worlds that say the target in info; these don't.")
        recorder = _Recorder(self.actor)
        if not play(self.actor, episodes=1, observers=[recorder, *announcers(on_step)]):
            return None
        return recorder.lessons()

    def begin(self, seed: int | None = None) -> TimeStep:
        """Begin new episodes in all rows; with a seed, the first ones of that seed."""
        return self.actor.reset(seed)

    @property
    def begun(self) -> bool:
        """Whether there is anything to save."""
        return self.actor.begun

    def state_dict(self) -> dict[str, Tensor]:
        """What must be saved for an exact resume, beside the environments' own state."""
        return {"fresh": torch.tensor(self.actor.fresh)}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a saved state; the environments must have been put back before."""
        self.actor.resume(fresh=bool(saved["fresh"]))


class Backprop(Learner):
    """Cross-entropy on the worlds' targets, back through whole episodes; arguments as in `Learner`.

    The score in the log is the share of episodes that were answered wholly right.
    """

    options: BackpropOptions
    options_class = BackpropOptions

    def make_collector(self) -> TeacherCollector:
        assert self.env is not None
        return TeacherCollector(environments_of(self.env, self.device), self.policy)

    def collect(self, callback: Any) -> Lessons | None:
        lessons = self.collector.collect(lambda reward, ended: self.announce(callback, reward, ended))
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
        parameters = self.policy(lessons.observation, self.policy.initial_state(batch), starts).parameters
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
    over_time = tree.map(lambda x: x[:steps].index_select(1, episodes), lessons._replace(length=None))
    return over_time._replace(length=lessons.length[episodes])
