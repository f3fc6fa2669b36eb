"""The temporal links of a DNC (Graves et al. 2016, Methods), forwards and backwards, in numba.

As `cores/allocation.py`.
"""

from numba import njit

from .arithmetic import OPTIONS, PART, copy
from .products import add_product, add_transposed_product, product

TINY = 1e-12  # as cores/addressing.py


@njit(**PART)
def _next_row(row, i, precedence, write):
    """L_t[i, j] = (1 - w_t^w[i] - w_t^w[j]) L_{t-1}[i, j] + w_t^w[i] p_{t-1}[j], zero on the diagonal; in place."""
    one = row.dtype.type(1)
    w, keep = write[i], one - write[i]
    for j in range(len(row)):
        row[j] = (keep - write[j]) * row[j] + w * precedence[j]
    row[i] = one - one


@njit(**OPTIONS)
def link(links, precedence, write):
    """L_t in place of L_{t-1}."""
    for i in range(len(links)):
        _next_row(links[i], i, precedence, write)


@njit(**OPTIONS)
def link_into(links, precedence, write, out):
    """L_t beside L_{t-1}."""
    for i in range(len(links)):
        copy(links[i], out[i])
        _next_row(out[i], i, precedence, write)


@njit(**OPTIONS)
def link_back(before, precedence, write, d_link, d_precedence, d_write):
    """Of `link`; `before` is L_{t-1}, `d_link` goes from L_t to it, the rest collects."""
    zero, one = before.dtype.type(0), before.dtype.type(1)
    rows = len(write)
    for i in range(rows):
        old, d = before[i], d_link[i]
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
def follow(link, read, ahead, behind):
    """f_t^r = L_t w_{t-1}^r and b_t^r = L_tᵀ w_{t-1}^r of all heads, (R, N) each."""
    product(read, link, behind, 0, len(read))
    ahead[:] = ahead.dtype.type(0)
    add_transposed_product(read, link, ahead)


@njit(**OPTIONS)
def follow_back(link, read, d_ahead, d_behind, d_link, d_read, left, right):
    """Of `follow`; `d_link` and `d_read` collect, the last two are room for (2 R, N)."""
    heads = len(read)
    add_product(d_ahead, link, d_read)
    add_transposed_product(d_behind, link, d_read)
    for r in range(heads):  # d_L = Σ_r d_f w_{t-1}ᵀ + w_{t-1} d_bᵀ
        copy(d_ahead[r], left[r])
        copy(read[r], right[r])
        copy(read[r], left[heads + r])
        copy(d_behind[r], right[heads + r])
    add_product(left.T, right, d_link)


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
