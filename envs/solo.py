"""One world alone, in NumPy: an operator of PyTorch costs more than a whole step of a small world.

A world that can be played so says it in `BatchWorld.solo`. The rules are those of its tensor functions, number by
number; what they would have written stands in the world's state at every moment, so that everything else of the world
(relevance, pictures, states in and out) goes on as ever.
"""

import abc

import numpy as np

from .batch import BatchWorld
from .protocols import Info


class Solo(abc.ABC):
    """The only world of a batch of one, from a state on; of no use once the world has another `state`.

    Args:
        world: on the CPU, with an episode begun.
        changing: names of the state's entries that steps change, beside `clock`.

    Attributes:
        world: the same.
        state: its state, whose changing entries are written to.
        now: all entries as arrays of this one world, in the memory of the tensors.
    """

    def __init__(self, world: BatchWorld, *changing: str):
        mine = {name: world.state[name].clone() for name in ("clock", *changing)}  # others may hold the present ones
        self.world, self.state = world, {**world.state, **mine}
        self.now: dict[str, np.ndarray] = {name: value.numpy() for name, value in self.state.items()}
        self.over_tensor = world.over.clone()
        self._over = self.over_tensor.numpy()
        self.clock, self.over = int(self.now["clock"][0]), bool(self._over[0])
        world.state, world.over = self.state, self.over_tensor

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """None, for pickle and copy: their tensors and arrays would no longer share memory."""
        return type(None), ()

    def valid(self) -> bool:
        """Whether the world is still where this left it."""
        return self.world.state is self.state and self.world.over is self.over_tensor

    def step(self, action: np.ndarray) -> tuple[float, bool, bool]:
        """The reward, and whether the episode terminated or was truncated.

        Args:
            action: a checked one, without a dimension for the batch.
        """
        reward, terminated = self.advance(action)
        self.clock += 1
        self.now["clock"][0] = self.clock
        most = self.world.max_episode_steps
        truncated = most is not None and not terminated and self.clock >= most
        self.over = self._over[0] = terminated or truncated
        self.world.count_step()
        return reward, terminated, truncated

    @abc.abstractmethod
    def advance(self, action: np.ndarray) -> tuple[float, bool]:
        """As `BatchWorld.advance`: writes the state's changing entries but `clock`."""

    @abc.abstractmethod
    def observe(self) -> np.ndarray:
        """As `BatchWorld.observe`, a fresh array."""

    @abc.abstractmethod
    def annotate(self) -> Info:
        """As `BatchWorld.annotate`: fresh arrays, Python's numbers."""

    @abc.abstractmethod
    def score(self) -> float:
        """As the world's own."""
