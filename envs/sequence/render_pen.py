"""Pictures of ink, and of the text that was read of it."""

import itertools
from typing import NamedTuple

import numpy as np

from ...viz.canvas import blank, dot, even, line
from ...viz.palette import DIM, INK, NOW, RIGHT, WHITE, WRONG
from ...viz.text import width_of, write

UNIT, MARGIN, LEGEND = 24, 12, 48  # pixels of the height of an x, around the ink, and of the lines below it
TEXT = 130  # where the letters of these lines begin


class Paper(NamedTuple):
    """What a picture shows.

    Attributes:
        points: float, (n, 2), in heights of an x, y going up.
        lifts: after which the pen goes up, bool (n,).
        due: which points belong to the letter that is due, bool (n,).
        seen: the point that is seen now; None if it is none of them, or all.
        written: the letters that were written.
        gold: those that are due.
    """

    points: np.ndarray
    lifts: np.ndarray
    due: np.ndarray
    seen: int | None
    written: list[str]
    gold: list[str]


def paper(sheet: Paper, low: tuple[float, float], high: tuple[float, float]) -> np.ndarray:
    """The sheet as a picture, uint8 (H, W, 3), with room for ink from `low` to `high`, both (x, y)."""
    height = round((high[1] - low[1]) * UNIT) + 2 * MARGIN
    canvas = blank(even(height + LEGEND), even(round((high[0] - low[0]) * UNIT) + 2 * MARGIN), WHITE)
    where = [
        (round(MARGIN + (x - low[0]) * UNIT), round(MARGIN + (high[1] - y) * UNIT)) for x, y in sheet.points.tolist()
    ]
    for i, (start, end) in enumerate(itertools.pairwise(where)):
        if not sheet.lifts[i]:
            line(canvas, start, end, NOW if sheet.due[i] else INK, 2, smooth=True)
    for i, place in enumerate(where):
        if sheet.due[i]:
            dot(canvas, place, 2, NOW, smooth=True)
        if i == sheet.seen:
            dot(canvas, place, 9, NOW, 2, smooth=True)
    write(canvas, "due (blue: next)", (8, height), 0.42, DIM)
    write(canvas, " ".join(sheet.gold), (TEXT, height), colour=INK)
    write(canvas, "read so far", (8, height + 22), 0.42, DIM)
    x = TEXT
    for place, letter in enumerate(sheet.written):
        right = place < len(sheet.gold) and letter == sheet.gold[place]
        write(canvas, letter, (x, height + 22), colour=RIGHT if right else WRONG)
        x += width_of(letter + " ")
    return canvas
