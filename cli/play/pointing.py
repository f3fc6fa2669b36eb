"""Controls of the mouse: where to look, how wide the retina is, and a pen."""

import itertools
import math

import numpy as np
from gymnasium import spaces

from ...envs.sequence.handwriting import UNIT
from ...viz.canvas import blank, dot, line
from ...viz.palette import DIM, INK, NOW, WHITE
from ...viz.text import write
from .controls import Button, Control

PAD, HIGH, BASE = 720, 170, 0.62  # pixels of the paper, and how far down the base line is


class Place(Control):
    """Where to look next: `location` of a world with a retina.

    Args:
        space: of the part: a place, a move or a tile.
        reach: how far a move of 1 goes, in units of half the picture; None where the space is of places.

    Attributes:
        gaze: where the retina is now, (x, y) in [-1, 1].
        at: what was pointed at.
    """

    def __init__(self, space: spaces.Box | spaces.Discrete, reach: float | None = None):
        self.space, self.reach = space, reach
        self.gaze = np.zeros(2, np.float32)
        self.at: np.ndarray | None = None

    def point(self, x: float, y: float) -> None:
        """Somebody points at a place, in [-1, 1]²."""
        self.at = np.clip(np.array([x, y], np.float32), -1, 1)

    def value(self) -> object:
        place = self.gaze if self.at is None else self.at
        if isinstance(self.space, spaces.Discrete):
            side = math.isqrt(int(self.space.n))
            column, row = np.clip(((place + 1) / 2 * side).astype(int), 0, side - 1)
            return np.int64(row * side + column)
        if self.reach is not None:
            return np.clip((place - self.gaze) / max(self.reach, 1e-6), -1, 1).astype(np.float32)
        return place.astype(np.float32)

    def clear(self) -> None:
        self.at = None

    def key(self, name: str) -> bool | None:
        return None

    def push(self, number: int) -> bool:
        return False

    def buttons(self) -> list[Button]:
        return []

    def help(self) -> str:
        return "click in the picture: look there"


class Zoom(Control):
    """How wide the retina is: `zoom`, which stays until it is changed."""

    def __init__(self) -> None:
        self.wide = 0.0

    def key(self, name: str) -> bool | None:
        if name not in ("+", "=", "-"):
            return None
        self.wide = float(np.clip(self.wide + (-0.25 if name == "-" else 0.25), -1, 1))
        return False

    def push(self, number: int) -> bool:
        return False

    def buttons(self) -> list[Button]:
        return []

    def value(self) -> object:
        return np.array([self.wide], np.float32)

    def clear(self) -> None:
        """It stays."""

    def help(self) -> str:
        return "+ and -: a wider and a narrower retina"


class Pen(Control):
    """A pen on paper: points of `Sequence/Handwriting-v0`, a move and what the pen does then.

    Pressing the button sets the pen down, dragging writes, letting go lifts it.

    Args:
        space: of the points: move to the right, move up, and 0 (goes on), 1 (is lifted) or 2 (all is written).
        wide: how far ink may go to the right, in heights of an x.
    """

    def __init__(self, space: spaces.Box, wide: float):
        self.space = space
        self.unit = UNIT * min(16.0, (PAD - 20) / (wide + 1))  # pixels of a move of 1
        self.begin()

    def begin(self) -> None:
        self.at, self.strokes = np.zeros(2), [[]]  # the pen, in units of moves, and what it wrote
        self.pending: np.ndarray | None = None

    def pointer(self, kind: str, x: float, y: float) -> bool:
        """The mouse did something on the paper; whether that is a point.

        Args:
            kind: "press", "drag", "release" or "move".
            x: pixels of the paper, from its left.
            y: from its top.
        """
        move = np.array([(x - 10) / self.unit, (HIGH * BASE - y) / self.unit]) - self.at
        if not self.due or kind == "move" or (kind == "drag" and math.hypot(*move) < 1):
            return False
        self.pending = np.array([*move, 1 if kind == "release" else 0])
        return True

    def key(self, name: str) -> bool | None:
        if name != "enter" or not self.due:
            return None
        self.pending = np.array([0, 0, 2])
        return True

    def push(self, number: int) -> bool:
        return bool(self.key("enter"))

    def buttons(self) -> list[Button]:
        return [Button("all is written (Enter)", False, 0)]

    def value(self) -> object:
        wanted = np.array([0.0, 0.0, 1.0]) if self.pending is None else self.pending
        return np.clip(wanted, self.space.low, self.space.high).astype(np.float32)

    def clear(self) -> None:
        if self.pending is not None:
            point = np.clip(self.pending, self.space.low, self.space.high)
            self.at = self.at + point[:2]
            self.strokes[-1].append(self.at)
            if point[2] > 0:
                self.strokes.append([])
        self.pending = None

    def paper(self) -> np.ndarray:
        """What was written so far, uint8 (H, W, 3)."""
        canvas = blank(HIGH, PAD, WHITE)
        base = round(HIGH * BASE)
        line(canvas, (0, base), (PAD, base), DIM)
        for stroke in self.strokes:
            where = [(round(10 + x * self.unit), round(base - y * self.unit)) for x, y in stroke]
            for start, end in itertools.pairwise(where):
                line(canvas, start, end, INK, 2, smooth=True)
            if where:
                dot(canvas, where[-1], 2, NOW, smooth=True)
        write(canvas, "paper: begin at the left end of the line", (8, 16), 0.42, DIM)
        return canvas

    def help(self) -> str:
        return "write with the mouse: hold its button and drag"
