"""From keys and the mouse to actions: a control for each part of an action space. Knows no window.

A control says of each event whether the part is now chosen, and gives its value; `buttons` are what can be clicked in
its place. Which events make a step is for `game.py` to say.
"""

import abc
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from gymnasium import spaces


class Button(NamedTuple):
    """Something to click.

    Attributes:
        label: on it.
        lit: whether it is chosen.
        row: buttons of one row stand together, below its title.
    """

    label: str
    lit: bool
    row: int


class Control(abc.ABC):
    """How a person chooses one part of an action."""

    due = True  # whether an answer is due now; set before each moment
    typed = ""  # what was typed of a longer name

    @property
    def letters(self) -> bool:
        """Whether letters are typed, which then can't be commands."""
        return False

    @abc.abstractmethod
    def key(self, name: str) -> bool | None:
        """A key went down: True if the part is chosen now, False if not yet, None if the key means nothing here."""

    @abc.abstractmethod
    def push(self, number: int) -> bool:
        """A button was clicked; whether the part is chosen now."""

    @abc.abstractmethod
    def buttons(self) -> list[Button]:
        """What can be clicked."""

    @abc.abstractmethod
    def value(self) -> object:
        """The part of the action, with its usual value where nothing was chosen."""

    @abc.abstractmethod
    def clear(self) -> None:
        """Forget what was chosen."""

    @abc.abstractmethod
    def help(self) -> str:
        """Which keys do what, in a few words."""

    def titles(self) -> Sequence[str]:
        """Of the rows of buttons; none where they need none."""
        return ()

    def begin(self) -> None:
        """An episode begins."""
        self.clear()


class Bits(Control):
    """Bits that are switched: `MultiBinary`."""

    def __init__(self, space: spaces.MultiBinary):
        self.space, self.count = space, math.prod(space.shape)
        self.on = [False] * self.count

    def key(self, name: str) -> bool | None:
        if name == "enter":
            return True
        if name == "backspace":
            self.clear()
            return False
        if name.isdigit() and (int(name) - 1) % 10 < self.count:
            self.push((int(name) - 1) % 10)  # 0 is the tenth
            return False
        return None

    def push(self, number: int) -> bool:
        self.on[number] = not self.on[number]
        return False

    @property
    def columns(self) -> int:
        """Of the buttons: all in a row, or a square of many."""
        root = math.isqrt(self.count)
        return self.count if self.count <= 16 else root if root * root == self.count else 16

    def buttons(self) -> list[Button]:
        few = self.count <= 10
        return [Button(str((i + 1) % 10) if few else "", on, i // self.columns) for i, on in enumerate(self.on)]

    def value(self) -> object:
        return np.array(self.on, np.int8).reshape(self.space.shape)

    def clear(self) -> None:
        self.on = [False] * self.count

    def help(self) -> str:
        last = self.count % 10 if self.count <= 10 else 0
        return f"click the bits that are 1 (or keys 1-{last}), then Enter"
