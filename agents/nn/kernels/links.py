"""The temporal links of a DNC (Graves et al. 2016, Methods), forwards and backwards, in numba.

As `cores/allocation.py`, each in one pass over the N x N matrix.
"""

from numba import njit

from .arithmetic import OPTIONS

TINY = 1e-12  # as cores/addressing.py


@njit(**OPTIONS)
def link_and_follow(link, precedence, write, read, ahead, behind):
    """L_t in place, f_t^r = L_t w_{t-1}^r and b_t^r = L_tᵀ w_{t-1}^r.

    L_t[i, j] = (1 - w_t^w[i] - w_t^w[j]) L_{t-1}[i, j] + w_t^w[i] p_{t-1}[j], zero on the diagonal.
    """
    zero, one = link.dtype.type(0), link.dtype.type(1)
    rows = len(write)
    behind[:] = zero
    for i in range(rows):
        row, w, keep = link[i], write[i], one - write[i]
        for j in range(rows):
            row[j] = (keep - write[j]) * row[j] + w * precedence[j]
        row[i] = zero
        for r in range(len(read)):
            reading, back, here, total = read[r], behind[r], read[r, i], zero
            for j in range(rows):
                total += row[j] * reading[j]
                back[j] += here * row[j]
            ahead[r, i] = total


@njit(**OPTIONS)
def next_link(link, precedence, write, out):
    """L_t alone."""
    one = link.dtype.type(1)
    rows = len(write)
    for i in range(rows):
        old, new, w, keep = link[i], out[i], write[i], one - write[i]
        for j in range(rows):
            new[j] = (keep - write[j]) * old[j] + w * precedence[j]
        new[i] = one - one


@njit(**OPTIONS)
def link_and_follow_back(
    before, link, precedence, write, read, d_ahead, d_behind, d_link, d_precedence, d_write, d_read
):
    """Of `link_and_follow`; `before` is L_{t-1}, `d_link` goes from L_t to it, the rest collects."""
    zero, one = link.dtype.type(0), link.dtype.type(1)
    rows = len(write)
    for i in range(rows):
        old, new, d = before[i], link[i], d_link[i]
        for r in range(len(read)):
            d_f, here, back, reading, d_reading = d_ahead[r, i], read[r, i], d_behind[r], read[r], d_read[r]
            total = zero
            for j in range(rows):
                d[j] += d_f * reading[j] + here * back[j]
                d_reading[j] += d_f * new[j]
                total += back[j] * new[j]
            d_reading[i] += total
        d[i] = zero
        w, keep, total = write[i], one - write[i], zero
        for j in range(rows):
            by_old = d[j] * old[j]
            total += d[j] * precedence[j] - by_old
            d_write[j] -= by_old
            d_precedence[j] += w * d[j]
            d[j] *= keep - write[j]
        d_write[i] += total


@njit(**OPTIONS)
def precede(precedence, write, out):
    """p_t = (1 - Σ_i w_t^w[i]) p_{t-1} + w_t^w."""
    one = out.dtype.type(1)
    keep = one
    for i in range(len(out)):
        keep -= write[i]
    for i in range(len(out)):
        out[i] = keep * precedence[i] + write[i]


@njit(**OPTIONS)
def precede_back(precedence, write, d_precedence, d_write):
    """Of p_t; `d_precedence` goes from p_t to p_{t-1}, `d_write` collects."""
    one = write.dtype.type(1)
    keep, by_keep = one, one - one
    for i in range(len(write)):
        keep -= write[i]
        by_keep += d_precedence[i] * precedence[i]
    for i in range(len(write)):
        d_write[i] += d_precedence[i] - by_keep
        d_precedence[i] *= keep
