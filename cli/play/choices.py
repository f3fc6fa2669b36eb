"""Values of a few that are chosen by key, by typing their names, or by clicking: `Discrete` and `MultiDiscrete`."""

import re
from collections.abc import Sequence

import numpy as np
from gymnasium import spaces

from .controls import Button, Control

FEW, MOST_BUTTONS = 9, 120  # named values with a digit key each; buttons that are shown at once
# keys for what an action does, by its name
_ARROWS = {"left": "left", "right": "right", "up": "up", "down": "down", "faster": "up", "slower": "down", "on": "up"}
_ARROWS |= {"fire": "space", "turn left": "left", "turn right": "right", "go on": "up"}
_DIRECTIONS = re.compile("(up|down)?(left|right)?(fire)?")
_IDLE = ("stay", "straight", "noop", "nothing", "none", "no")
_SHOWN = {" ": "space", "\n": "new line", "": "(none)"}


class Choices(Control):
    """One value, or several one after the other, each of a few: `Discrete` and `MultiDiscrete`.

    Args:
        space: of the part.
        names: of each number's values.
        titles: of each number; none where there is one.
        needed: how many numbers are chosen where nothing is due; the others then keep their usual values.
    """

    def __init__(
        self,
        space: spaces.Discrete | spaces.MultiDiscrete,
        names: Sequence[Sequence[str]],
        titles: Sequence[str] = (),
        needed: int | None = None,
    ):
        self.space, self.names, self._titles = space, [list(each) for each in names], list(titles)
        self.needed = needed
        self.chosen: list[int | None] = [None] * len(names)
        read = [_keys_of(each) for each in self.names]
        self.keys, self.types = [keys for keys, _ in read], [types for _, types in read]
        # of many letters one row of buttons is enough, that of the letter to come
        self.string = len(names) > 1 and len(names) * len(names[0]) > MOST_BUTTONS and len(set(map(tuple, names))) == 1
        self.idle = [next((each.index(n) for n in _IDLE if n in each), 0) for each in self.names]

    @property
    def letters(self) -> bool:
        return any(self._types_letters(number) for number in range(len(self.names)))

    def _types_letters(self, number: int) -> bool:
        keyed = self.keys[number].values()
        names = [name for value, name in enumerate(self.names[number]) if value not in keyed]
        return self.types[number] and any(name[:1].isalpha() for name in names)

    @property
    def cursor(self) -> int | None:
        """Which number is chosen next; None if all are."""
        return next((number for number, value in enumerate(self.chosen) if value is None), None)

    @property
    def complete(self) -> bool:
        """Whether all is chosen that must be."""
        most = len(self.chosen) if self.due or self.needed is None else self.needed
        return all(value is not None for value in self.chosen[:most])

    def key(self, name: str) -> bool | None:
        at = self.cursor
        if at is None:
            at = len(self.names) - 1
        if name in self.keys[at] and not self.typed:
            return self._choose(at, self.keys[at][name])
        if name == "backspace":
            if self.typed:
                self.typed = self.typed[:-1]
            else:
                done = [number for number, value in enumerate(self.chosen) if value is not None]
                self.chosen[done[-1] if done else 0] = None
            return False
        found = self.matches(at) if self.typed else []
        if name in ("enter", "space") and found:
            return self._choose(at, found[0])
        if name == "enter" and len(self.chosen) > 1 and self.cursor not in (0, None):
            return True  # the rest as usual
        letter = " " if name == "space" else name
        if len(letter) != 1 or not self.types[at]:
            return None
        before, self.typed = self.typed, self.typed + letter
        found = self.matches(at)
        if not found:
            self.typed = before
            return None if not before else False
        if len(found) == 1 and self.names[at][found[0]].lower() == self.typed:
            return self._choose(at, found[0])
        return False

    def matches(self, number: int) -> list[int]:
        """The values whose names begin with what was typed, a name that is just that first."""
        names = [name.lower() for name in self.names[number]]
        return sorted(
            (i for i, name in enumerate(names) if name.startswith(self.typed)), key=lambda i: names[i] != self.typed
        )

    def _choose(self, number: int, value: int) -> bool:
        self.chosen[number], self.typed = value, ""
        if len(self.chosen) > 1 and self.names[number][value] == "end":  # nothing follows
            self.chosen[number:] = [value] * (len(self.chosen) - number)
        return self.complete

    def push(self, number: int) -> bool:
        if self.string:
            at = self.cursor
            return at is not None and self._choose(at, number)
        for row, names in enumerate(self.names):
            if number < len(names):
                return self._choose(row, number)
            number -= len(names)
        return False

    def live(self, held: Sequence[str]) -> None:
        """Choose by keys that are held down, of two or more what they do together, if there is such a value.

        Args:
            held: names of keys, the one pressed last behind the others.
        """
        names, keys = self.names[0], self.keys[0]
        doing = {names[keys[key]] for key in held if key in keys}
        across = "right" if "right" in doing else "left" if "left" in doing else ""
        along = "up" if "up" in doing else "down" if "down" in doing else ""
        together = along + across + ("fire" if "fire" in doing else "")
        last = next((keys[key] for key in reversed(held) if key in keys), self.idle[0])
        self.chosen[0] = names.index(together) if together in names else last

    def buttons(self) -> list[Button]:
        rows = []
        at = self.cursor
        for row, names in enumerate(self.names[:1] if self.string else self.names):
            labels = {value: key for key, value in reversed(self.keys[row].items())}
            for value, name in enumerate(names):
                key = labels.get(value, "")
                shown = _SHOWN.get(name, name)
                if key.isdigit():
                    shown = f"{key}: {shown}"
                elif key:
                    shown = f"{shown} ({'arrow' if key == shown else key})"
                lit = (value == self.chosen[row] and not self.string) or (
                    bool(self.typed) and row == at and value in self.matches(row)
                )
                rows.append(Button(shown, lit, row))
        return rows

    def titles(self) -> Sequence[str]:
        if not self.string:
            return self._titles
        chosen = [names[value] for names, value in zip(self.names, self.chosen, strict=True) if value is not None]
        return ["".join(chosen) if all(len(name) == 1 for name in chosen) else " ".join(chosen)]

    def value(self) -> object:
        start = np.asarray(self.space.start)
        pairs = zip(self.chosen, self.idle, strict=True)
        values = np.array([idle if value is None else value for value, idle in pairs], np.int64)
        if isinstance(self.space, spaces.Discrete):
            return np.int64(values[0] + start)
        return (values.reshape(self.space.shape) + start).astype(self.space.dtype)

    def clear(self) -> None:
        self.chosen[:], self.typed = [None] * len(self.names), ""

    def help(self) -> str:
        if self.string:
            return "type or click letter after letter; Enter sends it"
        if len(self.names) > 1:
            return "choose a value of each row, by typing (and Enter) or clicking; Enter leaves the rest as usual"
        names, keys = self.names[0], self.keys[0]
        marked = [f"{_called(key)}: {_SHOWN.get(names[value], names[value])}" for key, value in keys.items()]
        if keys and not self.types[0]:
            return ", ".join(marked) if len(marked) <= 6 else "arrows, Space and the keys on the buttons"
        rest = [name for value, name in enumerate(names) if value not in keys.values()]
        if all(len(name) == 1 for name in rest):
            return ", ".join([f"type {rest[0]}-{rest[-1]}, or click", *marked])
        return ", ".join(["type a name and Enter, or click", *marked])


def _keys_of(names: Sequence[str]) -> tuple[dict[str, int], bool]:
    """Keys for named values, and whether names are typed: arrows for directions, else a digit each for a few."""
    arrows = {_ARROWS[name]: value for value, name in enumerate(names) if name in _ARROWS}
    moves = [name for name in names if name in _ARROWS or name in _IDLE or _DIRECTIONS.fullmatch(name)]
    if arrows and 2 * len(moves) >= len(names):
        rest = [value for value, name in enumerate(names) if value not in arrows.values() and name not in _IDLE]
        digits = {str(number + 1): value for number, value in enumerate(rest[:FEW])}
        idle = next((value for value, name in enumerate(names) if name in _IDLE), None)
        return {**arrows, **digits, **({} if idle is None else {"0": idle})}, False
    long = [value for value, name in enumerate(names) if len(name) != 1 and not name.isdigit()]
    if long and len(names) <= FEW:
        return {str(value + 1): value for value in range(len(names))}, False
    special = {"enter": ("end", "\n"), "space": ("_",)}
    return {key: names.index(name) for key, known in special.items() for name in known if name in names}, True


def _called(key: str) -> str:
    return f"{key} arrow" if key in ("left", "right", "up", "down") else key.capitalize()
