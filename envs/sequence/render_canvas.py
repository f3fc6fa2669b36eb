"""Pictures of a picture that is described: boxes around what the next word is about, and what was written."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...viz.canvas import blank, box, enlarge, even, in_colour
from ...viz.palette import DIM, INK, LIGHT, NIGHT, NOW, RIGHT, WHITE, WRONG, YELLOW, Colour
from ...viz.text import laid_out, write

ZOOM, MARGIN, TITLE, LINE, GAP = 7, 8, 22, 22, 10
LETTER = 9  # pixels of the widest letters


class Sheet(NamedTuple):
    """What a picture shows.

    Attributes:
        picture: that is described, uint8 (H, W).
        boxes: around what is in it, int (n, 4): first row and column, and those behind the last.
        due: which of them the next word is about, bool (n,).
        seen: the part of the picture that is seen now, as a box; None where all is, or nothing.
        written: the words that were written.
        gold: those that are due.
    """

    picture: np.ndarray
    boxes: np.ndarray
    due: np.ndarray
    seen: tuple[int, int, int, int] | None
    written: Sequence[str]
    gold: Sequence[str]


def lines_of(words: int, width: int) -> int:
    """How many lines so many words of at most ten letters can take under a picture of so many pixels."""
    each = max(1, (width * ZOOM - 2 * MARGIN) // (8 * LETTER))
    return -(-words // each)


def sheet(page: Sheet, lines: int) -> np.ndarray:
    """The page as a picture, uint8 (H, W, 3), both even, with room for so many lines of each text."""
    high, wide = (side * ZOOM for side in page.picture.shape)
    text = TITLE + LINE * lines
    canvas = blank(even(high + 2 * text + MARGIN), even(wide), WHITE)
    canvas[:high, :wide] = in_colour(enlarge(page.picture, high, wide))
    for number, edges in enumerate(page.boxes):
        if edges.any():
            outline(canvas[:high, :wide], edges, ZOOM, YELLOW if page.due[number] else DIM)
    if page.seen is not None:
        outline(canvas[:high, :wide], np.array(page.seen), ZOOM, LIGHT, 2)
    for title, words, top in (("written", page.written, high), ("due", page.gold, high + text)):
        write(canvas, title, (MARGIN, top + 16), 0.42, DIM)
        for i, (word, x, y) in enumerate(laid_out(words, (MARGIN + 4, wide - MARGIN), top + TITLE, LINE, GAP)):
            write(canvas, word, (x, y), colour=_colour(page, i, title == "due"))
    return canvas


def outline(canvas: np.ndarray, edges: np.ndarray, zoom: int, colour: Colour, thickness: int = 2) -> None:
    """Draw a box of an enlarged picture, with a dark edge that shows on white.

    Args:
        canvas: the enlarged picture.
        edges: of the box, as in `Sheet`.
        zoom: by what it is enlarged.
        colour: of the line.
        thickness: of the line.
    """
    top, left, bottom, right = (int(edge) * zoom for edge in edges)
    for grow, shade in ((3, NIGHT), (2, colour)):
        box(canvas, (left - grow, top - grow), (right + grow - 1, bottom + grow - 1), shade, thickness)


def _colour(page: Sheet, place: int, due: bool) -> Colour:
    if due:
        return NOW if place == len(page.written) else INK
    return RIGHT if place < len(page.gold) and page.gold[place] == page.written[place] else WRONG
