"""What NTM and DNC do with a memory, forwards and backwards, in numba: content, writing and reading.

The memory of a world lies transposed, (W, N), so that every inner loop runs over the N rows and vectorises. d_x stands
for the loss's derivative with respect to x.
"""

import numpy as np
from numba import njit

from .arithmetic import OPTIONS, exp, largest
from .products import add_product, add_transposed_product

EPSILON = 1e-6  # as attention/content.py


@njit(**OPTIONS)
def softmax(values, one):
    """In place."""
    top, total = largest(values), one - one
    for i in range(len(values)):
        values[i] = exp(values[i] - top)
        total += values[i]
    total = one / total
    for i in range(len(values)):
        values[i] *= total


@njit(**OPTIONS)
def softmax_back(values, d_values, one):
    """In place."""
    mean = one - one
    for i in range(len(values)):
        mean += values[i] * d_values[i]
    for i in range(len(values)):
        d_values[i] = values[i] * (d_values[i] - mean)


@njit(**OPTIONS)
def vector_norm(vector, one):
    """‖k‖."""
    total = one - one
    for j in range(len(vector)):
        total += vector[j] * vector[j]
    return np.sqrt(total)


@njit(**OPTIONS)
def row_norms(memory, norms):
    """‖M(i)‖ of every row."""
    width, rows = memory.shape
    norms[:] = 0
    for j in range(width):
        column = memory[j]
        for i in range(rows):
            norms[i] += column[i] * column[i]
    for i in range(rows):
        norms[i] = np.sqrt(norms[i])


@njit(**OPTIONS)
def row_norms_back(memory, norms, d_norms, d_memory):
    """Of ‖M(i)‖: d_M(i) = d_‖M(i)‖ M(i) / ‖M(i)‖, zero at a row of zeros."""
    width, rows = memory.shape
    zero = memory.dtype.type(0)
    for i in range(rows):
        d_norms[i] = d_norms[i] / norms[i] if norms[i] > zero else zero
    for j in range(width):
        column, d_column = memory[j], d_memory[j]
        for i in range(rows):
            d_column[i] += d_norms[i] * column[i]


@njit(**OPTIONS)
def similarities(key, memory, out):
    """k · M(i) of every row."""
    width, rows = memory.shape
    out[:] = 0
    for j in range(width):
        column, k = memory[j], key[j]
        for i in range(rows):
            out[i] += k * column[i]


@njit(**OPTIONS)
def address_by_content(key, norm, strength, memory, norms, out, one):
    """w_c(i) = softmax_i β K[k, M(i)], K the cosine (Graves et al. 2014, eq. 5 and 6; 2016, Methods)."""
    similarities(key, memory, out)
    epsilon = memory.dtype.type(EPSILON)
    for i in range(len(out)):
        out[i] = strength * out[i] / (norm * norms[i] + epsilon)
    softmax(out, one)


@njit(**OPTIONS)
def address_by_content_back(key, norm, strength, memory, norms, content, d_content, d_key, d_memory, d_norms, scratch):
    """Of eq. 5 and 6; returns d_β and d_‖k‖. `d_key` is without the part by way of ‖k‖; `d_norms` collects."""
    width, rows = memory.shape
    zero, one, epsilon = memory.dtype.type(0), memory.dtype.type(1), memory.dtype.type(EPSILON)
    similarities(key, memory, scratch)
    mean, d_strength, d_norm = zero, zero, zero
    for i in range(rows):
        mean += d_content[i] * content[i]
    for i in range(rows):
        inverse = one / (norm * norms[i] + epsilon)
        cosine = scratch[i] * inverse
        d = content[i] * (d_content[i] - mean)  # of the softmax over β K
        d_strength += d * cosine
        d *= strength * inverse  # of k · M(i)
        d_norm -= d * cosine * norms[i]
        d_norms[i] -= d * cosine * norm
        scratch[i] = d
    for j in range(width):
        column, d_column, k, total = memory[j], d_memory[j], key[j], zero
        for i in range(rows):
            total += scratch[i] * column[i]
            d_column[i] += scratch[i] * k
        d_key[j] = total
    return d_strength, d_norm


@njit(**OPTIONS)
def vector_norm_back(vector, norm, d_norm, d_vector, one):
    """Of ‖k‖, added to `d_vector`; at zero the gradient is zero."""
    if norm > one - one:
        for j in range(len(vector)):
            d_vector[j] += d_norm / norm * vector[j]


@njit(**OPTIONS)
def erase_and_add(memory, weighting, erase, add, out, one):
    """M_t(i) = M_{t-1}(i) Π_h [1 - w_h(i) e_h] + Σ_h w_h(i) a_h (Graves et al. 2014, eq. 3 and 4; 2016, Methods).

    Args:
        memory: M_{t-1}, (W, N).
        weighting: of the write heads, (H, N).
        erase: all e_h, one behind the other, (H W).
        add: all a_h.
        out: M_t.
        one: 1.
    """
    width, rows = memory.shape
    for j in range(width):
        old, new = memory[j], out[j]
        for i in range(rows):
            new[i] = old[i]
        for h in range(len(weighting)):
            e, w = erase[h * width + j], weighting[h]
            for i in range(rows):
                new[i] *= one - w[i] * e
        for h in range(len(weighting)):
            a, w = add[h * width + j], weighting[h]
            for i in range(rows):
                new[i] += w[i] * a


@njit(**OPTIONS)
def erase_and_add_back(memory, weighting, erase, add, d_memory, d_weighting, d_erase, d_add, scratch):
    """Of `erase_and_add`; `d_memory` goes from M_t to M_{t-1}, `d_weighting` collects."""
    width, rows = memory.shape
    one = memory.dtype.type(1)
    heads = len(weighting)
    for j in range(width):
        old, d_new = memory[j], d_memory[j]
        for h in range(heads):
            at = h * width + j
            a, e, w, d_w = add[at], erase[at], weighting[h], d_weighting[h]
            for i in range(rows):  # what e_h w_h is multiplied with: M_{t-1} as the other heads leave it
                scratch[i] = d_new[i] * old[i]
            for other in range(heads):
                if other != h:
                    e_other, w_other = erase[other * width + j], weighting[other]
                    for i in range(rows):
                        scratch[i] *= one - w_other[i] * e_other
            d_a, d_e = one - one, one - one
            for i in range(rows):
                d_a += d_new[i] * w[i]
                d_e -= scratch[i] * w[i]
                d_w[i] += d_new[i] * a - scratch[i] * e
            d_add[at], d_erase[at] = d_a, d_e
        for h in range(heads):
            e, w = erase[h * width + j], weighting[h]
            for i in range(rows):
                d_new[i] *= one - w[i] * e


@njit(**OPTIONS)
def read(memory, weighting, reads):
    """r = Σ_i w(i) M(i) (Graves et al. 2014, eq. 2; 2016, Methods), of all read heads one behind the other."""
    reads[:] = reads.dtype.type(0)
    add_transposed_product(weighting, memory, reads.reshape(len(weighting), len(memory)))


@njit(**OPTIONS)
def read_back(memory, weighting, d_reads, d_memory, d_weighting):
    """Of `read`: d_w(i) = Σ_j M(i, j) d_r(j), d_M(i, j) = w(i) d_r(j); both collect."""
    d_reads = d_reads.reshape(len(weighting), len(memory))
    add_product(d_reads, memory, d_weighting)
    add_product(d_reads.T, weighting, d_memory)
