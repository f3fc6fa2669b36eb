"""Pictures of passages: what is read, what has been written, what was due."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...viz.canvas import blank, box, even
from ...viz.palette import DIM, INK, NOW, RIGHT, WRONG, Colour
from ...viz.text import laid_out, width_of, write

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
        asked: the words of the query; none where there is none.
    """

    source: Sequence[str]
    written: Sequence[str]
    gold: Sequence[str]
    aligned: np.ndarray
    seen: int | None
    asked: Sequence[str] = ()


class Lines(NamedTuple):
    """How many lines pictures of a world have room for, so that all are of one size.

    Attributes:
        asked: of the query; 0 where there is none.
        read: of the passage.
        written: of what is written.
        due: of what should be.
    """

    asked: int
    read: int
    written: int
    due: int


def lines_of(words: int, letters: int) -> int:
    """How many lines so many words of at most so many letters can take."""
    each = max(1, (WIDTH - 2 * MARGIN) // (letters * LETTER + GAP))
    return math.ceil(words / each)


def passage(page: Page, lines: Lines) -> np.ndarray:
    """The page as a picture, uint8 (H, W, 3), both even.

    Args:
        page: what it shows.
        lines: that there is room for.
    """
    heights = [TITLE + LINE * n if n else 0 for n in lines]
    tops = dict(zip(lines._fields, np.cumsum([0, *heights]).tolist(), strict=False))
    canvas = blank(even(sum(heights) + MARGIN), WIDTH)

    def titled(name: str, title: str, words: Sequence[str]) -> list[tuple[str, int, int]]:
        """The words of a section, laid out below its title."""
        write(canvas, title, (MARGIN, tops[name] + 18), colour=DIM)
        return laid_out(words, (MARGIN + 4, WIDTH - MARGIN), tops[name] + TITLE, LINE, GAP)

    if lines.asked:
        for word, x, y in titled("asked", "asked", page.asked):
            write(canvas, word, (x, y))
    for i, (word, x, y) in enumerate(titled("read", "read (framed: says what is due)", page.source)):
        write(canvas, word, (x, y), colour=NOW if i == page.seen else INK)
        if i < len(page.aligned) and page.aligned[i]:
            box(canvas, (x - 4, y - 15), (x + width_of(word) + 4, y + 6), NOW)
    for i, (word, x, y) in enumerate(titled("written", "written", page.written)):
        write(canvas, word, (x, y), colour=_judged(i, word, page.gold))
    for i, (word, x, y) in enumerate(titled("due", "due", page.gold)):
        write(canvas, word, (x, y), colour=NOW if i == len(page.written) else DIM)
    return canvas


def _judged(place: int, word: str, gold: Sequence[str]) -> Colour:
    return RIGHT if place < len(gold) and gold[place] == word else WRONG


def spelt(symbols: np.ndarray, names: Sequence[str]) -> list[str]:
    """The names of symbols, (n,), or of sentences of them, (n, W)."""
    if symbols.ndim == 2:
        return [" ".join(names[int(symbol)] for symbol in sentence if symbol) for sentence in symbols]
    return [names[int(symbol)] for symbol in symbols]
