"""Pictures of a text that a pen writes: the text, the ink that is due, and the ink so far."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...viz.canvas import blank, box, dot, even, line
from ...viz.palette import DIM, INK, NOW, WHITE, Colour
from ...viz.text import width_of, write

UNIT, MARGIN, TITLE = 14, 12, 22  # pixels of the height of an x, around the ink, and of the line above it
LOW, HIGH = -2.5, 4.0  # heights of an x below and above the base line that ink has room for
LETTER = 16  # pixels from letter to letter of the text


class Sheet(NamedTuple):
    """What a picture shows.

    Attributes:
        text: its letters.
        due: which of them the point that is due belongs to, bool (letters,).
        seen: the letter that is seen now; None if it is none of them, or all.
        gold: the strokes that are due, each (k, 2), in heights of an x.
        written: those that were written.
    """

    text: Sequence[str]
    due: np.ndarray
    seen: int | None
    gold: Sequence[np.ndarray]
    written: Sequence[np.ndarray]


def strokes(points: np.ndarray, unit: float) -> list[np.ndarray]:
    """The lines that a pen drew, each (k, 2), in heights of an x from where the first move began.

    Args:
        points: the moves and what the pen did then, float (n, 3).
        unit: of the moves, in heights of an x.
    """
    if not len(points):
        return []
    places = points[:, :2].cumsum(0) * unit
    ends = np.flatnonzero(points[:-1, 2] > 0) + 1  # where the pen was lifted it goes on elsewhere
    return np.split(places, ends)


def sheet(page: Sheet, wide: float) -> np.ndarray:
    """The page as a picture, uint8 (H, W, 3), both even.

    Args:
        page: what it shows.
        wide: how far ink may go to the right, in heights of an x.
    """
    high = round((HIGH - LOW) * UNIT)
    top = TITLE + 2 * MARGIN + LETTER
    canvas = blank(even(top + 2 * (TITLE + high)), even(max(round((wide + 1) * UNIT) + 2 * MARGIN, 320)), WHITE)
    write(canvas, "text (framed: the next point belongs to it)", (8, 16), 0.42, DIM)
    for place, letter in enumerate(page.text):
        left, base = MARGIN + place * LETTER, TITLE + MARGIN + 10
        at = (left + (LETTER - width_of(letter)) // 2, base)
        write(canvas, letter, at, colour=NOW if place == page.seen else INK)
        if page.due[place]:
            box(canvas, (left, base - 14), (left + LETTER, base + 7), NOW)
    for number, (title, ink, colour) in enumerate((("due", page.gold, DIM), ("written", page.written, INK))):
        y = top + number * (TITLE + high)
        write(canvas, title, (8, y + 16), 0.42, DIM)
        _draw(canvas[y + TITLE : y + TITLE + high], ink, colour)
    return canvas


def _draw(panel: np.ndarray, ink: Sequence[np.ndarray], colour: Colour) -> None:
    """Draw strokes into a part of a picture; what lies outside is left out."""
    far = 10_000  # pixels beyond which nothing can be seen, and lines can't be drawn
    for stroke in ink:
        places = np.stack([MARGIN + (stroke[:, 0] + 0.5) * UNIT, (HIGH - stroke[:, 1]) * UNIT], 1)
        where = [(int(x), int(y)) for x, y in places.round().clip(-far, far)]
        dot(panel, where[-1], 1, colour, smooth=True)
        for start, end in itertools.pairwise(where):
            line(panel, start, end, colour, 2, smooth=True)
