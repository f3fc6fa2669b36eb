"""Many worlds stepped by kernels that write into their state, where operators on small tensors would cost the most.

A world that can be played so says it in `BatchWorld.many_worlds`. As with `Solo`, the rules are those of its tensor
functions, number by number, and the world's state is right at every moment.
"""

import abc
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..tree import Tree
from .batch import BatchWorld
from .info import Masked
from .later import Later


class ManyWorlds(abc.ABC):
    """The worlds of a batch from a state on; of no use once the batch has another `state`.

    Args:
        world: on the CPU, with episodes begun.
        changing: names of the state's entries that steps change, beside `clock`.

    Attributes:
        world: the same.
        state: its state, whose changing entries are written to.
    """

    def __init__(self, world: BatchWorld, changing: Sequence[str]):
        mine = {name: world.state[name].clone() for name in ("clock", *changing)}  # others may hold the present ones
        self.world, self.state = world, {**world.state, **mine}
        self.now: dict[str, np.ndarray] = {name: value.numpy() for name, value in self.state.items()}
        self._over = world.over
        world.state = self.state

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """None, for pickle and copy: their tensors and arrays would no longer share memory."""
        return type(None), ()

    def valid(self) -> bool:
        """Whether the worlds are still where this left them."""
        return self.world.state is self.state and self.world.over is self._over

    def step(self, action: Tree) -> tuple[Tensor, Tensor, Tensor]:
        """As `BatchWorld.step`."""
        world, clock = self.world, self.now["clock"]
        world.waiting.settle()  # before the state is written to
        reward, terminated = self.advance(action)
        clock += 1
        most = world.max_episode_steps
        truncated = np.zeros_like(terminated) if most is None else ~terminated & (clock >= most)
        self._over = world.over = torch.from_numpy(terminated | truncated)
        world.count_step()
        return torch.from_numpy(reward), torch.from_numpy(terminated), torch.from_numpy(truncated)

    def reset(self, ended: Tensor) -> None:
        """Begin new episodes in some worlds."""
        self.world.reset(ended)
        self._over = self.world.over

    @abc.abstractmethod
    def advance(self, action: Tree) -> tuple[np.ndarray, np.ndarray]:
        """Rewards, float32 (B,), and which episodes terminate, bool (B,); writes the changing entries but `clock`."""

    @abc.abstractmethod
    def observe(self) -> tuple[Tree, Later[Masked]]:
        """The present observation and what `info` says of it, fresh."""
