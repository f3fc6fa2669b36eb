"""Which rows of a DNC's memory are free (Graves et al. 2016, Methods), forwards and backwards, in numba.

As `cores/allocation.py`. What decides an order is computed without the liberties of fast arithmetic, since a row's
place jumps where two usages change sides: what is equal there is equal here.
"""

from typing import Any

from numba import njit

from .arithmetic import OPTIONS, PART, copy

EPSILON = 1e-6  # as cores/allocation.py
FLUSH = 1e-30  # a product below it is zero; numbers too small for their type would be slow
RUN = 8  # rows that are sorted by insertion before they are merged
EXACT: Any = {**OPTIONS, "fastmath": False}


@njit(**EXACT)
def retain(free, read, out):
    """ψ_t = Π_r (1 - f_t^r w_{t-1}^r)."""
    one = out.dtype.type(1)
    out[:] = one
    for r in range(len(read)):
        f, w = free[r], read[r]
        for i in range(len(out)):
            out[i] *= one - f * w[i]


@njit(**OPTIONS)
def retain_back(free, read, d_retained, d_free, d_read, scratch):
    """Of ψ_t; `d_free` is written, `d_read` collects."""
    zero, one = scratch.dtype.type(0), scratch.dtype.type(1)
    for r in range(len(read)):
        copy(d_retained, scratch)
        for other in range(len(read)):
            if other != r:
                f, w = free[other], read[other]
                for i in range(len(scratch)):
                    scratch[i] *= one - f * w[i]
        f, w, d_w, d_f = free[r], read[r], d_read[r], zero
        for i in range(len(scratch)):
            d_f -= scratch[i] * w[i]
            d_w[i] -= scratch[i] * f
        d_free[r] = d_f


@njit(**EXACT)
def use(usage, write, retained, out):
    """u_t = (u_{t-1} + w_{t-1}^w - u_{t-1} ∘ w_{t-1}^w) ∘ ψ_t."""
    for i in range(len(out)):
        out[i] = (usage[i] + write[i] - usage[i] * write[i]) * retained[i]


@njit(**OPTIONS)
def use_back(usage, write, retained, d_usage, d_write, d_retained):
    """Of u_t; `d_usage` goes from u_t to u_{t-1}, `d_write` is written, `d_retained` collects."""
    one = usage.dtype.type(1)
    for i in range(len(usage)):
        d_retained[i] += d_usage[i] * (usage[i] + write[i] - usage[i] * write[i])
        d = d_usage[i] * retained[i]
        d_write[i] = d * (one - usage[i])
        d_usage[i] = d * (one - write[i])


@njit(**EXACT)
def show(usage, out):
    """u_t moved off zero, which a product of usages doesn't survive."""
    epsilon, rest = usage.dtype.type(EPSILON), usage.dtype.type(1 - EPSILON)
    for i in range(len(out)):
        out[i] = epsilon + rest * usage[i]


@njit(**PART)
def _before(shown, i, j):
    return shown[i] < shown[j] or (shown[i] == shown[j] and i < j)


@njit(**OPTIONS)
def _merge(shown, order, spare, first, middle, end):
    """Two sorted runs of `order` that lie side by side into one."""
    if not _before(shown, order[middle], order[middle - 1]):
        return
    count = middle - first
    copy(order[first:middle], spare[:count])
    left, right, at = 0, middle, first
    while left < count and right < end:
        if _before(shown, order[right], spare[left]):
            order[at] = order[right]
            right += 1
        else:
            order[at] = spare[left]
            left += 1
        at += 1
    copy(spare[left:count], order[at : at + count - left])


@njit(**OPTIONS)
def sort(shown, order, spare):
    """φ, the rows by rising usage, equal ones by their number; quick where `order` is nearly so, as a step later."""
    rows = len(order)
    for first in range(0, rows, RUN):
        for k in range(first + 1, min(first + RUN, rows)):
            row, at = order[k], k
            while at > first and _before(shown, row, order[at - 1]):
                order[at] = order[at - 1]
                at -= 1
            order[at] = row
    run = RUN
    while run < rows:
        for first in range(0, rows - run, 2 * run):
            _merge(shown, order, spare, first, first + run, min(first + 2 * run, rows))
        run *= 2


@njit(**OPTIONS)
def allocate(shown, order, out):
    """a_t[φ_j] = (1 - u_t[φ_j]) Π_{i<j} u_t[φ_i]."""
    one, flush = shown.dtype.type(1), shown.dtype.type(FLUSH)
    before = one
    for row in order:
        u = shown[row]
        out[row] = (one - u) * before
        before *= u
        if before < flush:
            before = one - one


@njit(**OPTIONS)
def allocate_back(shown, order, allocated, d_allocated, d_usage, scratch):
    """Of a_t: d_u[φ_j] = -d_a[φ_j] Π_{i<j} u[φ_i] + Σ_{k>j} d_a[φ_k] a[φ_k] / u[φ_j], added to `d_usage`."""
    one, flush = shown.dtype.type(1), shown.dtype.type(FLUSH)
    rest = shown.dtype.type(1 - EPSILON)
    before, behind = one, one - one
    for row in order:
        scratch[row] = before
        before *= shown[row]
        if before < flush:
            before = one - one
    for j in range(len(order) - 1, -1, -1):
        row = order[j]
        d_usage[row] += rest * (behind / shown[row] - d_allocated[row] * scratch[row])
        behind += d_allocated[row] * allocated[row]
