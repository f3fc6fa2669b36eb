"""Characters side by side on black, as `foveate.envs.glimpse.search` draws them in tensors."""

from typing import Any

import numpy as np
from numba import njit

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
u8 = np.uint8


@njit(**OPTIONS)
def displays(glyphs, shades, count, glyph, shade, play, grid, pictures):
    """Draw the characters of each picture; those whose state is none that can be (states may come from files) not.

    Args:
        glyphs: bool, (N, h, w), the ink of each kind.
        shades: int64, the grey of each shade.
        count: int64, (B,), how many there are.
        glyph: uint8, (B, M), which kind each is.
        shade: uint8, (B, M).
        play: uint8, (B, M), where in its cell each lies.
        grid: cells along a side of the picture, their side in pixels, and how many columns a character may begin at.
        pictures: uint8, (B, H, W), written to.
    """
    side, cell, places = grid
    kinds, height, width = glyphs.shape
    for b in range(len(pictures)):
        pictures[b] = 0
        if not 0 < count[b] <= side * side:
            continue
        columns = 1
        while columns * columns < count[b]:
            columns += 1
        top, left = (side - (count[b] + columns - 1) // columns) // 2, (side - columns) // 2
        for i in range(count[b]):
            row = (top + i // columns) * cell + 1 + play[b, i] // places
            column = (left + i % columns) * cell + 1 + play[b, i] % places
            if glyph[b, i] >= kinds or shade[b, i] >= len(shades) or row + height > pictures.shape[1]:
                continue
            ink, grey = glyphs[glyph[b, i]], u8(shades[shade[b, i]])
            for y in range(height):
                for x in range(width):
                    if ink[y, x]:
                        pictures[b, row + y, column + x] = grey
