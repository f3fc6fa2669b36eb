"""What the characters of a text cost a policy: by their kind, and letters of a name by how long ago it was said."""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..agents.policies.policy import Policy
from ..envs.protocols import world_of
from ..envs.registry import make_worlds
from ..envs.sequence.prose import KINDS
from ..envs.sequence.text import Text
from ..errors import FoveateError
from .saliency_scores import mean
from .whole_episodes import predict_episodes

DISTANCES = (0, 25, 50, 100, 200, 400, 800, 10_000)  # bounds, in characters
CHARACTERS = 8192  # of all texts that are read at once, which bounds the memory: attention has all pairs of a text's


class Cost(NamedTuple):
    """What some characters cost.

    Attributes:
        characters: how many there were.
        bits: each cost, in the mean: -log2 of the probability that it was given.
        optimum: what each costs who knows all that can be known; NaN where nobody knows.
        ponder: steps that were taken at each, N + R of adaptive computation time; NaN where it isn't adaptive.
    """

    characters: int
    bits: float
    optimum: float
    ponder: float


class TextCosts(NamedTuple):
    """What the characters of some texts cost.

    Attributes:
        all: of all characters.
        kinds: by kind (`prose.KINDS`), of those that occur.
        recall: of letters of names that were said before, from each name's second letter on, by the least and the
            greatest distance to where it was said last.
    """

    all: Cost
    kinds: dict[str, Cost]
    recall: dict[tuple[int, int], Cost]


def text_costs(policy: Policy, env_id: str, arguments: Mapping[str, object], episodes: int, seed: int) -> TextCosts:
    """Let a policy read texts, and say what each next character costs it.

    Args:
        policy: of ours, for such texts.
        env_id: of a `Text`.
        arguments: of it.
        episodes: how many texts.
        seed: of the first.

    Raises:
        FoveateError: it is no text, or the policy is for other characters.
    """
    world = world_of(make_worlds(env_id, 1, "cpu", dict(arguments)))
    if not isinstance(world, Text):
        raise FoveateError(f"what characters cost is of texts, as in Sequence/Text-v0, not of {env_id}.")
    count = min(max(CHARACTERS // world.length, 1), episodes)
    env = make_worlds(env_id, count, str(policy.device), dict(arguments))
    world = world_of(env)
    assert isinstance(world, Text)
    policy.check_plays(env.single_observation_space, env.single_action_space)
    env.reset(seed=seed)
    parts = [_read(policy, world, min(count, episodes - done)) for done in range(0, episodes, count)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    kinds, distance = columns.pop("kinds"), columns.pop("distance")
    return TextCosts(
        all=_cost(columns, np.ones_like(kinds, bool)),
        kinds={name: _cost(columns, kinds == kind) for kind, name in enumerate(KINDS) if (kinds == kind).any()},
        recall={
            (low + 1, high): _cost(columns, (distance > low) & (distance <= high))
            for low, high in pairwise(DISTANCES)
            if ((distance > low) & (distance <= high)).any()
        },
    )


def _read(policy: Policy, world: Text, count: int) -> dict[str, np.ndarray]:
    """The figures of all characters of some texts, each (T * n,)."""
    episodes = world.episodes(count)
    said = predict_episodes(policy, episodes)
    (name, parameters), *_ = said.parameters.items()
    nats = -policy.head(name).log_prob(parameters, episodes.target)  # (T, n)
    source = episodes.state["source"].T  # (T, n)
    now = 1 + torch.arange(len(source), device=source.device)[:, None]  # the place of the character that comes next
    unknown = torch.full_like(nats, torch.nan)
    found = {
        "bits": nats / np.log(2),
        "optimum": unknown if episodes.optimum is None else episodes.optimum,
        "ponder": said.records.get("ponder", unknown),
        "kinds": episodes.state["kinds"].T,
        "distance": torch.where(source >= 0, now - source, -1),
    }
    return {each: _column(value) for each, value in found.items()}


def _column(value: Tensor) -> np.ndarray:
    return value.flatten().numpy(force=True)


def _cost(columns: Mapping[str, np.ndarray], chosen: np.ndarray) -> Cost:
    figures = {name: mean(column[chosen].tolist()) for name, column in columns.items()}
    return Cost(int(chosen.sum()), **figures)
