"""Scripts for many worlds by kernels: the rules of `AnswerWorld`, number by number."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...tree import Tree
from ..info import Masked
from ..kernels import kernel, worth_it
from ..later import Later
from ..many_worlds import ManyWorlds
from .script_solo import plain

if TYPE_CHECKING:
    from .script import AnswerWorld

NO_SET = np.zeros((1, 1, 1, 0), np.bool_)


class ManyScripts(ManyWorlds):
    """Worlds that have their rules, observations and annotations from `AnswerWorld`.

    Args:
        world: the worlds.
    """

    world: "AnswerWorld"

    def __init__(self, world: "AnswerWorld"):
        super().__init__(world, ("right", "wrong"))
        now = self.now
        self._script = now["targets"], now["mask"], now["length"]
        self._counts = now["due"], now["right"], now["wrong"]
        self._set = now.get("target_set", NO_SET)
        self._rows = now["inputs"], now["targets"], now["mask"]
        self._least, self._dense = np.array(world.least), world.reward == "dense"

    def advance(self, action: Tree) -> tuple[np.ndarray, np.ndarray]:
        written = action.numpy()
        written = written[:, None] if self.world.flat else written
        reward, ended = np.empty(len(written), np.float32), np.empty(len(written), np.bool_)
        kernel("answers")(
            written, self.now["clock"], self._script, self._set, self._least, self._counts, self._dense, reward, ended
        )
        return reward, ended

    def observe(self) -> tuple[Tensor, Later[Masked]]:
        world, clock, over = self.world, self.now["clock"], self.world.over
        inputs, targets, mask = (np.empty((len(clock), *rows.shape[2:]), rows.dtype) for rows in self._rows)
        kernel("moments")(clock, *self._rows, inputs, targets, mask)
        said = {"target": torch.from_numpy(targets), "target_mask": torch.from_numpy(mask)}
        if len(self.state.keys() & _MORE.keys()):
            more = world.annotate(self.state)
            said |= {name: more[name] for name in _MORE.values() if name in more}
        score, begun = world.score(self.state), torch.from_numpy(clock > 0)

        def info() -> Masked:
            playing = ~over
            found = {name: (value, playing) for name, value in said.items()}
            if world.flat:
                found["target"] = (said["target"][:, 0], playing)
            return {**found, "score": (score, begun)}

        return torch.from_numpy(inputs), Later(info)


_MORE = {"target_set": "target_set", "optimum": "optimum"}  # what `info` says in some of these worlds


def many_scripts(world: "AnswerWorld") -> ManyScripts | None:
    """The worlds together, or None where they have rules of their own, are few or lie on another device.

    Args:
        world: the worlds.
    """
    served = worth_it("answers", world.device, world.num_worlds)
    return ManyScripts(world) if served and plain(world) else None
