"""Back-propagation through time on whole episodes: worlds say what the actions should be, and the policy imitates.

Worlds that are scripts give whole episodes at once; the others are played by doing what the targets say.
"""

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ... import tree
from ...envs.episodes import Episodes
from ...envs.protocols import ScriptedWorld
from ...errors import FoveateError
from ...tree import Tree
from ..nn.finite import check
from ..policies.attend import ReadingCore
from ..policies.policy import Policy
from .actor import GuidedActor, Observer, OnStep, Transition, announcers, play
from .distributed import Rows, Share, drawing_as_one
from .environments import Environments, TimeStep, VectorEnvironments, check_plays
from .hooks import Hooks
from .inner_choices import LOG_PROB, choice_loss, choosing_core
from .learner import Learner
from .losses import added, counted, first_of, supervised_parts, target_loss
from .options import BackpropOptions
from .recomputation import run_in_pieces
from .rollout import EndedEpisodes
from .room import Room

REMEDY = "play fewer worlds (--learner.worlds, and --learner.batch with them), or shorter episodes"


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
    """Keeps what an actor was shown and should have done, one episode a row.

    Args:
        actor: who is watched.
        room: the memory for it.
    """

    def __init__(self, actor: GuidedActor, room: Room):
        self._room = room
        self._policy, self._ragged = actor.policy, actor.environments.episode_length is None
        self._alive = torch.ones_like(actor.starts)
        self._rows: list[_Row] = []

    def on_step(self, transition: Transition) -> None:
        self._room.check(len(self._rows))
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
            FoveateError: there are no targets, or the episodes don't fit into memory.
        """
        if not self.actor.fresh:
            self.begin()
        if not supervised_parts(self.actor.now().target, self.policy):
            raise FoveateError("back-propagation needs worlds that say the target in info; these don't.")
        known = self.environments.episode_length or self.environments.most_steps
        rows = self.environments.rows
        recorder = _Recorder(self.actor, Room(self.environments, self.actor.now(), known, REMEDY))
        with drawing_as_one(rows):
            observers = [recorder, *announcers(on_step)]
            if not play(self.actor, episodes=1, observers=observers, going=rows.any if rows else bool):
                return None
        return _gathered(recorder.lessons(), rows)

    def begin(self, seed: int | None = None) -> TimeStep:
        """Begin new episodes in all rows; with a seed, the first ones of that seed."""
        with drawing_as_one(self.environments.rows):
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


class ScriptCollector:
    """Takes whole episodes from worlds that know them at their reset; nobody steps.

    Args:
        environments: around worlds that are scripts.
        policy: whose heads say which parts of the action have a target.
    """

    def __init__(self, environments: VectorEnvironments, policy: Policy):
        self.environments, self.policy = environments, policy
        self.begun = False

    def collect(self, on_step: OnStep | None = None) -> Lessons | None:
        """The next episode of every row; arguments as in `TeacherCollector.collect`."""
        if not self.begun:
            self.begin()
        script = self.environments.script
        assert script is not None
        episodes = script.episodes()
        if on_step is not None and not self._announced(script, episodes, on_step):
            return None
        said = {
            name: None if value is None else supervised_parts(self.environments.by_part(value), self.policy)
            for name, value in (("target", episodes.target), ("target_set", episodes.target_set))
        }
        lessons = Lessons(
            episodes.observation, said["target"] or {}, said["target_set"], episodes.target_mask, episodes.length
        )
        return _gathered(lessons, self.environments.rows)

    def _announced(self, script: ScriptedWorld, episodes: Episodes, on_step: OnStep) -> bool:
        """Call `on_step` as if the targets had been played, with each episode's return at its end."""
        returns = script.judge(episodes, episodes.target).returns
        steps = torch.arange(1, len(episodes.target_mask) + 1, device=returns.device)
        ended = episodes.length == steps[:, None]  # (T, B)
        return all(map(on_step, torch.where(ended, returns, 0.0), ended))

    def begin(self, seed: int | None = None) -> TimeStep:
        """Begin new episodes in all rows; with a seed, the first ones of that seed."""
        self.begun = True
        return self.environments.reset(seed)

    def state_dict(self) -> dict[str, Tensor]:
        """Nothing: the worlds know which episodes were taken."""
        return {}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on; the environments must have been put back before."""
        self.begun = True


class BackpropLearner(Learner[TeacherCollector | ScriptCollector, Lessons]):
    """Cross-entropy on the worlds' targets, back through whole episodes; arguments as in `Learner`.

    The score in the log is the share of episodes that were answered wholly right.
    """

    options: BackpropOptions
    options_class = BackpropOptions

    @cached_property
    def _chooser(self) -> ReadingCore | None:
        """Looked for once: going through all modules takes as long as some ten operators."""
        return choosing_core(self.policy)

    def make_collector(self, env: object) -> TeacherCollector | ScriptCollector:
        if self.options.recompute_every and self._chooser is not None:
            raise FoveateError(
                f"recompute_every={self.options.recompute_every} is not allowed with hard=True: how a source is read "
                "is sampled once for all of its text."
            )
        environments = self.adapted(env)
        if isinstance(environments, VectorEnvironments) and environments.script is not None:
            check_plays(self.policy, environments)
            return ScriptCollector(environments, self.policy)
        return TeacherCollector(environments, self.policy)

    def collect(self, hooks: Hooks) -> Lessons | None:
        assert self.collector is not None
        lessons = self.collector.collect(hooks.on_step)
        if lessons is not None:
            self.counts.steps += int(lessons.length.sum())  # steps of the episodes that are learned from
        return lessons

    def recent_successes(self, fewer_is_better: bool) -> np.ndarray:
        """As the base; what is remembered of an episode is whether all was right, whatever the world's score counts."""
        return self.recent_scores()

    def update(self, collected: Lessons) -> dict[str, Tensor]:
        """Update the weights, one part of the episodes after the other."""
        options = self.options
        check({"observation": collected.observation, "target": collected.target})
        self.policy.train()
        self.set_rate()
        # episodes of one length together: short ones need not wait for long ones
        order = collected.length.argsort(stable=True)
        longest = collected.length[order].tolist()
        parts = [slice(i, i + options.batch) for i in range(0, len(order), options.batch)]
        rows, numbers = [], torch.randperm(len(parts)).tolist()
        wrong = torch.zeros(len(order), device=self.device, dtype=torch.float32)  # numbers of each episode
        for number in numbers:
            part = parts[number]
            share = self.processes.share(len(order[part]), self.device)
            mine = order[part] if share.rows is None else order[part][share.rows]
            with self.processes.own_noise(self.device, self.counts.updates):
                figures, found = self._update(_cut(collected, mine, longest[part][-1]), share)
            rows.append(figures)
            if not share.spare:
                wrong[mine] = found.float()
        wrong = self.processes.total(wrong)
        right = 1 - wrong / numbers_due(self.policy, collected.target, collected.mask).clamp(min=1)
        perfect = (wrong == 0).float()
        played = torch.cat([order[parts[number]] for number in numbers])
        scores, all_right = torch.stack([right, perfect])[:, played].tolist()
        self.count(EndedEpisodes(scores, collected.length[played].tolist(), all_right))
        means = {name: torch.stack([row[name] for row in rows]).mean() for name in rows[0]}
        return {**means, "wrong_per_episode": wrong.mean(), "perfect_episodes": perfect.mean()}

    def _update(self, lessons: Lessons, share: Share) -> tuple[dict[str, Tensor], Tensor]:
        """A step of the optimiser; returns figures, and how many numbers of each episode were wrong, (B,).

        Args:
            lessons: this process's share of the step's.
            share: what part of them that is.
        """
        (steps, batch), chooser = lessons.mask.shape, self._chooser
        with torch.no_grad():  # every row begins an episode: what it begins with is written then
            state = self.policy.initial_state(batch)
        starts, record, moments = first_of(lessons.mask), chooser is not None, self.options.recompute_every
        prediction = run_in_pieces(self.policy, lessons.observation, state, starts, record, moments)
        mask = counted(self.policy, lessons.target, lessons.mask, lessons.length)
        each = target_loss(self.policy, prediction.parameters, lessons.target, lessons.target_set, lessons.length)
        each = torch.where(mask, each, 0.0)  # (T, B)
        # per episode, not per moment: long episodes, which need the memory, weigh as much as they cost
        loss = share.part(each.sum() / batch)
        figures = {"bits_per_episode": loss.detach() / math.log(2)}
        if prediction.losses or chooser is not None:
            alive = torch.arange(steps, device=self.device)[:, None] < lessons.length  # (T, B)
            for name, own in prediction.losses.items():
                own = share.part(torch.where(alive, own, 0.0).sum(0).mean())
                loss, figures[name] = loss + own, own.detach()
            if chooser is not None:
                chosen = choice_loss(chooser, prediction.records[LOG_PROB], each, alive, self.processes, share)
                loss = loss + share.part(chosen.mean())
        figures |= {"loss": loss.detach(), "grad_norm": self.descend(loss)}
        parameters = {name: value.detach() for name, value in prediction.parameters.items()}
        return figures, wrong_numbers(self.policy, parameters, lessons).sum(0)


