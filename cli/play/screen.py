"""What is in the window: what is seen, the buttons below it, and lines that say how it stands and what keys do."""

import inspect
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...viz.canvas import FILLED, blank, box
from ...viz.palette import DIM, INK, LIGHT, NIGHT, NOW, PAPER, SOFT, WHITE
from ...viz.text import width_of, write
from .controls import Control
from .parts import Controls
from .pointing import HIGH, PAD, Pen
from .sight import WIDTH, Box, Sight

LINE, BUTTON, SMALL = 22, 26, 20  # pixels of a line, and of buttons with and without a label
BAR = (232, 238, 248)  # behind the lines


class Hot(NamedTuple):
    """What can be clicked: a button of a control.

    Attributes:
        area: where it is.
        part: name of the control.
        number: of the button.
    """

    area: Box
    part: str
    number: int


class Screen(NamedTuple):
    """A frame of the window, and where the mouse does what.

    Attributes:
        picture: uint8 (H, W, 3).
        hot: its buttons.
        field: where places are pointed at, if anywhere.
        paper: where a pen writes, if anywhere.
    """

    picture: np.ndarray
    hot: list[Hot]
    field: Box | None
    paper: Box | None


def screen(sight: Sight, controls: Controls, lines: Sequence[str], note: str, room: int = 0) -> Screen:
    """Put a frame of the window together.

    Args:
        sight: what is seen.
        controls: what is acted with.
        lines: how it stands, and which keys do what.
        note: the line that stands out.
        room: pixels that what is seen has from the top, so that what is below stays where it is.
    """
    above = _widened(sight.picture, max(room, sight.picture.shape[0]))
    parts, hot, paper, top = [above], [], None, above.shape[0]
    for name, control in controls.parts.items():
        if isinstance(control, Pen):
            sheet = _widened(control.paper(), HIGH)
            paper = Box(0, top, PAD, HIGH)
            parts.append(sheet)
            top += HIGH
        picture, found = _buttons(control)
        hot += [Hot(area._replace(top=area.top + top), name, number) for number, area in enumerate(found)]
        parts.append(picture)
        top += picture.shape[0]
    parts.append(_lines(lines, note))
    return Screen(np.concatenate(parts), hot, sight.field, paper)


def _widened(picture: np.ndarray, height: int) -> np.ndarray:
    dark = int(picture[0, 0].sum()) < 200
    canvas = blank(height, WIDTH, NIGHT if dark else PAPER)
    shown = picture[:height, :WIDTH]
    canvas[: shown.shape[0], : shown.shape[1]] = shown
    return canvas


def _buttons(control: Control) -> tuple[np.ndarray, list[Box]]:
    """A control's buttons, uint8 (H, WIDTH, 3), and where each is."""
    buttons, titles = control.buttons(), control.titles()
    areas: list[Box] = []
    x, y, row = 8, 6, -1
    grid = bool(buttons) and not any(button.label for button in buttons)
    marks: list[tuple[str, int, int]] = []
    for button in buttons:
        wide = SMALL if grid else max(BUTTON, width_of(button.label) + 14)
        if button.row != row:
            x, y = 8, y + (0 if row < 0 else SMALL + 1 if grid else BUTTON + 4)
            if titles:
                marks.append((titles[button.row], x, y + 17))
                x += max(width_of(title) for title in titles) + 14
            row, indent = button.row, x
        elif x + wide > WIDTH - 8:
            x, y = indent, y + BUTTON + 4
        areas.append(Box(x, y, wide, SMALL if grid else BUTTON))
        x += wide + (1 if grid else 6)
    height = (areas[-1].top + areas[-1].height + 8) if areas else 0
    canvas = blank(height, WIDTH, PAPER)
    for title, left, base in marks:
        write(canvas, title, (left, base), colour=DIM)
    for button, area in zip(buttons, areas, strict=True):
        corner, far = (area.left, area.top), (area.left + area.width - 1, area.top + area.height - 1)
        box(canvas, corner, far, NOW if button.lit else WHITE, FILLED)
        box(canvas, corner, far, SOFT if not button.lit else NOW)
        left = area.left + (area.width - width_of(button.label)) // 2
        write(canvas, button.label, (left, area.top + 18), colour=WHITE if button.lit else INK)
    return canvas, areas


def _lines(lines: Sequence[str], note: str) -> np.ndarray:
    wrapped = [(part, INK) for line in lines for part in textwrap.wrap(line, 96)]
    noted = [(part, NOW) for part in textwrap.wrap(note, 88)] or [("", NOW)]
    canvas = blank(LINE * (len(wrapped) + len(noted)) + 12, WIDTH, BAR)
    for number, (text, colour) in enumerate([*noted, *wrapped]):
        write(canvas, text, (8, LINE * number + 20), 0.52 if number < len(noted) else 0.43, colour)
    return canvas


def manual_page(about: type | None, lines: Sequence[str]) -> np.ndarray:
    """The page of help: the keys, and what the world's own page says of it, uint8 (H, WIDTH, 3).

    Args:
        about: the world's class, or None.
        lines: which keys do what.
    """
    sections = _sections(about) if about is not None else []
    summary = inspect.cleandoc(about.__doc__ or "").partition("\n")[0] if about is not None else ""
    rows: list[tuple[str, bool]] = [(summary, True), ("", False)] if summary else []
    rows.append(("Keys", True))
    rows += [(part, False) for line in lines for part in textwrap.wrap(line, 100)]
    for title, text in sections:
        rows += [("", False), (title, True)]
        rows += [(part, False) for part in textwrap.wrap(" ".join(text.replace("``", "").split()), 100)]
    canvas = blank(18 * len(rows) + 24, WIDTH, NIGHT)
    for number, (text, head) in enumerate(rows):
        write(canvas, text, (12, 24 + 18 * number), 0.46 if head else 0.42, (255, 214, 64) if head else LIGHT)
    return canvas


def _sections(about: type) -> list[tuple[str, str]]:
    """What a docstring says of the task, what is seen, done and rewarded."""
    wanted = ("Description", "Observation space", "Action space", "Rewards", "Episode end")
    found: dict[str, str] = {}
    for base in about.__mro__:
        title = ""
        for row in inspect.cleandoc(base.__dict__.get("__doc__") or "").splitlines():
            if row and not row.startswith(" "):
                title = row[:-1] if row.endswith(":") and row[:-1] in wanted and row[:-1] not in found else ""
                if title:
                    found[title] = ""
            elif title:
                found[title] += row + "\n"
    return [(title, found[title]) for title in wanted if title in found]
