"""Pictures of passages: what is read, what has been written, what was due."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...viz.canvas import blank, box, even
from ...viz.palette import DIM, INK, NOW, RIGHT, WRONG, Colour
from ...viz.text import width_of, write

WIDTH, MARGIN, LINE, TITLE, GAP = 640, 8, 24, 26, 14
LETTER = 10  # pixels of the widest letters


class Page(NamedTuple):
    """What a picture shows.

    Attributes:
        source: the words of the passage.
        written: what has been written.
        gold: what is to be written.
        aligned: bool, (words of the source,), those that say what is due next.
        seen: the word that is seen now; None if it is none of them, or all.
    """

    source: Sequence[str]
    written: Sequence[str]
    gold: Sequence[str]
    aligned: np.ndarray
    seen: int | None


def lines_of(words: int, letters: int) -> int:
    """How many lines so many words of at most so many letters can take."""
    each = max(1, (WIDTH - 2 * MARGIN) // (letters * LETTER + GAP))
    return math.ceil(words / each)


def passage(page: Page, lines: tuple[int, int]) -> np.ndarray:
    """The page as a picture, uint8 (H, W, 3), both even.

    Args:
        page: what it shows.
        lines: how many the longest passage takes, and the longest writing: all pictures of a world are of one size.
    """
    tops = np.cumsum([0, *(TITLE + LINE * n for n in (lines[0], lines[1], lines[1]))]).tolist()
    canvas = blank(even(tops[-1] + MARGIN), WIDTH)
    write(canvas, "read (framed: says what is due)", (MARGIN, tops[0] + 18), colour=DIM)
    for i, (word, x, y) in enumerate(_laid(page.source, tops[0] + TITLE)):
        write(canvas, word, (x, y), colour=NOW if i == page.seen else INK)
        if i < len(page.aligned) and page.aligned[i]:
            box(canvas, (x - 4, y - 15), (x + width_of(word) + 4, y + 6), NOW)
    write(canvas, "written", (MARGIN, tops[1] + 18), colour=DIM)
    for i, (word, x, y) in enumerate(_laid(page.written, tops[1] + TITLE)):
        write(canvas, word, (x, y), colour=_judged(i, word, page.gold))
    write(canvas, "due", (MARGIN, tops[2] + 18), colour=DIM)
    for i, (word, x, y) in enumerate(_laid(page.gold, tops[2] + TITLE)):
        write(canvas, word, (x, y), colour=NOW if i == len(page.written) else DIM)
    return canvas


def _judged(place: int, word: str, gold: Sequence[str]) -> Colour:
    return RIGHT if place < len(gold) and gold[place] == word else WRONG


def _laid(words: Sequence[str], top: int) -> list[tuple[str, int, int]]:
    """Words in lines, each with the lower left end of its letters."""
    laid, x, y = [], MARGIN + 4, top + 16
    for word in words:
        wide = width_of(word)
        if x + wide > WIDTH - MARGIN and x > MARGIN + 4:
            x, y = MARGIN + 4, y + LINE
        laid.append((word, x, y))
        x += wide + GAP
    return laid
