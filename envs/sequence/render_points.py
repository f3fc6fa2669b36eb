"""Pictures of points, the way through them that is due, and the one that was written."""

import itertools
from typing import NamedTuple

import numpy as np

from ...viz.canvas import blank, dot, line
from ...viz.palette import DIM, INK, NOW, RIGHT, WHITE, WRONG, Colour
from ...viz.text import width_of, write
from .blind import END

SIDE, MARGIN, LEGEND = 400, 30, 40
DASH = 9  # pixels of a dash and of the gap behind it


class Sheet(NamedTuple):
    """What a picture shows.

    Attributes:
        points: float, (n, 2), in the unit square.
        written: the numbers of points that were written, from 1 on; 0 is the end.
        gold: those that are due, without the end.
        closed: whether the way through them comes back to its beginning.
        seen: the point that is seen now; None if it is none of them, or all.
    """

    points: np.ndarray
    written: np.ndarray
    gold: np.ndarray
    closed: bool
    seen: int | None


def points(sheet: Sheet) -> np.ndarray:
    """The sheet as a picture, uint8 (H, W, 3): y goes up. Due is what is dotted, written what is solid."""
    canvas = blank(SIDE + LEGEND, SIDE, WHITE)
    span = SIDE - 2 * MARGIN
    where = [(round(MARGIN + x * span), round(SIDE - MARGIN - y * span)) for x, y in sheet.points.tolist()]
    due = [int(number) - 1 for number in sheet.gold]
    for start, end, colour in _edges(sheet):
        line(canvas, where[start], where[end], colour, 2, smooth=True)
    for start, end in itertools.pairwise([*due, *due[:1]] if sheet.closed else due):
        _dotted(canvas, where[start], where[end])
    for i, place in enumerate(where):
        dot(canvas, place, 5, INK if i in due else DIM, smooth=True)
        if i == sheet.seen:
            dot(canvas, place, 12, NOW, 2, smooth=True)
    if due:
        dot(canvas, where[due[0]], 9, INK, 1, smooth=True)
    for i, (x, y) in enumerate(where):
        word = str(i + 1)
        left = x + 9 if x < SIDE // 2 else x - 9 - width_of(word)  # towards the middle there is room
        write(canvas, word, (left, y - 7), colour=INK if i in due else DIM, halo=WHITE)
    write(canvas, "dotted: due, from the ring on; solid: written", (8, SIDE + 8), 0.42, DIM)
    _numbers(canvas, sheet, SIDE + 28)
    return canvas


def _numbers(canvas: np.ndarray, sheet: Sheet, y: int) -> None:
    """What was written, in a line; if it is too long, its end."""
    words = [str(number) if number != END else "end" for number in sheet.written.tolist()]
    first = next(i for i in range(len(words) + 1) if width_of(" ".join(words[i:])) < SIDE - 2 * MARGIN)
    x = 8
    for place in range(first, len(words)):
        due = sheet.gold[place] if place < len(sheet.gold) else END
        write(canvas, words[place], (x, y), colour=RIGHT if sheet.written[place] == due else WRONG)
        x += width_of(words[place] + " ")


def _edges(sheet: Sheet) -> list[tuple[int, int, Colour]]:
    """The points at the ends of each line that was written, counted from 0, and its colour: right if both are."""
    numbers = [int(number) for number in sheet.written]
    ended = END in numbers
    said = numbers[: numbers.index(END)] if ended else numbers
    right = [place < len(sheet.gold) and number == sheet.gold[place] for place, number in enumerate(said)]
    way = [(number - 1, ok) for number, ok in zip(said, right, strict=True) if number <= len(sheet.points)]
    if ended and sheet.closed and way:
        way.append((way[0][0], way[0][1] and len(said) == len(sheet.gold)))
    return [(a, b, RIGHT if ok and fine else WRONG) for (a, ok), (b, fine) in itertools.pairwise(way)]


def _dotted(canvas: np.ndarray, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Draw a dotted line."""
    a, b = np.array(start), np.array(end)
    count = max(1, int(np.linalg.norm(b - a)) // DASH)
    for share in (np.arange(count) + 0.5) / count:
        x, y = (a + share * (b - a)).round().astype(int)
        dot(canvas, (int(x), int(y)), 2, DIM, smooth=True)
