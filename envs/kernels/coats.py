"""Pictures of animals with a fur before a ground, as `foveate.envs.glimpse.fur` has them in tensors."""

from typing import Any

import numpy as np
from numba import njit

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
i64, u8, u64 = np.int64, np.uint8, np.uint64


@njit(**OPTIONS)
def _lay(line, marks, tone):
    """Fill a line of a picture with marks (n,) on a grey."""
    for x in range(u64(len(line))):
        line[x] = u8(min(max(marks[x] + tone, i64(0)), i64(255)))


@njit(**OPTIONS)
def coats(animals, sheets, animal, turned, corner, surfaces, pictures):
    """Pictures of animals; one whose state is none that can be (states may come from files) is black.

    Args:
        animals: bool, (N, h, w), silhouettes.
        sheets: int16, (2, textures, sheets, S, S), of fur and of grounds.
        animal: int64, (B,), which.
        turned: int64, (B,), 1 where it looks the other way.
        corner: int64, (B, 2), row and column of its box.
        surfaces: int64, (B, 2, 5): texture, sheet, row, column and grey of its fur and of the ground.
        pictures: uint8, (B, size, size), written to.
    """
    size, (number, height, width) = pictures.shape[1], animals.shape
    _, textures, count, side, _ = sheets.shape
    fur = np.empty(size, np.uint8)
    for b in range(len(pictures)):
        top, left = corner[b]
        possible = 0 <= animal[b] < number and 0 <= top <= size - height and 0 <= left <= size - width
        for which in range(2):
            texture, sheet, row, column, _ = surfaces[b, which]
            possible &= 0 <= texture < textures and 0 <= sheet < count
            possible &= 0 <= row <= side - size and 0 <= column <= side - size
        if not possible:
            pictures[b] = 0
            continue
        for y in range(size):
            line = pictures[b, y]
            texture, sheet, row, column, tone = surfaces[b, 1]
            _lay(line, sheets[1, texture, sheet, row + y, column : column + size], tone)
            if not top <= y < top + height:
                continue
            texture, sheet, row, column, tone = surfaces[b, 0]
            _lay(fur, sheets[0, texture, sheet, row + y, column : column + size], tone)
            ink = animals[animal[b], y - top]
            for x in range(width):
                if ink[width - 1 - x if turned[b] == 1 else x]:
                    line[left + x] = fur[left + x]
