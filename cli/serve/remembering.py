"""An agent with an external memory, moment by moment through an episode."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...agents import Algorithm
from ...envs.registry import make_one, world_class
from ...errors import FoveateError, check_range
from ...viz.traces import draw_trace
from ...wrappers import MemoryTrace
from .looking import MOST_SEED
from .shelf import Agent

LONGEST = 60  # of a sequence: an episode is then some hundred moments, drawn in a second
WIDTHS = (320, 1200)  # pixels of a picture


class Size(NamedTuple):
    """The size that a world's episodes have.

    Attributes:
        name: what is counted, as in "length".
        low: least, in training.
        high: most, in training.
        most: most that may be asked for here.
        arguments: of the world, that set it.
    """

    name: str
    low: int
    high: int
    most: int
    arguments: tuple[str, ...]


class Moment(NamedTuple):
    """A moment in words.

    Attributes:
        said: what the agent wrote, "" where nothing was due.
        right: what was due.
        wrong: how many numbers of it are wrong.
        wrong_so_far: up to and with this moment.
        due_so_far: numbers that were due up to and with this moment.
    """

    said: str
    right: str
    wrong: int
    wrong_so_far: int
    due_so_far: int


class Memory:
    """An episode and its trace.

    Args:
        agent: who plays.
        learner: the same, loaded.
        seed: of the episode.
        size: how long the sequence is; None leaves it to the world.
        width: of the pictures, in pixels.

    Raises:
        FoveateError: the size isn't allowed, or the agent has no external memory.
    """

    def __init__(self, agent: Agent, learner: Algorithm, seed: int, size: int | None = None, width: int = 900):
        check_range("seed", seed, 0, MOST_SEED)
        self.width = check_range("width", width, *WIDTHS) // 2 * 2
        known, env = size_of(agent), dict(agent.env)
        if size is not None:
            if known is None:
                raise FoveateError(f"{agent.env_id} has no one size to choose.")
            check_range(known.name, size, 1, known.most)
            env |= dict.fromkeys(known.arguments, size)
        traced = MemoryTrace(make_one(agent.env_id, env), learner)
        observation, _ = traced.reset(seed=seed)
        state, over = None, False
        while not over:
            action, state = learner.predict(observation, state, deterministic=True)
            observation, _, terminated, truncated, _ = traced.step(action)
            over = terminated or truncated
        self.trace = traced.trace()
        traced.close()

    def __len__(self) -> int:
        """How many moments the episode has."""
        return len(self.trace["due"])

    @property
    def rows(self) -> int:
        """How many rows the memory has."""
        return self.trace["read_weights"].shape[-1]

    def picture(self, moment: int) -> np.ndarray:
        """All that happened up to and with a moment, counted from 0: uint8 (H, W, 3)."""
        so_far = {name: values[: moment + 1] for name, values in self.trace.items()}
        return draw_trace(so_far, self.width, len(self))

    def moment(self, moment: int) -> Moment:
        """What was said then against what is right."""
        due, said, right = self.trace["due"], self.trace["actions"], self.trace["targets"]
        if said.shape != right.shape or np.isnan(right).any():
            return Moment(_numbers(said[moment]), "", 0, 0, 0)
        wrong = ((said != right) & due[:, None]).sum(1)  # (T,)
        counted = int(due[: moment + 1].sum()) * said.shape[1]
        if not due[moment]:
            return Moment("", "", 0, int(wrong[: moment + 1].sum()), counted)
        total = int(wrong[: moment + 1].sum())
        return Moment(_numbers(said[moment]), _numbers(right[moment]), int(wrong[moment]), total, counted)


def size_of(agent: Agent) -> Size | None:
    """The size that can be chosen: the first that the world's splits set; None if they set none."""
    train: Mapping[str, int] = getattr(world_class(agent.env_id), "splits", {}).get("train", {})
    ranges = [name.removeprefix("min_") for name in train if name.startswith("min_")]
    if not train:
        return None
    name = ranges[0] if ranges else next(iter(train))
    arguments = (f"min_{name}", f"max_{name}") if ranges else (name,)
    given = [agent.env.get(each) or train[each] for each in arguments]
    low, high = (size if isinstance(size, int) else 1 for size in (given[0], given[-1]))
    return Size(name, low, high, max(LONGEST, high) if ranges else 2 * high, arguments)


def _numbers(values: np.ndarray) -> str:
    """Bits one beside the other, other numbers with spaces."""
    whole = values.round().astype(int).tolist()
    return ("" if set(whole) <= {0, 1} else " ").join(map(str, whole))
