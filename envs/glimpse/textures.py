"""Textures of fur and of ground, as sheets to cut pieces from; computed once a process, of any split.

Only sums, products, quotients and roots are taken, which every processor rounds alike: sheets are the same anywhere.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...tree import outside_inference

SIDE = 96  # pixels of a sheet
COATS = ("spots", "rosettes", "stripes", "plain")
GROUNDS = ("grass", "leaves", "stones", "sand")  # the usual one of each coat, in their order
SHEETS = {"train": 16, "validation": 8, "test": 8}  # of each texture
MARK = 90.0  # by how many greys marks differ from what is around them
GRAIN = 6  # greys by which single pixels differ
_Y, _X = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)


class Lattice(NamedTuple):
    """How the pixels of a sheet lie to points that are strewn over it evenly, but not regularly; arrays (SIDE, SIDE).

    Attributes:
        first: distance to the nearest point.
        second: distance to the next.
        across: how far to the right of the nearest the pixel lies.
        down: how far below.
        chance: a number in [0, 1) of the nearest point's own.
    """

    first: np.ndarray
    second: np.ndarray
    across: np.ndarray
    down: np.ndarray
    chance: np.ndarray


def strewn(rng: np.random.Generator, spacing: float, jitter: float) -> Lattice:
    """One point in each square of a grid.

    Args:
        rng: random numbers.
        spacing: side of the squares in pixels.
        jitter: from 0, always in the middle, to 1, anywhere in the square.
    """
    squares = int(SIDE / spacing) + 4
    offset = 0.5 + jitter * (rng.random((2, squares, squares)) - 0.5)
    chance, shift = rng.random((squares, squares)), rng.random(2) * spacing
    row, column = (_Y + shift[0]) // spacing + 1, (_X + shift[1]) // spacing + 1  # the square that a pixel lies in
    best, known = np.full((2, SIDE, SIDE), np.inf), np.zeros((3, SIDE, SIDE))
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            r, c = (row + i).astype(int), (column + j).astype(int)
            down = _Y + shift[0] - (r - 1 + offset[0, r, c]) * spacing
            across = _X + shift[1] - (c - 1 + offset[1, r, c]) * spacing
            distance = down * down + across * across
            nearer = distance < best[0]
            best[1] = np.where(nearer, best[0], np.minimum(best[1], distance))
            best[0] = np.where(nearer, distance, best[0])
            known = np.where(nearer, np.stack([across, down, chance[r, c]]), known)
    return Lattice(np.sqrt(best[0]), np.sqrt(best[1]), *known)


def smooth(rng: np.random.Generator, height: float, width: float) -> np.ndarray:
    """Noise in [-1, 1) that changes over so many pixels, interpolated bilinearly, (SIDE, SIDE)."""
    known = rng.random((int(SIDE / height) + 3, int(SIDE / width) + 3)) * 2 - 1
    y, x = _Y / height, _X / width
    r, c = y.astype(int), x.astype(int)
    v, u = y - r, x - c
    above = known[r, c] * (1 - u) + known[r, c + 1] * u
    below = known[r + 1, c] * (1 - u) + known[r + 1, c + 1] * u
    return above * (1 - v) + below * v


def _waves(rng: np.random.Generator, period: float, slope: float, wobble: float) -> np.ndarray:
    """Waves that wobble: how far along its period each pixel is, in [0, 1), (SIDE, SIDE).

    Args:
        rng: random numbers.
        period: in pixels.
        slope: their direction: half of the angle's tangent, 0 for waves that follow each other downwards.
        wobble: by how many periods they are shifted here and there.
    """
    down, across = (1 - slope**2) / (1 + slope**2), 2 * slope / (1 + slope**2)
    return ((_Y * down + _X * across) / period + wobble * smooth(rng, 14, 14) + rng.random()) % 1


def _spots(rng: np.random.Generator) -> np.ndarray:
    spacing = 5 + rng.random()
    lattice = strewn(rng, spacing, 0.4)
    return -MARK * (lattice.first < spacing * (0.27 + 0.1 * lattice.chance))


def _rosettes(rng: np.random.Generator) -> np.ndarray:
    spacing = 10 + 2 * rng.random()
    lattice = strewn(rng, spacing, 0.3)
    slope, side = 4 * lattice.chance % 2 - 1, np.where(lattice.chance < 0.5, -1, 1)  # where a ring has its gap
    towards = side * (lattice.across * (1 - slope**2) + lattice.down * 2 * slope) / (1 + slope**2)
    radius = lattice.first / spacing
    ring = (radius > 0.2) & (radius < 0.42) & (towards < 0.75 * lattice.first)
    return -MARK * ring - MARK / 4 * (radius <= 0.2)


def _stripes(rng: np.random.Generator) -> np.ndarray:
    return -MARK * (_waves(rng, 6 + 2 * rng.random(), 1 - 0.8 * rng.random(), 0.35) < 0.45)


def _plain(rng: np.random.Generator) -> np.ndarray:
    return MARK / 6 * smooth(rng, 12, 12)


def _grass(rng: np.random.Generator) -> np.ndarray:
    return MARK * 0.6 * smooth(rng, 12 + 4 * rng.random(), 1.6)


def _leaves(rng: np.random.Generator) -> np.ndarray:
    size = 7 + 2 * rng.random()
    return MARK * 0.4 * np.round(2 * smooth(rng, size, size))


def _stones(rng: np.random.Generator) -> np.ndarray:
    lattice = strewn(rng, 10 + 3 * rng.random(), 0.8)
    return MARK * (0.6 * lattice.chance - 0.8 * (lattice.second - lattice.first < 1.5))


def _sand(rng: np.random.Generator) -> np.ndarray:
    along = _waves(rng, 7 + 2 * rng.random(), 0.3 * (rng.random() - 0.5), 0.3)
    return MARK * 1.2 * np.abs(along - 0.5)


_MAKERS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "spots": _spots,
    "rosettes": _rosettes,
    "stripes": _stripes,
    "plain": _plain,
    "grass": _grass,
    "leaves": _leaves,
    "stones": _stones,
    "sand": _sand,
}


@cache
@outside_inference
def sheets(names: tuple[str, ...], split: str) -> Tensor:
    """Sheets of some textures, int16 (textures, sheets, SIDE, SIDE): greys above or below the mean of the sheet.

    Args:
        names: of `COATS` or `GROUNDS`.
        split: of `SHEETS`; no two have a sheet in common.
    """
    return torch.from_numpy(np.stack([_sheets_of(name, split) for name in names]))


def _sheets_of(name: str, split: str) -> np.ndarray:
    number = list(_MAKERS).index(name), list(SHEETS).index(split)
    made = []
    for sheet in range(SHEETS[split]):
        rng = np.random.default_rng([*number, sheet])
        marks = _MAKERS[name](rng) + rng.integers(-GRAIN, GRAIN + 1, (SIDE, SIDE))
        made.append(np.round(marks - marks.mean()).astype(np.int16))
    return np.stack(made)
