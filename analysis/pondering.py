"""Does it think longer where there is more to think? Steps of adaptive computation time against difficulty."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch

from ..agents.policies.policy import Policy
from ..envs.memory.script import SequenceWorld
from ..envs.protocols import TellsDifficulty, world_of
from ..envs.registry import make_worlds
from ..errors import FoveateError
from .saliency_scores import mean, rank_correlation
from .whole_episodes import predict_episodes

AT_ONCE = 256  # episodes, which bounds the memory


class Level(NamedTuple):
    """Moments of one difficulty.

    Attributes:
        moments: how many there were.
        right: the share of them at which all that was written was right.
        ponder: steps that were taken, N + R of eq. 10 in Graves 2016, in the mean; NaN where none are counted.
    """

    moments: int
    right: float
    ponder: float


class Pondered(NamedTuple):
    """Moments at which something was due.

    Attributes:
        difficulty: what they were counted by.
        levels: by difficulty, the least first.
        correlation: Spearman's, of difficulty and steps over all moments; NaN where no steps are counted.
    """

    difficulty: str
    levels: dict[int, Level]
    correlation: float


def pondered(policy: Policy, env_id: str, arguments: Mapping[str, object], episodes: int, seed: int) -> Pondered:
    """Let a policy play episodes, and say how long it thought where how much was to be computed.

    Args:
        policy: of ours.
        env_id: of sequences whose world tells how difficult they are.
        arguments: of it.
        episodes: how many.
        seed: of the first.

    Raises:
        FoveateError: the world doesn't tell, or the policy is for others.
    """
    count = min(AT_ONCE, episodes)
    env = make_worlds(env_id, count, str(policy.device), dict(arguments))
    world = world_of(env)
    if not (isinstance(world, SequenceWorld) and isinstance(world, TellsDifficulty)):
        raise FoveateError(f"{env_id} doesn't tell how difficult it is: Memory/Parity-v0, Logic and Sort do.")
    policy.check_plays(env.single_observation_space, env.single_action_space)
    env.reset(seed=seed)
    parts = [_played(policy, world, count) for _ in range(-(-episodes // count))]
    difficulty, right, ponder = (np.concatenate(column) for column in zip(*parts, strict=True))
    levels = {
        int(level): Level(
            int((difficulty == level).sum()), mean(right[difficulty == level]), mean(ponder[difficulty == level])
        )
        for level in np.unique(difficulty)
    }
    counted = not np.isnan(ponder).any()
    together = float(rank_correlation(difficulty[None], ponder[None])[0]) if counted else float("nan")
    return Pondered(world.difficulty_name, levels, together)


def _played(policy: Policy, world: SequenceWorld, count: int) -> list[np.ndarray]:
    """Difficulty, whether all was right, and steps, of all moments at which something was due."""
    assert isinstance(world, TellsDifficulty)
    episodes = world.episodes(count)
    said = predict_episodes(policy, episodes)
    (name, parameters), *_ = said.parameters.items()
    right = policy.head(name).mode(parameters) == episodes.target  # (T, n) or (T, n, K)
    right = right if world.flat else right.all(-1)
    ponder = said.records.get("ponder", torch.full(right.shape, torch.nan))
    difficulty = world.difficulty(episodes.state).T[: len(right)]
    due = episodes.target_mask
    return [each[due].double().numpy(force=True) for each in (difficulty, right, ponder)]
