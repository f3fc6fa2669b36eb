"""The temporal links of a DNC (Graves et al. 2016, Methods), forwards and backwards, in Triton.

As `cores/allocation.py`, in one pass over the N x N matrix, which lies in the device's memory: `SOME` rows of it are in
registers at a time, beside as many numbers for each head. All arguments are where the world's part of a step begins;
`linked` and `d_linked` hold b of all heads, then f, (2 R, N).
"""

import triton
from triton import language as tl


@triton.jit
def link_and_follow(
    link, link_after, precedence, write, read, linked,
    ROWS: tl.constexpr, ROWS_P: tl.constexpr, READS: tl.constexpr, READS_P: tl.constexpr, SOME: tl.constexpr,
):  # fmt: skip
    """L_t, f_t^r = L_t w_{t-1}^r and b_t^r = L_tᵀ w_{t-1}^r.

    L_t[i, j] = (1 - w_t^w[i] - w_t^w[j]) L_{t-1}[i, j] + w_t^w[i] p_{t-1}[j], zero on the diagonal.
    """
    r, j = tl.arange(0, READS_P)[:, None] * ROWS, tl.arange(0, ROWS_P)
    heads, real = r < READS * ROWS, j < ROWS
    w, p = tl.load(write + j, real, 0.0), tl.load(precedence + j, real, 0.0)
    reading = tl.load(read + r + j[None, :], heads & real[None, :], 0.0)  # (R, N)
    behind = tl.zeros((READS_P, ROWS_P), read.dtype.element_ty)
    for first in range(0, ROWS, SOME):
        i = first + tl.arange(0, SOME)
        some = i < ROWS
        cells, inside = i[:, None] * ROWS + j[None, :], some[:, None] & real[None, :]
        w_i = tl.load(write + i, some, 0.0)[:, None]
        new = (1 - w_i - w[None, :]) * tl.load(link + cells, inside, 0.0) + w_i * p[None, :]
        new = tl.where(i[:, None] == j[None, :], 0.0, new)
        tl.store(link_after + cells, new, inside)
        here = tl.load(read + r + i[None, :], heads & some[None, :], 0.0)  # (R, SOME)
        behind += tl.sum(new[None, :, :] * here[:, :, None], 1)
        ahead = tl.sum(new[None, :, :] * reading[:, None, :], 2)
        tl.store(linked + READS * ROWS + r + i[None, :], ahead, heads & some[None, :])
    tl.store(linked + r + j[None, :], behind, heads & real[None, :])


@triton.jit
def link_and_follow_back(
    link, link_after, precedence, write, read, d_linked, d_link, d_read, by_row,
    ROWS: tl.constexpr, ROWS_P: tl.constexpr, READS: tl.constexpr, READS_P: tl.constexpr, SOME: tl.constexpr,
):  # fmt: skip
    """Of `link_and_follow`: d_w^w and d_p, (N,) each; `d_link` goes from L_t to L_{t-1}, `d_read` is written.

    What is a sum along a row of the links goes by way of `by_row`, (R + 1, N): for each head, then for w^w.
    """
    r, j = tl.arange(0, READS_P)[:, None] * ROWS, tl.arange(0, ROWS_P)
    heads, real = r < READS * ROWS, j < ROWS
    w, p = tl.load(write + j, real, 0.0), tl.load(precedence + j, real, 0.0)
    reading = tl.load(read + r + j[None, :], heads & real[None, :], 0.0)  # (R, N)
    d_behind = tl.load(d_linked + r + j[None, :], heads & real[None, :], 0.0)
    d_reading = tl.zeros((READS_P, ROWS_P), read.dtype.element_ty)
    d_w, d_p = tl.zeros((ROWS_P,), read.dtype.element_ty), tl.zeros((ROWS_P,), read.dtype.element_ty)
    for first in range(0, ROWS, SOME):
        i = first + tl.arange(0, SOME)
        some = i < ROWS
        cells, inside = i[:, None] * ROWS + j[None, :], some[:, None] & real[None, :]
        w_i = tl.load(write + i, some, 0.0)[:, None]
        here = tl.load(read + r + i[None, :], heads & some[None, :], 0.0)  # (R, SOME)
        d_ahead = tl.load(d_linked + READS * ROWS + r + i[None, :], heads & some[None, :], 0.0)
        new = tl.load(link_after + cells, inside, 0.0)
        d_reading += tl.sum(new[None, :, :] * d_ahead[:, :, None], 1)
        d_here = tl.sum(new[None, :, :] * d_behind[:, None, :], 2)
        tl.store(by_row + r + i[None, :], d_here, heads & some[None, :])
        d = tl.load(d_link + cells, inside, 0.0)
        d += tl.sum(d_ahead[:, :, None] * reading[:, None, :] + here[:, :, None] * d_behind[:, None, :], 0)
        d = tl.where(i[:, None] == j[None, :], 0.0, d)
        by_old = d * tl.load(link + cells, inside, 0.0)
        d_w -= tl.sum(by_old, 0)
        d_p += tl.sum(w_i * d, 0)
        tl.store(by_row + READS * ROWS + i, tl.sum(d * p[None, :] - by_old, 1), some)
        tl.debug_barrier()  # all have read their part of `d_link`
        tl.store(d_link + cells, d * (1 - w_i - w[None, :]), inside)
    tl.debug_barrier()
    d_reading += tl.load(by_row + r + j[None, :], heads & real[None, :], 0.0)
    tl.store(d_read + r + j[None, :], d_reading, heads & real[None, :])
    return d_w + tl.load(by_row + READS * ROWS + j, real, 0.0), d_p