def wrong_numbers(policy: Policy, parameters: dict[str, Tensor], lessons: Lessons) -> Tensor:
    """How many numbers of the most likely action are not right, of those that can be, int64 (T, B); 0 outside the mask.

    Args:
        policy: whose heads say what is most likely.
        parameters: each head's, (T, B, …).
        lessons: what would be right: the target, or any of a set.
    """
    found = []
    for name, target in lessons.target.items():
        head = policy.head(name)
        said = head.mode(parameters[name])  # (T, B, …)
        differs = head.countable(said) != head.countable(target)  # (T, B, n)
        if lessons.target_set is not None and name in lessons.target_set:
            right = lessons.target_set[name]
            differs = ~right.gather(-1, head.index_of(said)[..., None])[..., 0] & right.any(-1)  # none asks for nothing
            differs = differs.flatten(2) if differs.ndim > 2 else differs[..., None]
        found.append(differs.sum(-1))
    return added(found) * lessons.mask


def numbers_due(policy: Policy, targets: dict[str, Tensor], mask: Tensor) -> Tensor:
    """How many numbers each episode asks for, of those that can be right or wrong, int64 (B,)."""
    each = sum(policy.head(name).countable(target).shape[-1] for name, target in targets.items())
    return mask.sum(0) * each


def _gathered(lessons: Lessons, rows: Rows | None) -> Lessons:
    """The lessons of all processes, from this one's rows; as long as the longest of all."""
    if rows is None:
        return lessons
    missing = rows.processes.most(len(lessons.mask)) - len(lessons.mask)
    over_time: Lessons = tree.map(
        lambda x: torch.cat([x, x.new_zeros(missing, *x.shape[1:])]) if missing else x, lessons._replace(length=None)
    )
    return rows.gather(over_time, 1)._replace(length=rows.gather(lessons.length, 0))


def _cut(lessons: Lessons, episodes: Tensor, steps: int) -> Lessons:
    """The first steps of some episodes."""
    over_time = tree.map(lambda x: x[:steps].index_select(1, episodes), lessons._replace(length=None))
    return over_time._replace(length=lessons.length[episodes])
