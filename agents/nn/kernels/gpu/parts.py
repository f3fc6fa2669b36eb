"""What the kernels of a GPU share: functions of numbers and vectors, in Triton, for float32 and float64."""

import triton
from triton import language as tl

CLIP = tl.constexpr(20.0)  # as nn/bounds.py
EPSILON = tl.constexpr(1e-6)  # as attention/content.py
TINY = tl.constexpr(1e-12)  # as cores/addressing.py


@triton.jit
def sigmoid(x):
    """1 / (1 + e^-x)."""
    return 1 / (1 + tl.exp(-x))


@triton.jit
def tanh(x):
    """1 - 2 / (e^2x + 1)."""
    return 1 - 2 / (tl.exp(2 * x) + 1)


@triton.jit
def softplus(x):
    """log(1 + e^x), without overflow."""
    return tl.where(x > 0, x, 0 * x) + tl.log(1 + tl.exp(-tl.abs(x)))


@triton.jit
def bounded(emitted):
    """Within ± CLIP; what is no number stays none."""
    return tl.where(emitted > CLIP, CLIP, tl.where(emitted < -CLIP, -CLIP, emitted)).to(emitted.dtype)


@triton.jit
def within(emitted, derivative):
    """The derivative of `bounded`, times one that arrives."""
    return tl.where(tl.abs(emitted) <= CLIP, derivative, 0 * derivative)


@triton.jit
def softmax(values, real):
    """Of a vector, over its real entries; the others get zero."""
    values = tl.where(real, values, -float("inf"))
    raised = tl.exp(values - tl.max(values, 0))
    return raised / tl.sum(raised, 0)


@triton.jit
def product(vector, matrix, stride, INNER: tl.constexpr, COLUMNS: tl.constexpr, PADDED: tl.constexpr):
    """x @ W, (K,), (K, J) -> (J,), some rows of the weight at a time.

    Args:
        vector: where x begins.
        matrix: where W begins.
        stride: numbers from one of its rows to the next.
        INNER: K.
        COLUMNS: J.
        PADDED: the power of two that J fits into.
    """
    some: tl.constexpr = 64
    j = tl.arange(0, PADDED)
    total = tl.zeros((some, PADDED), vector.dtype.element_ty)
    for first in range(0, INNER, some):
        k = first + tl.arange(0, some)
        x = tl.load(vector + k, mask=k < INNER, other=0.0)
        there = (k < INNER)[:, None] & (j < COLUMNS)[None, :]
        total += x[:, None] * tl.load(matrix + k[:, None] * stride + j[None, :], mask=there, other=0.0)
    return tl.sum(total, 0)
