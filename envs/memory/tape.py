"""Tapes: read with one head, write with another, both moved by discrete actions."""

from typing import Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import check_choice, check_range
from ...viz.canvas import blank, even
from ...viz.text import write
from ..batch import BatchWorld, State, Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from . import render
from .script import moments, rows_at

TASKS = ["copy", "reverse", "duplicated", "repeat"]
LEFT, STAY, RIGHT = range(3)


class Tape(BatchWorld):
    """Write onto an output tape what an input tape demands, moving the heads.

    Description:
        An input tape holds `length` symbols between blanks; its head starts at the first. Each step the agent sees the
        symbol under the head, then moves the head and may write a symbol, which moves the output head on. Tasks:
        "copy" the symbols; "reverse" them; "duplicated" input, where every symbol stands twice and is to be written
        once; "repeat" the symbols three times, the second time from the end (so that the head can just turn round).

    Observation space:
        ``Box(0, 1, (symbols + 1,))``: the symbol under the input head, or the blank's channel.

    Action space:
        ``MultiDiscrete([3, 2, symbols])``: move the input head (left, stay, right); write or not; which symbol.

    Rewards:
        1 / (symbols to write) for each right one. A wrong one ends the episode.

    Starting state:
        A uniform length and uniform symbols.

    Episode end:
        When all is written, or at the first wrong symbol. Truncated after six times the longest tape's length + 8.

    Info:
        target, target_mask: what the oracle does, always; target_set: bool, (3, N), what would do as well: any symbol
        where none is to be written (the target says 0), since nobody can know the one that is due before it was read,
        and any move after the last symbol (N is the most values of a number); score: whether all is written right;
        relevance (on request): bool, (longest + 2,), the cells of the input tape (with the blanks at both ends) that
        say what is due now.

    Args:
        task: "copy", "reverse", "duplicated" or "repeat". A copy needs no memory with these heads, the others do.
        symbols: how many there are.
        split: "train" (3 to 10 symbols), "validation" and "test" (the same), "test-20", "test-40".
        min_length: the fewest symbols on the tape; None leaves it to the split.
        max_length: the most symbols on the tape; None leaves it to the split.

    Source:
        Zaremba & Sutskever 2015, "Reinforcement learning neural Turing machines" (the interface and the tasks); the
        wrong symbol that ends the episode is from the same authors' "Learning simple algorithms from examples".

    Version history:
        v0: first version.
    """

    # at the default task; the best that a policy without memory can do was searched over all its probabilities
    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.045, 0.02),
        random=Certified(0.045, 0.02),
        memoryless=Certified(0.161, 0.03),
    )
    score_name = "all written right"
    splits = Splits.of("length", Range(3, 10), exactly=(20, 40))

    def __init__(
        self,
        *,
        task: Literal["copy", "reverse", "duplicated", "repeat"] = "reverse",
        symbols: int = 5,
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
    ):
        check_choice("task", task, TASKS)
        check_range("symbols", symbols, 2, 100)
        sizes = self.splits.sizes(split, min_length=min_length, max_length=max_length)
        self.task, self.symbols, self.length = task, symbols, sizes.range("length", 1, 1000)
        longest = self.length.high
        self.max_episode_steps = 6 * longest + 8
        self.observation_space = spaces.Box(0, 1, (symbols + 1,))
        self.action_space = spaces.MultiDiscrete([3, 2, symbols])
        self.most_cells = longest * (2 if task == "duplicated" else 1)
        self.most_written = longest * (3 if task == "repeat" else 1)

    def start(self, rng: CounterRNG) -> State:
        length = self.length.sample(rng, "length")[:, None]  # (n, 1)
        word = rng.integers("symbols", self.symbols, self.length.high)  # (n, L)
        place = moments(self.most_written, length)
        source = {
            "copy": place,
            "duplicated": place,
            "reverse": length - 1 - place,
            "repeat": torch.where(place // length == 1, 2 * length - 1 - place, place % length),
        }[self.task].expand(len(rng), -1)
        cells = moments(self.most_cells, length).expand(len(rng), -1)
        cells = cells // 2 if self.task == "duplicated" else cells
        tape = torch.where(cells < length, rows_at(word, cells), self.symbols)  # a blank behind the end
        zero = torch.zeros_like(length[:, 0])
        return {
            "tape": tape,
            "cells": length[:, 0] * (2 if self.task == "duplicated" else 1),
            "due": rows_at(word, source),
            "source": source.clone() * (2 if self.task == "duplicated" else 1),
            "total": length[:, 0] * (3 if self.task == "repeat" else 1),
            "head": zero,
            "written": zero,
            "done": zero,
            "ends": zero,
        }

    def advance(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        move, write, symbol = action.unbind(-1)
        writes = write == 1
        right = writes & (symbol == self._due(state))
        head = (state["head"] + move - 1).clamp(min=-1).minimum(state["cells"])
        written = state["written"] + right
        done = written >= state["total"]
        # ends of the tape that were seen, in turn: the blank behind it, then the one before it
        met = torch.where(state["ends"] == 0, head == state["cells"], (state["ends"] == 1) & (head == -1))
        moved = {**state, "head": head, "written": written, "done": done.long(), "ends": state["ends"] + met}
        return moved, right.float() / state["total"], done | (writes & ~right)

    def _due(self, state: State) -> Tensor:
        return rows_at(state["due"], state["written"][:, None])[:, 0]

    def _under(self, state: State) -> Tensor:
        """The symbol under the head, `symbols` for a blank, (B,)."""
        head = state["head"]
        inside = (head >= 0) & (head < state["cells"])
        return torch.where(inside, rows_at(state["tape"], head[:, None])[:, 0], self.symbols)

    def observe(self, state: State) -> Tensors:
        return F.one_hot(self._under(state), self.symbols + 1).float()

    def _goal(self, state: State, written: Tensor) -> tuple[Tensor, Tensor]:
        """The cell to go to once so much is written, and whether it holds the symbol that is due then, each (B,).

        Where the tape is read backwards the blank behind it has to be seen first (and, to turn once more, the one
        before it): nothing else tells how long it is, so this is what an agent without that knowledge can imitate.
        """
        if self.task == "repeat":
            length = state["total"] // 3
            needed = (written >= length).long() + (written >= 2 * length)
        else:
            needed = int(self.task == "reverse")
        ready = state["ends"] >= needed
        end = torch.where(state["ends"] == 0, state["cells"], -1)
        return torch.where(ready, rows_at(state["source"], written[:, None])[:, 0], end), ready

    def _wise(self, state: State) -> Tensor:
        """Go to the cell of the symbol that is due; write it there, and be under way to the next.

        Nobody can know the symbol before it was read, nor (where the tape isn't seen to the end) that there is none to
        come: while nothing is written the symbol is 0, and after the last one the head goes on as before.
        """
        written = state["written"]
        goal, ready = self._goal(state, written)
        here = ready & (state["head"] == goal)
        more = here & (written + 1 < state["total"])
        aim = torch.where(more, self._goal(state, written + 1)[0], goal)
        move = 1 + (aim - state["head"]).sign()
        move = torch.where(here & ~more, LEFT if self.task == "reverse" else RIGHT, move)
        return torch.stack([move, here.long(), self._due(state) * here], -1)

    def annotate(self, state: State) -> dict[str, Tensor]:
        target = self._wise(state)  # (B, 3)
        values = moments(max(3, self.symbols), target)  # (1, N)
        right = values == target[..., None]  # (B, 3, N)
        right[:, 2] |= (values < self.symbols) & (target[:, 1:2] == 0)  # a symbol that isn't written is ignored
        last = (target[:, 1] == 1) & (state["written"] + 1 >= state["total"])
        right[:, 0] |= (values < 3) & last[:, None]  # and so is where the head goes when all is written
        always = torch.ones_like(state["head"], dtype=torch.bool)
        return {"target": target, "target_mask": always, "target_set": right}

    def score(self, state: State) -> Tensor:
        return state["done"].float()

    def relevance(self, state: State) -> Tensor:
        cells = moments(self.most_cells + 2, state["head"])
        return cells == rows_at(state["source"], state["written"][:, None]) + 1

    def oracle(self) -> Tensors:
        return self._wise(self.state)

    def blind(self) -> Tensors:
        """Write the same symbol every time, and hope."""
        stay = torch.ones_like(self.state["head"])
        return torch.stack([stay, stay, 0 * stay], -1)

    def memoryless(self) -> Tensors:
        """At a blank turn back; at a symbol either go on or write it and turn back, at random (copy: write, go on)."""
        under = self._under(self.state)
        blank = under == self.symbols
        if self.task == "copy":
            return torch.stack([torch.full_like(under, RIGHT), (~blank).long(), under * ~blank], -1)
        luck = CounterRNG(self.key, self.episode, self.clock).uniform("memoryless")
        onward = ~blank & (luck < 0.9)
        move = torch.where(onward, RIGHT, LEFT)
        return torch.stack([move, (~blank & ~onward).long(), under * ~blank], -1)

    def frame(self, index: int) -> np.ndarray:
        """Both tapes and their heads."""
        state = self.state
        cells, total = int(state["cells"][index]), int(state["total"][index])
        width = max(24 * (max(cells, total) + 2) + 16, 360)
        canvas = blank(190, even(width))
        tape = state["tape"][index, :cells].tolist()
        due = state["due"][index, :total].tolist()
        written = int(state["written"][index])
        write(canvas, "input", (8, 20))
        render.cells(canvas, [None, *tape, None], 30, int(state["head"][index]) + 1)
        write(canvas, "output", (8, 90))
        render.cells(canvas, [None, *(s if i < written else None for i, s in enumerate(due))], 100, written + 1)
        write(canvas, f"step {int(state['clock'][index])}   written {written} of {total}", (8, 180))
        return canvas
