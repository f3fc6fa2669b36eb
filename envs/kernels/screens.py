"""The frames of games, pixel by pixel in one pass: what tensors would compute for whole frames, layer by layer."""

from typing import Any

import numpy as np
from numba import njit

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
f32, u8, i64, u64 = np.float32, np.uint8, np.int64, np.uint64


@njit(**OPTIONS)
def _edge(place, size):
    """The first pixel that isn't before a place, within the picture."""
    if place >= size:
        return i64(size)
    return i64(np.ceil(place)) if place > 0 else i64(0)  # NaN: 0


@njit(**OPTIONS)
def _limits(box, size):
    """The first row and the one behind the last, then the same of columns, of (left, top, width, height)."""
    left, top, width, height = box
    return _edge(top, size), _edge(top + height, size), _edge(left, size), _edge(left + width, size)


@njit(**OPTIONS)
def rectangles(boxes, greys, out):
    """Frames of rectangles on black, whose grey values add up, up to 255.

    Args:
        boxes: whole numbers, (N, K, 4), from `foveate.envs.probe.game.boxes`.
        greys: whole numbers, (K,).
        out: uint8, (N, 84, 84), written to.
    """
    for n in range(len(out)):
        out[n] = 0
        for k in range(len(greys)):
            first, last, left, right = _limits(boxes[n, k], out.shape[1])
            for y in range(first, last):
                row = out[n, y]
                for x in range(u64(left), u64(max(left, right))):
                    row[x] = min(i64(row[x]) + i64(greys[k]), 255)


@njit(**OPTIONS)
def roads(lights, heights, middles, widths, grass, glyphs, at, others, own, out):
    """Frames of a road, as `foveate.envs.probe.road.draw` composes them.

    Args:
        lights: float32, (N, 3), the greys of mountains, sky and road.
        heights: float32, (N, 84), of the mountains, in rows above the horizon.
        middles: float32, (N, R), the column of the road's middle in each row of the ground.
        widths: float32, (R,), half of its width.
        grass: float32, (N, R), the grey of each row's grass.
        glyphs: bool, (N, h, w), the digits.
        at: their first row and column, the greys of panel and digits, and how many rows the sky has.
        others: float32, (N, K, 4), other cars, from `foveate.envs.probe.game.boxes`.
        own: float32, (N, 1, 4), the driver's own.
        out: uint8, (N, 84, 84), written to.
    """
    size, ground, sky_rows = out.shape[1], len(widths), at[4]
    columns = np.arange(size).astype(np.float32)
    tops = np.empty(size, np.float32)
    for n in range(len(out)):
        picture = out[n]
        mountain, sky, road = u8(lights[n, 0]), u8(lights[n, 1]), u8(lights[n, 2])
        for x in range(u64(size)):
            tops[x] = f32(sky_rows) - heights[n, x]
        for y in range(sky_rows):
            _divide_sky(f32(y), tops, mountain, sky, picture[y])
        for r in range(ground):
            _divide_ground(columns, middles[n, r], widths[r], u8(grass[n, r]), road, picture[sky_rows + r])
        picture[sky_rows + ground :] = at[2]
        for y in range(glyphs.shape[1]):
            for x in range(glyphs.shape[2]):
                if glyphs[n, y, x]:
                    picture[at[0] + y, at[1] + x] = at[3]
        _cover(others[n], 185, picture)
        _cover(own[n], 255, picture)


@njit(**OPTIONS)
def _divide_sky(y, tops, mountain, sky, row):
    """A row of the sky: mountains where their tops are above it."""
    for x in range(u64(len(row))):
        row[x] = mountain if y >= tops[x] else sky


@njit(**OPTIONS)
def _divide_ground(columns, middle, width, green, road, row):
    """A row of the ground: the road about its middle, light at its edges, and grass."""
    for x in range(u64(len(row))):
        aside = abs(columns[x] - middle)
        grey = road if aside <= width else green
        row[x] = u8(225) if abs(aside - width) <= f32(0.9) else grey


@njit(**OPTIONS)
def _cover(boxes, grey, picture):
    """Paint rectangles over what is there."""
    for k in range(len(boxes)):
        first, last, left, right = _limits(boxes[k], len(picture))
        for y in range(first, last):
            picture[y, left:right] = grey
