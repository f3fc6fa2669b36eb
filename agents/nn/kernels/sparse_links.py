"""The sparse links of a DNC, forwards and backwards, in numba: K links a row, as `cores/allocation.py`.

They lie transposed, (K, N), so that the sorting of all rows vectorises. A link comes from an old one, from a new one,
or from both where they have the same column; which is kept as one number, ``old + 1 | (new + 1) << 16``, each zero for
"from none".
"""

from numba import njit

from .arithmetic import CACHED, OPTIONS

HALF = 16  # bits of each part of a source


@njit(**CACHED)
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


@njit(**CACHED)
def candidates(values, columns, preceding, precedence, write, place, candidate, source):
    """The 2 K links of each row that may be kept, the old (made weaker, and added to) before the new.

    (1 - w_t^w[i] - w_t^w[j]) L_{t-1}[i, j], w_t^w[i] p_{t-1}[j], or their sum where both have column j; zero on the
    diagonal.
    """
    one = values.dtype.type(1)
    keep, rows = values.shape
    place[:] = 0
    for s in range(keep):
        row, new, origin = preceding[s], candidate[keep + s], source[keep + s]
        place[row] = keep + s
        p, code = precedence[row], (s + 1) << HALF
        for i in range(rows):
            new[i] = write[i] * p
            origin[i] = code
        new[row] = one - one
        origin[row] = 0
    for k in range(keep):
        for i in range(rows):
            column = columns[k, i]
            old, origin, at = values[k, i] * (one - write[i] - write[column]), k + 1, place[column]
            if at > 0 and source[at, i] > 0:  # the same entry of L
                old += candidate[at, i]
                origin |= source[at, i]
                candidate[at, i] = one - one
                source[at, i] = 0
            candidate[k, i] = old
            source[k, i] = origin


@njit(**OPTIONS)
def _rise(upper, lower, upper_from, lower_from):
    """Exchange two neighbours in all rows where the lower one is stronger; returns in how many."""
    count = 0
    for i in range(len(upper)):
        above, below, from_above, from_below = upper[i], lower[i], upper_from[i], lower_from[i]
        change = below > above
        upper[i] = below if change else above
        lower[i] = above if change else below
        upper_from[i] = from_below if change else from_above
        lower_from[i] = from_above if change else from_below
        count += change
    return count


@njit(**OPTIONS)
def _replace(last, last_from, candidate, which):
    """Put a candidate into the last place of all rows where it is stronger; returns in how many."""
    count = 0
    for i in range(len(last)):
        change = candidate[i] > last[i]
        last[i] = candidate[i] if change else last[i]
        last_from[i] = which if change else last_from[i]
        count += change
    return count


@njit(**CACHED)
def select(candidate, best, which):
    """The K strongest of each row's 2 K candidates, falling, the first of equal ones first; `which` they are."""
    keep = len(best)
    for c in range(2 * keep):
        if c < keep:
            best[c] = candidate[c]
            which[c] = c
            at = c
        elif _replace(best[keep - 1], which[keep - 1], candidate[c], c) > 0:
            at = keep - 1
        else:
            continue
        while at > 0 and _rise(best[at - 1], best[at], which[at - 1], which[at]) > 0:
            at -= 1


@njit(**CACHED)
def settle(which, columns, preceding, source, columns_after, source_after):
    """Columns and sources of what was selected."""
    keep, rows = which.shape
    for k in range(keep):
        for i in range(rows):
            at = which[k, i]
            columns_after[k, i] = columns[at, i] if at < keep else preceding[at - keep]
            source_after[k, i] = source[at, i]


@njit(**CACHED)
def follow_sparse(values, columns, read, ahead, behind):
    """f_t^r = L_t w_{t-1}^r and b_t^r = L_tᵀ w_{t-1}^r."""
    keep, rows = values.shape
    zero = values.dtype.type(0)
    behind[:] = zero
    for r in range(len(read)):
        reading, back = read[r], behind[r]
        for i in range(rows):
            here, total = reading[i], zero
            for k in range(keep):
                value, column = values[k, i], columns[k, i]
                total += value * reading[column]
                back[column] += value * here
            ahead[r, i] = total


@njit(**CACHED)
def follow_sparse_back(values, columns, read, d_ahead, d_behind, d_values, d_read):
    """Of `follow_sparse`; both results collect."""
    keep, rows = values.shape
    for r in range(len(read)):
        reading, d_reading, d_f, d_b = read[r], d_read[r], d_ahead[r], d_behind[r]
        for i in range(rows):
            total = values.dtype.type(0)
            for k in range(keep):
                value, column = values[k, i], columns[k, i]
                d_values[k, i] += d_f[i] * reading[column] + reading[i] * d_b[column]
                d_reading[column] += d_f[i] * value
                total += value * d_b[column]
            d_reading[i] += total


@njit(**CACHED)
def candidates_back(values, columns, preceding, precedence, write, source, d_values, d_precedence, d_write, spare):
    """Of `candidates` and what was selected of them: `d_values` goes from L_t to L_{t-1}, the rest collects."""
    zero, one = values.dtype.type(0), values.dtype.type(1)
    keep, rows = values.shape
    spare[:] = zero
    for i in range(rows):
        w, d_w = write[i], zero
        for k in range(keep):
            old, new, d = source[k, i] & ((1 << HALF) - 1), source[k, i] >> HALF, d_values[k, i]
            if old > 0:
                value, column = values[old - 1, i], columns[old - 1, i]
                spare[old - 1, i] = d * (one - w - write[column])
                d_w -= d * value
                d_write[column] -= d * value
            if new > 0:
                row = preceding[new - 1]
                d_w += d * precedence[row]
                d_precedence[row] += d * w
        d_write[i] += d_w
    d_values[:] = spare
