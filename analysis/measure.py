"""Measuring an agent in an environment chosen by id: the same way while training and afterwards."""

import math
import zlib
from collections.abc import Callable, Mapping

import numpy as np

from ..agents.learning.actor import Observer
from ..agents.learning.environments import environments_of
from ..agents.learning.evaluation import Outcomes, play_episodes
from ..agents.policies.policy import Policy
from ..envs.protocols import HasItems, RetinaWorld, TellsRelevance, world_of
from ..envs.registry import check_arguments, env_options, is_slow, make_worlds, world_class

MOST_WORLDS = 1000  # at once, which bounds the memory
EVALUATION_SEED = 1_000_003  # far from the seeds of training


def usual_episodes(*env_ids: str) -> int:
    """How many episodes are measured when nothing is said: fewer where they take long."""
    return 20 if any(map(is_slow, env_ids)) else 1000


def measure(
    policy: Policy,
    env_id: str,
    arguments: Mapping[str, object],
    split: str | None,
    episodes: int,
    seed: int = EVALUATION_SEED,
    on_step: Callable[[int], object] | None = None,
    gaze: bool = False,
    watch: Callable[[object, int], Observer] | None = None,
) -> Outcomes:
    """Play about `episodes` episodes.

    Where the environment has as many items as that or fewer, each is shown equally often; else they are drawn.

    Args:
        policy: who plays, deterministically.
        env_id: where.
        arguments: of the environment.
        split: a split of the environment; ignored where it has none.
        episodes: how many, rounded up to whole rounds.
        seed: of the worlds.
        on_step: called after each step with the number of episodes that have ended.
        gaze: also measure how far from what matters the last glimpse is, where there are glimpses: the world then draws
            what matters at every step, which takes as long as a step.
        watch: given the world and the episodes of each row that count, who else looks on; of worlds whose episodes are
            drawn.
    """
    check_arguments(env_id, arguments)
    options = env_options(env_id)
    arguments = with_split(env_id, arguments, split)
    # what helps training and hides the score: the game itself is measured
    arguments |= {name: False for name in ("reward_clipping", "episodic_life") if name in options}
    if split is not None and "order" not in options:  # worlds drawn from the seed alone: splits must not share episodes
        seed += zlib.crc32(split.encode())
    if world_class(env_id) is None:
        seed %= 2**31 - MOST_WORLDS  # others' worlds take seeds of 31 bits
    device = str(policy.device)
    one = make_worlds(env_id, 1, device, arguments)
    world = world_of(one)
    relevance = gaze and isinstance(world, RetinaWorld) and isinstance(world, TellsRelevance)
    items = world.items if isinstance(world, HasItems) else None
    if items is None or "order" not in options or episodes < items:
        count = min(episodes, 256)
        env, rounds = make_worlds(env_id, count, device, arguments, relevance), math.ceil(episodes / count)
        observers = [] if watch is None else [watch(world_of(env), rounds)]
        return play_episodes(
            policy, environments_of(env, policy.device), rounds, seed, on_step=on_step, observers=observers
        )
    arguments["order"] = "each"
    rounds = math.ceil(episodes / items)
    first = seed - seed % items  # with order="each" a world seeded with s shows item s modulo their number
    parts: list[Outcomes] = []
    for begin in range(0, items, MOST_WORLDS):
        count = min(MOST_WORLDS, items - begin)
        worlds = environments_of(make_worlds(env_id, count, device, arguments, relevance), policy.device)
        done = sum(len(part.returns) for part in parts)
        report = None if on_step is None else (lambda n, done=done: on_step(done + n))
        parts.append(play_episodes(policy, worlds, rounds, first + begin, on_step=report))
    return Outcomes(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def with_split(env_id: str, arguments: Mapping[str, object], split: str | None) -> dict[str, object]:
    """The arguments of an environment with a split set, where it has splits.

    A split that sets sizes of its own replaces those that are given; one that doesn't ("test") keeps them.
    """
    if split is None or "split" not in env_options(env_id):
        return dict(arguments)
    world = world_class(env_id)
    own = {} if world is None or split == "train" else getattr(world, "splits", {}).get(split, {})
    return {**arguments, **dict.fromkeys((name for name in own if name in arguments), None), "split": split}


def main_figure(episodes: Outcomes) -> np.ndarray:
    """What to judge by, one figure an episode: the task's own score where there is one, else the return."""
    return episodes.returns if np.isnan(episodes.scores).any() else episodes.scores


def lower_is_better(env_id: str) -> bool:
    """Whether a lower main figure is better in this environment."""
    world = world_class(env_id)
    return world is not None and world.lower_is_better
