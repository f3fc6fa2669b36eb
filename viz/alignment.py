"""The picture of an alignment: what was read above, what was written at the side, and how much each owes to each."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .canvas import blank, box, even, heat
from .palette import DIM, INK, LATER, SOFT, WHITE, Colour
from .text import width_of, write

CELL, MARGIN, TITLE, LEGEND = 22, 10, 24, 22
GOLD: Colour = (64, 224, 255)  # an outline that shows on dark and on bright
SIZE = 0.42  # of letters


class AlignmentMap(NamedTuple):
    """One matrix of an alignment.

    Attributes:
        title: above it.
        amounts: how much each writing so far owes to each item, float (rows, columns), none below zero.
        caption: below it; empty for none.
        elsewhere: how much each writing owes to no item (the end, of a pointer), float (rows,); None for nothing.
    """

    title: str
    amounts: np.ndarray
    caption: str = ""
    elsewhere: np.ndarray | None = None


class Written(NamedTuple):
    """A word at the side of a matrix.

    Attributes:
        word: what was written.
        colour: of its letters.
    """

    word: str
    colour: Colour = INK


class Room(NamedTuple):
    """What a picture has room for, so that all of a film are of one size.

    Attributes:
        rows: writings.
        columns: items.
        above: all words that may stand above.
        beside: all that may stand at the side.
    """

    rows: int
    columns: int
    above: Sequence[str]
    beside: Sequence[str]


def draw_alignment(
    maps: Sequence[AlignmentMap],
    source: Sequence[str],
    written: Sequence[Written],
    gold: np.ndarray,
    room: Room | None = None,
    picture: np.ndarray | None = None,
) -> np.ndarray:
    """Matrices side by side, uint8 (H, W, 3), with even sides: a row a writing, a column an item.

    Each row's brightest cell is its greatest amount: what is compared are the places. (All are dark where more is
    elsewhere.)

    Args:
        maps: the matrices, of the same rows and columns.
        source: the words above.
        written: the words at the side.
        gold: bool, (rows, columns), the cells that should be bright: they are outlined.
        room: what the picture has room for; None for what there is.
        picture: of the source, on the left, where words don't say what it is; uint8 (H, W, 3).
    """
    room = room or Room(max(1, len(written)), max(1, len(source)), source, [each.word for each in written])
    above, beside = (max([width_of(word, SIZE) for word in some], default=0) + 12 for some in (room.above, room.beside))
    across, down = room.columns * CELL, room.rows * CELL
    wide = max(beside + across, *(width_of(each.title, SIZE) for each in maps)) + MARGIN
    canvas = blank(even(TITLE + above + down + LEGEND + MARGIN), even(len(maps) * wide + MARGIN), WHITE)
    for number, each in enumerate(maps):
        left, top = MARGIN + number * wide + beside, TITLE + above
        write(canvas, each.title, (MARGIN + number * wide, 16), SIZE, INK)
        for column, word in enumerate(source):
            _upwards(canvas, word, (left + column * CELL + CELL - 6, top - 5))
        for row, word in enumerate(written):
            write(canvas, word.word, (left - 6, top + row * CELL + CELL - 6), SIZE, word.colour, right=True)
        _cells(canvas[top : top + down, left : left + across], each, gold, len(written))
        write(canvas, each.caption, (left, top + down + 16), SIZE, DIM)
    return canvas if picture is None else _side_by_side(picture, canvas)


def _side_by_side(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Two pictures beside each other, each in the middle of the height."""
    canvas = blank(even(max(len(left), len(right))), even(left.shape[1] + right.shape[1]), WHITE)
    for picture, x in ((left, 0), (right, left.shape[1])):
        y = (len(canvas) - len(picture)) // 2
        canvas[y : y + len(picture), x : x + picture.shape[1]] = picture
    return canvas


def _cells(ground: np.ndarray, matrix: AlignmentMap, gold: np.ndarray, count: int) -> None:
    """The cells of a matrix, and an outline around those that should be bright."""
    ground[:] = LATER
    amounts = matrix.amounts[:count]
    brightest = np.maximum(amounts.max(1, keepdims=True, initial=0.0), 1e-12)
    if matrix.elsewhere is not None:
        brightest = np.maximum(brightest, matrix.elsewhere[:count, None])
    share = amounts / brightest
    if share.size:
        picture = np.repeat(np.repeat(heat(share), CELL, 0), CELL, 1)
        ground[: picture.shape[0], : picture.shape[1]] = picture
    ground[::CELL], ground[:, ::CELL] = SOFT, SOFT
    for row, column in np.argwhere(gold[:count]):
        box(ground, (column * CELL + 1, row * CELL + 1), ((column + 1) * CELL - 1, (row + 1) * CELL - 1), GOLD, 2)


def _upwards(canvas: np.ndarray, word: str, at: tuple[int, int]) -> None:
    """Write a word from below to above, its letters' lower right end at a point."""
    strip = blank(16, width_of(word, SIZE) + 4, WHITE)
    write(strip, word, (2, 12), SIZE)
    turned = np.rot90(strip)
    x, y = at
    canvas[y - turned.shape[0] : y, x - 12 : x + 4] = turned
