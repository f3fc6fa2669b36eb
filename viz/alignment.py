"""The picture of an alignment: what was read above, what was written at the side, and how much each owes to each."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .canvas import blank, box, even, heat, line
from .palette import DIM, INK, LATER, SOFT, WHITE, Colour
from .text import width_of, write

CELL, MARGIN, TITLE, LEGEND = 22, 10, 24, 22
NARROW, BAND = 6, 6  # pixels of a column below a strip, and of a band of it
GOLD: Colour = (64, 224, 255)  # an outline that shows on dark and on bright
SIZE = 0.42  # of letters
TICK = 0.5  # seconds between marks of time


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


class Strip(NamedTuple):
    """What stands above the columns instead of words: a spectrogram, say.

    Attributes:
        amounts: float, (bands, columns) in [0, 1], the highest band first.
        step: seconds from column to column.
    """

    amounts: np.ndarray
    step: float


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
    strip: Strip | None = None,
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
        strip: the source, item by item, above each matrix instead of words; columns are narrow then.
    """
    room = room or Room(max(1, len(written)), max(1, len(source)), source, [each.word for each in written])
    above, beside = (max([width_of(word, SIZE) for word in some], default=0) + 12 for some in (room.above, room.beside))
    cell = CELL if strip is None else NARROW  # how wide a column is
    above = above if strip is None else len(strip.amounts) * BAND + 6
    across, down = room.columns * cell, room.rows * CELL
    wide = max(beside + across, *(width_of(each.title, SIZE) for each in maps)) + MARGIN
    canvas = blank(even(TITLE + above + down + LEGEND + MARGIN), even(len(maps) * wide + MARGIN), WHITE)
    for number, each in enumerate(maps):
        left, top = MARGIN + number * wide + beside, TITLE + above
        write(canvas, each.title, (MARGIN + number * wide, 16), SIZE, INK)
        if strip is not None:
            _strip(canvas[:, left : left + across], strip, TITLE, top + down)
        for column, word in enumerate(source if strip is None else ()):
            _upwards(canvas, word, (left + column * CELL + CELL - 6, top - 5))
        for row, word in enumerate(written):
            write(canvas, word.word, (left - 6, top + row * CELL + CELL - 6), SIZE, word.colour, right=True)
        _cells(canvas[top : top + down, left : left + across], each, gold, len(written), cell)
        write(canvas, each.caption, (left, top + down + 16), SIZE, DIM)
    return canvas if picture is None else _side_by_side(picture, canvas)


def _side_by_side(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Two pictures beside each other, each in the middle of the height."""
    canvas = blank(even(max(len(left), len(right))), even(left.shape[1] + right.shape[1]), WHITE)
    for picture, x in ((left, 0), (right, left.shape[1])):
        y = (len(canvas) - len(picture)) // 2
        canvas[y : y + len(picture), x : x + picture.shape[1]] = picture
    return canvas


def _strip(ground: np.ndarray, strip: Strip, top: int, bottom: int) -> None:
    """The strip, and the time of its columns below the matrix, every half second."""
    picture = np.repeat(np.repeat(heat(strip.amounts), BAND, 0), NARROW, 1)
    ground[top : top + len(picture), : picture.shape[1]] = picture
    for number in range(int(picture.shape[1] / NARROW * strip.step / TICK) + 1):
        x = round(number * TICK / strip.step * NARROW)
        line(ground, (x, bottom), (x, bottom + 4), INK, 1)
        write(ground, f"{number * TICK:g} s", (x + 2, bottom + 14), 0.36, DIM)


def _cells(ground: np.ndarray, matrix: AlignmentMap, gold: np.ndarray, count: int, wide: int) -> None:
    """The cells of a matrix, so wide, and an outline around those that should be bright."""
    ground[:] = LATER
    amounts = matrix.amounts[:count]
    brightest = np.maximum(amounts.max(1, keepdims=True, initial=0.0), 1e-12)
    if matrix.elsewhere is not None:
        brightest = np.maximum(brightest, matrix.elsewhere[:count, None])
    share = amounts / brightest
    if share.size:
        picture = np.repeat(np.repeat(heat(share), CELL, 0), wide, 1)
        ground[: picture.shape[0], : picture.shape[1]] = picture
    ground[::CELL] = SOFT
    if wide == CELL:
        ground[:, ::CELL] = SOFT
    for row, first, last in _runs(gold[:count], wide < CELL):
        corner, far = (first * wide + 1, row * CELL + 1), ((last + 1) * wide - 1, (row + 1) * CELL - 1)
        box(ground, corner, far, GOLD, 2)


def _runs(gold: np.ndarray, together: bool) -> list[tuple[int, int, int]]:
    """The cells of a mask as (row, first column, last column): each alone, or neighbours of a row together."""
    if not together:
        return [(row, column, column) for row, column in np.argwhere(gold).tolist()]
    edges = np.diff(np.pad(gold.astype(np.int8), ((0, 0), (1, 1))))
    return [
        (row, first, last)
        for row, each in enumerate(edges)
        for first, last in zip(np.flatnonzero(each > 0).tolist(), (np.flatnonzero(each < 0) - 1).tolist(), strict=True)
    ]


def _upwards(canvas: np.ndarray, word: str, at: tuple[int, int]) -> None:
    """Write a word from below to above, its letters' lower right end at a point."""
    strip = blank(16, width_of(word, SIZE) + 4, WHITE)
    write(strip, word, (2, 12), SIZE)
    turned = np.rot90(strip)
    x, y = at
    canvas[y - turned.shape[0] : y, x - 12 : x + 4] = turned
