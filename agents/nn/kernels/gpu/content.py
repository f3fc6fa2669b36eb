"""Addressing by content (Graves et al. 2014, eq. 5 and 6; 2016, Methods), forwards and backwards, in Triton."""

import triton
from triton import language as tl

from .parts import EPSILON, softmax


@triton.jit
def address_by_content(key, strength, memory, row_norm, real):
    """w_c(i) = softmax_i β K[k, M(i)], K the cosine (eq. 5 and 6)."""
    norm = tl.sqrt(tl.sum(key * key, 0))
    cosine = tl.sum(memory * key[None, :], 1) / (norm * row_norm + EPSILON)
    return softmax(strength * cosine, real)


@triton.jit
def address_by_content_back(key, strength, memory, row_norm, content, d_content):
    """Of eq. 5 and 6: d_k, d_β, d_M without the part by way of ‖M(i)‖, and d_‖M(i)‖."""
    norm = tl.sqrt(tl.sum(key * key, 0))
    inverse = 1 / (norm * row_norm + EPSILON)
    cosine = tl.sum(memory * key[None, :], 1) * inverse
    d = content * (d_content - tl.sum(d_content * content, 0))  # of the softmax over β K
    d_strength = tl.sum(d * cosine, 0)
    d *= strength * inverse  # of k · M(i)
    d_norm = -tl.sum(d * cosine * row_norm, 0)
    direction = tl.where(norm > 0, key / tl.where(norm > 0, norm, 1 + 0 * norm), 0 * key)
    d_key = tl.sum(d[:, None] * memory, 0) + d_norm * direction
    return d_key, d_strength, d[:, None] * key[None, :], -d * cosine * norm
