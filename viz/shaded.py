"""The picture of a text that was read to answer something: its words shaded by how much each counted, and the query."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .alignment import GOLD, AlignmentMap, Written
from .canvas import FILLED, blank, box, even
from .palette import DIM, WHITE, Colour
from .text import laid_out, width_of, write

WIDTH, MARGIN, LINE, TITLE, GAP = 640, 10, 24, 26, 12
SHADE: Colour = (255, 150, 50)  # of the word that counts most; its letters stay readable


class Asked(NamedTuple):
    """What is below a text.

    Attributes:
        query: the words of the query; none where always the same is asked.
        written: the answers so far.
    """

    query: Sequence[str]
    written: Sequence[Written]


def draw_shaded(
    maps: Sequence[AlignmentMap],
    source: Sequence[str],
    asked: Asked,
    gold: np.ndarray,
    room: tuple[int, int] | None = None,
) -> np.ndarray:
    """Texts shaded by the amounts of matrices, uint8 (H, W, 3), with even sides: one below the other for each answer.

    Each text's darkest shade is its greatest amount.

    Args:
        maps: matrices side by side, a row an answer, a column a word.
        source: the words of the text.
        asked: the query and the answers.
        gold: bool, (answers, words), the words that say what is due: they are outlined.
        room: answers and lines that a picture has room for, so that all of a film are of one size; None for what
            there is.
    """
    across = (MARGIN + 4, WIDTH - MARGIN)
    words = laid_out(source, across, TITLE, LINE, GAP)
    answers, lines = room or (len(asked.written), 1 + (max((y for _, _, y in words), default=0) - TITLE - 16) // LINE)
    high = TITLE + LINE * (lines + 2)
    canvas = blank(even(max(1, answers) * high + MARGIN), even(len(maps) * WIDTH), WHITE)
    for number, each in enumerate(maps):
        for row in range(max(1, len(asked.written))):
            part = canvas[row * high : (row + 1) * high, number * WIDTH : (number + 1) * WIDTH]
            write(part, each.title, (MARGIN, 16), colour=DIM)
            some = each.amounts[row] if row < len(each.amounts) else np.zeros(len(source))
            share = some / max(1e-12, float(some.max(initial=0.0)))
            for i, (word, x, y) in enumerate(words):
                corners = (x - 3, y - 14), (x + width_of(word) + 3, y + 6)
                box(part, *corners, _shade(share[i]), FILLED)
                if row < len(gold) and gold[row, i]:
                    box(part, *corners, GOLD, 2)
                write(part, word, (x, y))
            below = TITLE + LINE * lines + 16
            if asked.query:
                write(part, "asked: " + " ".join(asked.query), (MARGIN + 4, below), colour=DIM)
            if row < len(asked.written):
                answer = asked.written[row]
                write(part, "written: " + answer.word, (MARGIN + 4, below + LINE), colour=answer.colour)
    return canvas


def _shade(share: float) -> Colour:
    """From white to `SHADE`."""
    red, green, blue = (round(255 + share * (most - 255)) for most in SHADE)
    return red, green, blue
