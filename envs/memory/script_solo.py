"""Scripts for one world alone, in NumPy: the rules of `AnswerWorld`, number by number."""

from typing import TYPE_CHECKING

import numpy as np

from ..protocols import Info
from ..solo import Solo

if TYPE_CHECKING:
    from .script import AnswerWorld


class ScriptSolo(Solo):
    """An `AnswerWorld` that has its rules, observations and annotations from there.

    Args:
        world: the world.
    """

    world: "AnswerWorld"

    def __init__(self, world: "AnswerWorld"):
        super().__init__(world, "right", "wrong")
        script = {name: self.now[name][0] for name in ("inputs", "targets", "mask") if name in self.now}
        self.inputs, self.targets, self.mask = script["inputs"], script["targets"], script["mask"]
        self.target_set = self.now["target_set"][0] if "target_set" in self.now else None
        self.optimum = self.now["optimum"][0] if "optimum" in self.now else None
        self.length, self.due = int(self.now["length"][0]), int(self.now["due"][0])
        self.right, self.wrong = int(self.now["right"][0]), int(self.now["wrong"][0])
        self.least = np.array(world.least)
        self.columns = np.arange(world.outputs)
        self.full = np.float32(self.due * world.outputs)
        self.counts_wrong = type(world).score is _base().score

    def _moment(self) -> int:
        return min(self.clock, self.world.most_steps - 1)

    def advance(self, action: np.ndarray) -> tuple[float, bool]:
        moment, outputs, right = self._moment(), self.world.outputs, 0
        if self.mask[moment]:
            if self.target_set is None:
                right = int(np.count_nonzero(action == self.targets[moment]))
            else:
                right = int(np.count_nonzero(self.target_set[moment][self.columns, action - self.least]))
            self.right += right
            self.wrong += outputs - right
            self.now["right"][0], self.now["wrong"][0] = self.right, self.wrong
        ended = self.clock + 1 >= self.length
        if self.world.reward == "dense":
            return float(np.float32(right) / self.full), ended
        return float(ended and self.wrong == 0), ended

    def observe(self) -> np.ndarray:
        return self.inputs[self._moment()].copy()

    def annotate(self) -> Info:
        moment, flat = self._moment(), self.world.flat
        target = self.targets[moment]
        said: Info = {"target": int(target[0]) if flat else target.copy(), "target_mask": bool(self.mask[moment])}
        if self.target_set is not None:
            said["target_set"] = self.target_set[moment, 0].copy() if flat else self.target_set[moment].copy()
        if self.optimum is not None:
            said["optimum"] = float(self.optimum[moment])
        return said

    def score(self) -> float:
        return float(self.wrong) if self.counts_wrong else float(self.world.score(self.state)[0])


def _base() -> "type[AnswerWorld]":
    from .script import AnswerWorld

    return AnswerWorld


def plain(world: "AnswerWorld") -> bool:
    """Whether worlds have no rules of their own, and keep nothing that was written for a picture.

    Args:
        world: the worlds.
    """
    rules = ("advance", "answered", "numbers_right", "shown", "observe", "annotate")
    return not world.keep_trail and all(getattr(type(world), name) is getattr(_base(), name) for name in rules)


def script_solo(world: "AnswerWorld") -> ScriptSolo | None:
    """The world alone, or None where its rules are tensors' alone.

    Args:
        world: the world.
    """
    return ScriptSolo(world) if plain(world) else None
