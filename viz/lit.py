"""A picture that was described, once for each word, lit where it was looked at (Xu et al. 2015, figure 5)."""

from collections.abc import Sequence

import numpy as np

from .alignment import GOLD, AlignmentMap, Written
from .canvas import blank, box, enlarge, even, in_colour
from .palette import DIM, INK, WHITE
from .text import write

SIDE, GAP, LINE, TITLE = 128, 8, 20, 24  # pixels of each small picture, between them, of its word and of a title
DARK = 0.25  # of the light that is left where nobody looks
PER_ROW = 6


def draw_lit(
    maps: Sequence[AlignmentMap],
    picture: np.ndarray,
    written: Sequence[Written],
    boxes: Sequence[np.ndarray],
    most: int | None = None,
) -> np.ndarray:
    """Pictures in rows, uint8 (H, W, 3), with even sides: first as it is, then under the light of each word.

    The light is brightest where the amount is greatest, and soft at the edges of cells.

    Args:
        maps: one below the other; a row a word, a column a cell of the picture's grid, row by row.
        picture: uint8, (H, H).
        written: the words, each beside its picture.
        boxes: for each word around what it is about, int (n, 4): first row and column, and those behind the last.
        most: words that there is room for, so that all of a film are of one size; None for what there is.
    """
    count = 1 + (len(written) if most is None else most)
    across, down = min(PER_ROW, count), -(-count // PER_ROW)
    high = TITLE + down * (SIDE + LINE + GAP)
    canvas = blank(even(len(maps) * high), even(GAP + across * (SIDE + GAP)), WHITE)
    plain = in_colour(enlarge(picture, SIDE, SIDE)).astype(np.float32)
    for number, each in enumerate(maps):
        top = number * high
        write(canvas, each.title, (GAP, top + 17), colour=DIM)
        for place in range(1 + min(len(written), len(each.amounts))):
            row, column = divmod(place, PER_ROW)
            x, y = GAP + column * (SIDE + GAP), top + TITLE + row * (SIDE + LINE + GAP)
            part = canvas[y + LINE : y + LINE + SIDE, x : x + SIDE]
            if place == 0:
                part[:] = plain
                continue
            word = written[place - 1]
            light = lit(each.amounts[place - 1])[..., None]
            part[:] = plain * (DARK + (1 - DARK) * light) + 110 * light * (1 - plain / 255)
            for edges in boxes[place - 1] * (SIDE / picture.shape[0]):
                upper, left, lower, right = (round(float(edge)) for edge in edges)
                box(part, (left - 1, upper - 1), (right, lower), GOLD, 1)
            write(canvas, word.word, (x, y + 15), colour=word.colour)
        write(canvas, "picture", (GAP, top + TITLE + 15), colour=INK)
    return canvas


def lit(amounts: np.ndarray) -> np.ndarray:
    """The light of amounts of a square grid's cells, (S,), in [0, 1], float (SIDE, SIDE): 1 at the greatest one."""
    import cv2

    grid = round(len(amounts) ** 0.5)
    cells = np.asarray(amounts, np.float32).reshape(grid, grid)
    cells = cells / max(float(cells.max(initial=0.0)), 1e-12)
    return cv2.resize(cells, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR).clip(0, 1)
