"""The sparse links of a DNC, forwards and backwards, in numba: K links a row, as `cores/allocation.py`.

They lie transposed, (K, N), so that the sorting of all rows vectorises. A link comes from an old one, from a new one,
or from both where they have the same column. All three are kept as one number, its code: 16 bits of the column, then 7
bits each of the old and the new one's place, counted from 1, zero for "from none". Heads are followed four at a time,
since to find a link's column costs more than what is done there.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from .arithmetic import OPTIONS, copy

COLUMN, OLD, NEW = 0xFFFF, 16, 23  # a mask, and where the other two begin
PLACE = 0x7F  # a mask
HEADS = 4


class SparseRoom(NamedTuple):
    """Numbers of one world at one step; (2 K, N), (2 K, N), (N,), and the last (N, 4), of four heads."""

    candidate: np.ndarray
    code: np.ndarray
    place: np.ndarray
    reading: np.ndarray
    ahead: np.ndarray
    behind: np.ndarray


def sparse_room(links: int, rows: int, kind: np.dtype) -> SparseRoom:
    """Room for K links a row."""
    heads = np.empty((3, rows, HEADS), kind)
    return SparseRoom(
        np.empty((2 * links, rows), kind),
        np.empty((2 * links, rows), np.int32),
        np.empty(rows, np.int32),
        heads[0],
        heads[1],
        heads[2],
    )


@njit(**OPTIONS)
def strongest(values, chosen):
    """Where the largest values stand, falling, the first of equal ones first."""
    keep = len(chosen)
    for i in range(len(values)):
        if i < keep:
            at = i
        elif values[i] > values[chosen[keep - 1]]:
            at = keep - 1
        else:
            continue
        while at > 0 and values[i] > values[chosen[at - 1]]:
            chosen[at] = chosen[at - 1]
            at -= 1
        chosen[at] = i


@njit(**OPTIONS)
def compete(values, codes, preceding, precedence, write, room):
    """The 2 K links of each row that may be kept, the old (made weaker, and added to) before the new.

    (1 - w_t^w[i] - w_t^w[j]) L_{t-1}[i, j], w_t^w[i] p_{t-1}[j], or their sum where both have column j; zero on the
    diagonal.
    """
    zero, one = values.dtype.type(0), values.dtype.type(1)
    keep, rows = values.shape
    candidate, code, place = room.candidate, room.code, room.place
    place[:] = 0
    for s in range(keep):
        row, new, origin = preceding[s], candidate[keep + s], code[keep + s]
        place[row] = keep + s
        p, bits = precedence[row], np.int32(row | (s + 1) << NEW)
        for i in range(rows):
            new[i] = write[i] * p
            origin[i] = bits
        new[row] = zero
        origin[row] = row
    for k in range(keep):
        for i in range(rows):
            column = codes[k, i] & COLUMN
            old, bits, at = values[k, i] * (one - write[i] - write[column]), column | (k + 1) << OLD, place[column]
            if at > 0 and code[at, i] >> NEW > 0:  # the same entry of L
                old += candidate[at, i]
                bits |= code[at, i]
                candidate[at, i] = zero
                code[at, i] = column
            candidate[k, i] = old
            code[k, i] = bits


@njit(**OPTIONS)
def _rise(upper, lower, upper_code, lower_code):
    """Exchange two neighbours in all rows where the lower one is stronger; returns in how many."""
    count = 0
    for i in range(len(upper)):
        above, below, code_above, code_below = upper[i], lower[i], upper_code[i], lower_code[i]
        change = below > above
        upper[i] = below if change else above
        lower[i] = above if change else below
        upper_code[i] = code_below if change else code_above
        lower_code[i] = code_above if change else code_below
        count += change
    return count


@njit(**OPTIONS)
def _replace(last, last_code, candidate, code):
    """Put a candidate into the last place of all rows where it is stronger; returns in how many."""
    count = 0
    for i in range(len(last)):
        change = candidate[i] > last[i]
        last[i] = candidate[i] if change else last[i]
        last_code[i] = code[i] if change else last_code[i]
        count += change
    return count


@njit(**OPTIONS)
def select(candidate, code, best, best_code):
    """The K strongest of each row's 2 K candidates, falling, the first of equal ones first."""
    keep = len(best)
    for c in range(2 * keep):
        if c < keep:
            copy(candidate[c], best[c])
            copy(code[c], best_code[c])
            at = c
        elif _replace(best[keep - 1], best_code[keep - 1], candidate[c], code[c]) > 0:
            at = keep - 1
        else:
            continue
        while at > 0 and _rise(best[at - 1], best[at], best_code[at - 1], best_code[at]) > 0:
            at -= 1


@njit(**OPTIONS)
def _gather(heads, first, out):
    """Up to four heads from (R, N) to (N, 4), beside zeros."""
    out[:] = 0
    for r in range(min(HEADS, len(heads) - first)):
        for i in range(len(out)):
            out[i, r] = heads[first + r, i]


