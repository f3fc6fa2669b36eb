"""The frames of games, pixel by pixel in one pass: what tensors would compute for whole frames, layer by layer."""

from typing import Any

import numpy as np
from numba import njit

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
u64 = np.uint64


@njit(**OPTIONS)
def rectangles(rows, columns, greys, out):
    """Frames of rectangles on black, whose grey values add up, up to 255.

    Args:
        rows: bool, (N, K, 84), which rows each covers.
        columns: bool, (N, K, 84).
        greys: whole numbers, (K,).
        out: uint8, (N, 84, 84), written to.
    """
    count, size = len(out), out.shape[1]
    out[:] = 0
    for n in range(count):
        for k in range(rows.shape[1]):
            first, last = _span(columns[n, k])
            for y in range(size):
                if rows[n, k, y]:
                    for x in range(first, last):
                        if columns[n, k, x]:
                            out[n, y, x] = min(np.int64(out[n, y, x]) + greys[k], 255)


@njit(**OPTIONS)
def _span(covered):
    """The first that is covered, and the one behind the last."""
    first, last = len(covered), 0
    for x in range(len(covered)):
        if covered[x]:
            first, last = min(first, x), x + 1
    return first, last


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
        others: rows and columns covered by other cars, bool (N, K, 84) each, and their grey.
        own: the same of the driver's own.
        out: uint8, (N, 84, 84), written to.
    """
    size, ground = out.shape[1], len(widths)
    sky_rows = at[4]
    for n in range(len(out)):
        picture = out[n]
        mountain, sky, road = np.uint8(lights[n, 0]), np.uint8(lights[n, 1]), np.uint8(lights[n, 2])
        for y in range(sky_rows):
            for x in range(size):
                picture[y, x] = mountain if np.float32(y) >= np.float32(sky_rows) - heights[n, x] else sky
        for r in range(ground):
            green, middle, width = np.uint8(grass[n, r]), middles[n, r], widths[r]
            for x in range(size):
                aside = abs(np.float32(x) - middle)
                grey = road if aside <= width else green
                picture[sky_rows + r, x] = np.uint8(225) if abs(aside - width) <= np.float32(0.9) else grey
        picture[sky_rows + ground :] = at[2]
        for y in range(glyphs.shape[1]):
            for x in range(glyphs.shape[2]):
                if glyphs[n, y, x]:
                    picture[at[0] + y, at[1] + x] = at[3]
        _cover(others[0][n], others[1][n], 185, picture)
        _cover(own[0][n], own[1][n], 255, picture)


@njit(**OPTIONS)
def _cover(rows, columns, grey, picture):
    """Paint rectangles over what is there."""
    for k in range(len(rows)):
        first, last = _span(columns[k])
        if first >= last:
            continue
        for y in range(rows.shape[1]):
            if rows[k, y]:
                for x in range(first, last):
                    if columns[k, x]:
                        picture[y, x] = grey
