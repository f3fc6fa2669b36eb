"""Scripts for many worlds by kernels: the rules of `AnswerWorld`, number by number."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...tree import Tree
from ..batch import State
from ..kernels import kernel, worth_it
from ..many_worlds import ManyWorlds
from ..packed import Packed, with_rows
from .script_solo import plain

if TYPE_CHECKING:
    from .script import AnswerWorld

NO_SET = np.zeros((1, 1, 1, 0), np.bool_)


class ManyScripts(ManyWorlds):
    """Worlds that have their rules and observations from `AnswerWorld`.

    Args:
        world: the worlds.
    """

    world: "AnswerWorld"
    state: Packed

    def __init__(self, world: "AnswerWorld"):
        super().__init__(world)
        self.key, self.episode = world.key.numpy(), world.episode.numpy()
        now = self.now = self.state.arrays
        self._script = now["inputs"], now["targets"], now["mask"], now["length"]
        self._counts = now["due"], now["right"], now["wrong"]
        self._set = now.get("target_set", NO_SET)
        self._least, self._dense = np.array(world.least), world.reward == "dense"
        self._shown: np.ndarray | None = None  # what is seen now, if no one has it yet

    def advance(self, action: Tree, most: int, flags: np.ndarray) -> tuple[np.ndarray, int]:
        written, inputs = action.numpy(), self.now["inputs"]
        written = written[:, None] if self.world.flat else written
        reward, self._shown = np.empty(len(written), np.float32), np.empty((len(written), inputs.shape[2]), np.float32)
        asked = self._set, self._least, self._counts, self._dense, most
        over = kernel("answers")(written, self.now["clock"], self._script, *asked, reward, flags, self._shown)
        return reward, over

    def copied(self, state: State) -> Packed:
        return Packed(state)

    def reset(self, ended: Tensor) -> Callable[[], State]:
        if self.over == len(ended):
            return super().reset(ended)
        world, mask = self.world, ended.numpy()
        rows, where = self.state.rows(mask, self.over), mask.nonzero()[0]
        self.episode, self._over = self.episode + mask, torch.zeros_like(ended)
        world.count_reset(torch.from_numpy(self.episode), self._over)
        if world.rewrite(self.now, where, self.key, self.episode):
            for name in ("clock", "right", "wrong"):
                self.now[name][where] = 0
        else:
            world.beginnings.put(self.state, ended, world.key, world.episode, False)
        if self._shown is not None:
            self._shown[where] = self.now["inputs"][where, 0]
        return lambda: with_rows(self.state, where, self.state.parts(rows))

    def observe(self) -> Tensor:
        if self._shown is None:
            clock, inputs = self.now["clock"], self.now["inputs"]
            self._shown = inputs[np.arange(len(clock)), np.minimum(clock, inputs.shape[1] - 1)]
        shown, self._shown = self._shown, None
        return torch.from_numpy(shown)


def many_scripts(world: "AnswerWorld") -> ManyScripts | None:
    """The worlds together, or None where they have rules of their own, are few or lie on another device.

    Args:
        world: the worlds.
    """
    served = worth_it("answers", world.device, world.num_worlds)
    return ManyScripts(world) if served and plain(world) else None
