"""Which rows of a DNC's memory are free (Graves et al. 2016, Methods), forwards and backwards, in Triton.

As `cores/allocation.py`, but no rows are sorted: each looks at all others, `MANY` rows at a time, and knows by their
usage, and among equals by their number, which of them come before it. `free` is where the free gates begin in the
interface; `usage`, `read` and what else has rows are where the world's part of a step begins.
"""

import triton
from triton import language as tl

from .parts import bounded, sigmoid, within

LEAST = tl.constexpr(1e-6)  # usage, as EPSILON in cores/allocation.py


@triton.jit
def retention(free, read, ROWS: tl.constexpr, ROWS_P: tl.constexpr, READS: tl.constexpr):
    """ψ_t = Π_r (1 - f_t^r w_{t-1}^r), (N,)."""
    i = tl.arange(0, ROWS_P)
    retained = tl.full((ROWS_P,), 1.0, read.dtype.element_ty)
    for r in range(READS):
        f = sigmoid(bounded(tl.load(free + r)))
        retained *= 1 - f * tl.load(read + r * ROWS + i, i < ROWS, 0.0)
    return retained


@triton.jit
def retention_back(
    free, read, d_retained, d_free, d_read, ROWS: tl.constexpr, ROWS_P: tl.constexpr, READS: tl.constexpr
):
    """Of ψ_t; `d_free` is written, before the gates' sigmoid, and `d_read` collects."""
    i = tl.arange(0, ROWS_P)
    real = i < ROWS
    for r in range(READS):
        left = d_retained  # times what the other heads leave
        for other in range(READS):
            f = sigmoid(bounded(tl.load(free + other)))
            w = tl.load(read + other * ROWS + i, real, 0.0)
            left *= tl.where(other == r, 1.0, 1 - f * w)
        raw, w = tl.load(free + r), tl.load(read + r * ROWS + i, real, 0.0)
        f = sigmoid(bounded(raw))
        tl.store(d_free + r, within(raw, -tl.sum(left * w, 0) * f * (1 - f)))
        d_w = d_read + r * ROWS + i
        tl.store(d_w, tl.load(d_w, real, 0.0) - left * f, real)


@triton.jit
def shown(usage):
    """u_t moved off zero, which a product of usages doesn't survive."""
    return LEAST + (1 - LEAST) * usage


@triton.jit
def earlier(usage, row, other_usage, other_row):
    """Whether a row comes before another one in φ, the rows by rising usage, equal ones by their number."""
    return (usage < other_usage) | ((usage == other_usage) & (row < other_row))


@triton.jit
def used_before(usage, i, others, j, real):
    """Π_{k<j} u_t[φ_k] for each of the rows i, all of them being j."""
    before = earlier(others[None, :], j[None, :], usage[:, None], i[:, None]) & real[None, :]
    return tl.exp(tl.sum(tl.where(before, tl.log(others)[None, :], 0.0), 1))


@triton.jit
def allocate(usage, allocated, ROWS: tl.constexpr, ROWS_P: tl.constexpr, MANY: tl.constexpr):
    """a_t[φ_j] = (1 - u_t[φ_j]) Π_{i<j} u_t[φ_i]."""
    j = tl.arange(0, ROWS_P)
    others = shown(tl.load(usage + j, j < ROWS, 0.0))
    for first in range(0, ROWS, MANY):
        i = first + tl.arange(0, MANY)
        u = shown(tl.load(usage + i, i < ROWS, 0.0))
        tl.store(allocated + i, (1 - u) * used_before(u, i, others, j, j < ROWS), i < ROWS)


@triton.jit
def allocate_back(usage, allocated, d_allocated, d_usage, ROWS: tl.constexpr, ROWS_P: tl.constexpr, MANY: tl.constexpr):
    """Of a_t: d_u[φ_j] = -d_a[φ_j] Π_{i<j} u[φ_i] + Σ_{k>j} d_a[φ_k] a[φ_k] / u[φ_j], added to `d_usage`."""
    j = tl.arange(0, ROWS_P)
    real = j < ROWS
    others = shown(tl.load(usage + j, real, 0.0))
    taken = tl.load(d_allocated + j, real, 0.0) * tl.load(allocated + j, real, 0.0)
    for first in range(0, ROWS, MANY):
        i = first + tl.arange(0, MANY)
        some = i < ROWS
        u = shown(tl.load(usage + i, some, 0.0))
        later = earlier(u[:, None], i[:, None], others[None, :], j[None, :])
        d = tl.sum(tl.where(later, taken[None, :], 0.0), 1) / u
        d -= tl.load(d_allocated + i, some, 0.0) * used_before(u, i, others, j, real)
        tl.store(d_usage + i, tl.load(d_usage + i, some, 0.0) + (1 - LEAST) * d, some)