@njit(**OPTIONS)
def _scatter(four, first, out):
    """Back from (N, 4), added to (R, N)."""
    for r in range(min(HEADS, len(out) - first)):
        for i in range(len(four)):
            out[first + r, i] += four[i, r]


@njit(**OPTIONS)
def follow_sparse(values, codes, read, ahead, behind, room):
    """f_t^r = L_t w_{t-1}^r and b_t^r = L_tᵀ w_{t-1}^r."""
    keep, rows = values.shape
    reading, four_ahead, back = room.reading, room.ahead, room.behind
    ahead[:] = 0
    behind[:] = 0
    for first in range(0, len(read), HEADS):
        _gather(read, first, reading)
        back[:] = 0
        for i in range(rows):
            here0, here1, here2, here3 = reading[i, 0], reading[i, 1], reading[i, 2], reading[i, 3]
            total0 = total1 = total2 = total3 = values.dtype.type(0)
            for k in range(keep):
                value, column = values[k, i], codes[k, i] & COLUMN
                total0 += value * reading[column, 0]
                total1 += value * reading[column, 1]
                total2 += value * reading[column, 2]
                total3 += value * reading[column, 3]
                back[column, 0] += value * here0
                back[column, 1] += value * here1
                back[column, 2] += value * here2
                back[column, 3] += value * here3
            four_ahead[i, 0], four_ahead[i, 1], four_ahead[i, 2], four_ahead[i, 3] = total0, total1, total2, total3
        _scatter(four_ahead, first, ahead)
        _scatter(back, first, behind)


@njit(**OPTIONS)
def _follow_four_back(values, codes, reading, d_ahead, d_behind, d_values, d_reading):
    """Of what four heads follow, all (N, 4)."""
    keep, rows = values.shape
    for i in range(rows):
        here0, here1, here2, here3 = reading[i, 0], reading[i, 1], reading[i, 2], reading[i, 3]
        d0, d1, d2, d3 = d_ahead[i, 0], d_ahead[i, 1], d_ahead[i, 2], d_ahead[i, 3]
        total0 = total1 = total2 = total3 = values.dtype.type(0)
        for k in range(keep):
            value, column = values[k, i], codes[k, i] & COLUMN
            back0, back1, back2, back3 = (
                d_behind[column, 0],
                d_behind[column, 1],
                d_behind[column, 2],
                d_behind[column, 3],
            )
            d_values[k, i] += (
                d0 * reading[column, 0] + d1 * reading[column, 1] + d2 * reading[column, 2] + d3 * reading[column, 3]
                + here0 * back0 + here1 * back1 + here2 * back2 + here3 * back3
            )  # fmt: skip
            d_reading[column, 0] += value * d0
            d_reading[column, 1] += value * d1
            d_reading[column, 2] += value * d2
            d_reading[column, 3] += value * d3
            total0 += value * back0
            total1 += value * back1
            total2 += value * back2
            total3 += value * back3
        d_reading[i, 0] += total0
        d_reading[i, 1] += total1
        d_reading[i, 2] += total2
        d_reading[i, 3] += total3


@njit(**OPTIONS)
def follow_sparse_back(values, codes, read, d_ahead, d_behind, d_values, d_read, d_reading, room):
    """Of `follow_sparse`; `d_values` and `d_read` collect, `d_reading` is room for (N, 4)."""
    for first in range(0, len(read), HEADS):
        _gather(read, first, room.reading)
        _gather(d_ahead, first, room.ahead)
        _gather(d_behind, first, room.behind)
        d_reading[:] = 0
        _follow_four_back(values, codes, room.reading, room.ahead, room.behind, d_values, d_reading)
        _scatter(d_reading, first, d_read)


@njit(**OPTIONS)
def compete_back(values, codes, preceding, precedence, write, after, d_values, d_precedence, d_write, spare):
    """Of `compete` and `select`; `after` has L_t's codes, `d_values` goes from L_t to L_{t-1}, the rest collects."""
    zero, one = values.dtype.type(0), values.dtype.type(1)
    keep, rows = values.shape
    spare[:] = zero
    for i in range(rows):
        w, d_w = write[i], zero
        for k in range(keep):
            old, new, d = after[k, i] >> OLD & PLACE, after[k, i] >> NEW, d_values[k, i]
            if old > 0:
                value, column = values[old - 1, i], codes[old - 1, i] & COLUMN
                spare[old - 1, i] = d * (one - w - write[column])
                d_w -= d * value
                d_write[column] -= d * value
            if new > 0:
                row = preceding[new - 1]
                d_w += d * precedence[row]
                d_precedence[row] += d * w
        d_write[i] += d_w
    for k in range(keep):
        copy(spare[k], d_values[k])
