"""How true an agent's saliency is, all methods and targets together: what ``evaluate.py --score-saliency`` computes."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from ..envs.protocols import TellsRelevance, world_of
from ..envs.registry import check_one_agent, make_one, make_worlds, world_class
from ..errors import FoveateError
from ..wrappers.saliency import methods_of, targets_of
from ..wrappers.saliency.methods import check_method
from ..wrappers.saliency.pictures import names_of_actions
from ..wrappers.saliency.targets import Target, choose_targets
from ..wrappers.saliency.views import View
from ..wrappers.saliency.wrapper import usual_targets
from .recall import Recall, recall
from .saliency_benchmark import Row, benchmark, effects, randomised
from .saliency_moments import Moments, collect

COLUMNS = {
    "pointing": "greatest pixel is relevant",
    "auc": "ROC area against the relevance",
    "deletion": "how soon the output changes as the greatest pixels go (area; more is better)",
    "insertion": "how soon that is undone as they come back (area; more is better)",
    "anew": "rank correlation with random weights' maps, by size (near 0 passes the sanity check)",
    "anew_signed": "the same with signs",
    "first": "the brightest object is the one whose change matters most",
    "agreement": "rank correlation of brightness and effect over objects",
}

NO_SCORE = "the world doesn't say what is relevant or has no objects to change, or the method has no signs"

Plain = dict[str, object]
"""Figures as JSON."""


class Subject(NamedTuple):
    """Whose saliency is studied, and where.

    Attributes:
        view: into its policy.
        env_id: the environment.
        env: its arguments.
        seed: of the episodes.
    """

    view: View
    env_id: str
    env: dict[str, object]
    seed: int


class Effect(NamedTuple):
    """How far an output moves when something is done to an object: the mean with its bootstrap interval.

    Attributes:
        mean: over the moments.
        low: lower end.
        high: upper end.
        moments: at which the object is there.
    """

    mean: float
    low: float
    high: float
    moments: int


class Study(NamedTuple):
    """How true the maps are.

    Attributes:
        env_id: the environment.
        seed: of the episodes.
        count: moments of play, or episodes where the truth is a moment.
        rows: one a method and target; none where the truth is a moment.
        areas: the share of the picture that each object covers.
        effects: of each object on each target.
        sequential: where the truth is a moment, by target: "as trained" and with "random weights".
    """

    env_id: str
    seed: int
    count: int
    rows: list[Row]
    areas: dict[str, float]
    effects: dict[str, dict[str, Effect]]
    sequential: dict[str, dict[str, Recall]]

    def plain(self) -> Plain:
        """As JSON, where NaN is None."""
        if self.sequential:
            recalls = {
                target: {name: {k: _or_none(float(v)) for k, v in one._asdict().items()} for name, one in both.items()}
                for target, both in self.sequential.items()
            }
            return {"env_id": self.env_id, "episodes": self.count, "seed": self.seed, "sequential": recalls}
        moved = {
            target: {name: effect._asdict() for name, effect in effects.items()}
            for target, effects in self.effects.items()
        }
        rows = [_plain(row) for row in self.rows]
        known: Plain = {"env_id": self.env_id, "moments": self.count, "seed": self.seed}
        return {**known, "rows": rows, "areas": self.areas, "effects": moved}


def study(
    subject: Subject,
    methods: Sequence[str],
    targets: Sequence[str],
    count: int,
    on_method: Callable[[str, int, int], object] | None = None,
) -> Study:
    """Score an agent's maps against what is relevant, by deletion and insertion and by interventions.

    Args:
        subject: whose maps.
        methods: names from `METHODS`; none is all that fit.
        targets: what they explain; none is the usual.
        count: moments of play; episodes where the truth is a moment.
        on_method: called with each method's name, its number and the number of methods as it begins.

    Raises:
        FoveateError: a method or target doesn't fit the policy or the environment.
    """
    view = subject.view
    check_one_agent(subject.env_id, "saliency")
    env = make_one(subject.env_id, subject.env)
    action_names = names_of_actions(env)
    chosen = choose_targets(view, list(targets) or usual_targets(targets_of(view, action_names)), action_names)
    if _truth_is_a_moment(env):
        if methods:
            raise FoveateError(
                "in a world whose truth is a moment only the sequential Jacobian is scored: no --saliency."
            )
        return study_recall(subject, list(targets) or ["logits"], count)
    for name in methods:  # before anything is played
        check_method(view, name, [target for target in chosen if target.action] or chosen)
    worlds = _worlds(subject, min(8, count))
    world = world_of(worlds)
    length = None if world is None else world.episode_length
    every = 11 if length is None else max(1, min(11, length - 1))
    moments = collect(view, worlds, count, every, subject.seed)
    worlds.close()
    known = [*methods] or methods_of(view)
    begin = None if on_method is None else lambda name: on_method(name, known.index(name), len(known))
    rows = benchmark(view, moments, known, chosen, begin)
    moved = {target.name: _effects(view, moments, target) for target in chosen}
    return Study(subject.env_id, subject.seed, count, rows, _areas(moments), moved, {})


def study_recall(subject: Subject, targets: Sequence[str], episodes: int) -> Study:
    """Environments whose truth is a moment: does the sequential Jacobian point at it?

    Args:
        subject: whose Jacobian.
        targets: what it explains.
        episodes: how many.
    """
    recalls: dict[str, dict[str, Recall]] = {}
    for target in choose_targets(subject.view, list(targets)):
        for name, view in (("as trained", subject.view), ("random weights", randomised(subject.view))):
            share = recall(view, _worlds(subject, episodes), target, subject.seed)
            recalls.setdefault(target.name, {})[name] = share
    return Study(subject.env_id, subject.seed, episodes, [], {}, {}, recalls)


def _truth_is_a_moment(env: gym.Env) -> bool:
    """Whether what is relevant is a time step, not a place in a picture."""
    world = world_of(env)
    if not isinstance(world, TellsRelevance):
        return False
    env.reset(seed=0)
    return world.relevance(world.state).dim() == 2


def _worlds(subject: Subject, count: int) -> VectorEnv:
    device = str(subject.view.device)
    if world_class(subject.env_id) is None:
        return make_worlds(subject.env_id, count, device, subject.env)
    options = {"autoreset_mode": "SameStep", "output": "torch", "device": device, "relevance": True}
    return gym.make_vec(subject.env_id, count, **{**options, **subject.env})


def _plain(row: Row) -> Plain:
    plain = row._asdict()
    curves = {name: [_or_none(x) for x in curve] for name, curve in plain.pop("curves")._asdict().items()}
    return {**_numbers(plain), "shares": _numbers(row.shares), "curves": curves}


def _numbers(plain: Mapping[str, object]) -> Plain:
    return {name: _or_none(value) if isinstance(value, float) else value for name, value in plain.items()}


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)


def _areas(moments: Moments) -> dict[str, float]:
    """The share of the picture that each object covers where it is there."""
    areas = {}
    for name, mask in moments.objects.items():
        area = mask.flatten(1).float().mean(1)
        areas[name] = float(area[area > 0].mean()) if bool((area > 0).any()) else 0.0
    return areas


def _effects(view: View, moments: Moments, target: Target) -> dict[str, Effect]:
    """What is done to each object, and how far the output moves on average."""
    summaries = {}
    for name, moved in effects(view, moments, target).items():
        there = moved[~np.isnan(moved)]
        if len(there):
            means = there[np.random.default_rng(0).integers(0, len(there), (1000, len(there)))].mean(1)
            low, high = np.quantile(means, [0.025, 0.975])
            summaries[name] = Effect(float(there.mean()), float(low), float(high), len(there))
    return summaries
