"""The switches of Csordás & Schmidhuber 2019 that change how a DNC reads, forwards and backwards, in numba."""

import numpy as np
from numba import njit

from .arithmetic import OPTIONS, log
from .memory import EPSILON, softmax, softmax_back, vector_norm_back

TINY = 1e-12  # as cores/addressing.py


@njit(**OPTIONS)
def _positive(weighting, out):
    """What is above zero, which rounding may leave a link below, and its sum; what is no number stays none."""
    zero = weighting.dtype.type(0)
    total = zero
    for i in range(len(out)):
        out[i] = zero if weighting[i] < zero else weighting[i]
        total += out[i]
    return total


@njit(**OPTIONS)
def sharpen(weighting, sharpness, out):
    """S(d, s)_i = d_i^s / Σ_j d_j^s (eq. 11 to 13), times Σ_j d_j."""
    one, tiny = out.dtype.type(1), out.dtype.type(TINY)
    total = _positive(weighting, out)
    for i in range(len(out)):
        out[i] = sharpness * log(out[i] + tiny)
    softmax(out, one)
    for i in range(len(out)):
        out[i] *= total


@njit(**OPTIONS)
def sharpen_back(weighting, sharpness, d_weighting, sharp, logs):
    """Of `sharpen`; `d_weighting` goes from its result to `weighting`, the last two are room; returns d_s and d · S."""
    zero, one, tiny = sharp.dtype.type(0), sharp.dtype.type(1), sharp.dtype.type(TINY)
    rows = len(sharp)
    total = _positive(weighting, logs)
    for i in range(rows):
        logs[i] = log(logs[i] + tiny)
        sharp[i] = sharpness * logs[i]
    softmax(sharp, one)
    d_total, d_sharpness = zero, zero
    for i in range(rows):
        d_total += d_weighting[i] * sharp[i]
        d_weighting[i] *= total
    softmax_back(sharp, d_weighting, one)
    for i in range(rows):
        d_sharpness += d_weighting[i] * logs[i]
        w = weighting[i]
        d = d_weighting[i] * sharpness / (w + tiny) + d_total
        d_weighting[i] = zero if w < zero else d
    return d_sharpness, d_total * total


@njit(**OPTIONS)
def mask_key(key, mask, query, one):
    """k ∘ m ∘ m, whose product with a row is that of k ∘ m and the masked row (eq. 9); returns ‖k ∘ m‖."""
    total = one - one
    for j in range(len(key)):
        masked = key[j] * mask[j]
        total += masked * masked
        query[j] = masked * mask[j]
    return np.sqrt(total)


@njit(**OPTIONS)
def mask_key_back(key, mask, norm, d_norm, d_query, d_key, d_mask, one):
    """Of `mask_key`; `d_key` and `d_mask` are written."""
    for j in range(len(key)):
        d_key[j] = d_query[j] * mask[j]  # of k ∘ m
        d_mask[j] = key[j] * mask[j]
    vector_norm_back(d_mask, norm, d_norm, d_key, one)
    for j in range(len(key)):
        d_mask[j] = d_query[j] * d_mask[j] + d_key[j] * key[j]
        d_key[j] *= mask[j]


@njit(**OPTIONS)
def masked_row_norms(mask, memory, norms):
    """‖M(i) ∘ m‖ of every row, kept off zero."""
    width, rows = memory.shape
    norms[:] = memory.dtype.type(EPSILON * EPSILON)
    for j in range(width):
        column, square = memory[j], mask[j] * mask[j]
        for i in range(rows):
            norms[i] += square * column[i] * column[i]
    for i in range(rows):
        norms[i] = np.sqrt(norms[i])


@njit(**OPTIONS)
def masked_row_norms_back(mask, memory, norms, d_norms, d_memory, d_mask):
    """Of `masked_row_norms`; both results collect."""
    width, rows = memory.shape
    zero = memory.dtype.type(0)
    for i in range(rows):
        d_norms[i] /= norms[i]
    for j in range(width):
        column, d_column, m, total = memory[j], d_memory[j], mask[j], zero
        for i in range(rows):
            d = d_norms[i] * column[i]
            total += d * column[i]
            d_column[i] += m * m * d
        d_mask[j] += m * total
