"""Rows of many arrays of any kind, copied as bytes in one pass."""

from typing import Any

import numpy as np
from numba import njit

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
u64 = np.uint64


@njit(**OPTIONS)
def rows(mask, key, episode, kept_key, kept_episode, sizes, begins, block, kept_begins, kept):
    """Put the beginnings of some worlds into their state, as `foveate.envs.beginnings.Beginnings.put`.

    Args:
        mask: bool, (B,), which worlds.
        key: int64, (B,), the seeds.
        episode: int64, (B,), the numbers of the present episodes.
        kept_key: int64, (B · depth,), which beginnings are kept: their seeds.
        kept_episode: int64, (B · depth,), and their numbers.
        sizes: int64, (E,), bytes of a row of each entry.
        begins: int64, (E,), where the entries begin in `block`.
        block: uint8, the state, written to.
        kept_begins: int64, (E,), where they begin in `kept`.
        kept: uint8, the beginnings.

    Returns:
        Whether all were there; if not, nothing is written.
    """
    depth = len(kept_key) // len(mask)
    for b in range(len(mask)):
        row = b * depth + episode[b] % depth
        if mask[b] and (kept_key[row] != key[b] or kept_episode[row] != episode[b]):
            return False
    for b in range(len(mask)):
        if mask[b]:
            row = u64(b * depth + episode[b] % depth)
            for e in range(len(sizes)):
                size = u64(sizes[e])
                target, source = u64(begins[e]) + u64(b) * size, u64(kept_begins[e]) + row * size
                for i in range(size):
                    block[target + i] = kept[source + i]
    return True


@njit(**OPTIONS)
def taken_rows(mask, sizes, begins, block, taken):
    """Copy some rows of all entries.

    Args:
        mask: bool, (n,), which rows.
        sizes: int64, (E,), bytes of a row of each entry.
        begins: int64, (E,), where the entries begin in `block`.
        block: uint8.
        taken: uint8, (k, the sum of `sizes`), written to.
    """
    count = 0
    for b in range(len(mask)):
        if mask[b]:
            row, at = taken[count], u64(0)
            count += 1
            for e in range(len(sizes)):
                size = u64(sizes[e])
                source = u64(begins[e]) + u64(b) * size
                for i in range(size):
                    row[at + i] = block[source + i]
                at += size
