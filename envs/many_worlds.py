"""Many worlds stepped by kernels that write into their state, where operators on small tensors would cost the most.

A world that can be played so says it in `BatchWorld.many_worlds`. As with `Solo`, the rules are those of its tensor
functions, number by number, and the world's state is right at every moment.
"""

import abc
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..tree import Tree
from .batch import BatchWorld, State
from .packed import with_rows


def renew(world: BatchWorld, ended: Tensor, everyone: bool) -> Callable[[], State]:
    """Begin new episodes in some worlds.

    Args:
        world: the worlds.
        ended: bool, (B,), which of them.
        everyone: whether it is known to be all.

    Returns:
        What gives the state before, until something is written into the present one.
    """
    state = world.state
    if everyone or world.device.type != "cpu":
        before = {**state}  # the reset puts other tensors into it
        world.reset(None if everyone else ended)
        return lambda: before
    where = ended.numpy().nonzero()[0]
    rows = {name: value.numpy()[where] for name, value in state.items()}
    world.reset(ended)
    if world.state is not state:  # nothing was written into this one
        return lambda: state
    return lambda: with_rows(state, where, rows)


class ManyWorlds(abc.ABC):
    """The worlds of a batch from a state on; of no use once the batch has another `state`.

    Args:
        world: on the CPU, with episodes begun.

    Attributes:
        world: the same.
        state: its state, which is written to.
        over: how many episodes the last step ended.
        changing: names of the entries that steps change.
    """

    changing: ClassVar[tuple[str, ...]]

    def __init__(self, world: BatchWorld):
        self.world, self.over = world, 0
        self.state = world.state = self.copied(world.state)  # others may hold the present one
        self._over, self._flags = world.over, np.empty((3, world.num_worlds), np.bool_)

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """None, for pickle and copy: their tensors and arrays would no longer share memory."""
        return type(None), ()

    def valid(self) -> bool:
        """Whether the worlds are still where this left them."""
        return self.world.state is self.state and self.world.over is self._over

    def step(self, action: Tree) -> tuple[Tensor, Tensor, Tensor]:
        """As `BatchWorld.step`."""
        world, self._flags = self.world, np.empty_like(self._flags)
        world.waiting.settle()  # before the state is written to
        reward, self.over = self.advance(action, world.max_episode_steps or 0, self._flags)
        terminated, truncated, over = self._flags
        self._over = world.over = torch.from_numpy(over)
        world.count_step()
        return torch.from_numpy(reward), torch.from_numpy(terminated), torch.from_numpy(truncated)

    def copied(self, state: State) -> State:
        """The state, its changing entries copied, which can be written to."""
        return {**state, **{name: state[name].clone(memory_format=torch.contiguous_format) for name in self.changing}}

    def reset(self, ended: Tensor) -> Callable[[], State]:
        """Begin new episodes in the worlds that the last step ended, bool (B,); returns what gives the state before."""
        before = renew(self.world, ended, self.over == len(ended))
        self._over = self.world.over
        return before

    @abc.abstractmethod
    def advance(self, action: Tree, most: int, flags: np.ndarray) -> tuple[np.ndarray, int]:
        """Make a step, writing into the state.

        Args:
            action: checked tensors.
            most: steps after which an episode is truncated; 0 for none.
            flags: bool, (3, B), which episodes terminate, are truncated, are over, written to.

        Returns:
            Rewards, float32 (B,), and how many episodes are over.
        """

    @abc.abstractmethod
    def observe(self) -> Tree:
        """As `BatchWorld.observe` of the present, fresh."""
