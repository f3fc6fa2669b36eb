"""Scalar functions of fused kernels, for float32 and float64: what numba vectorises over the rows of a memory.

Numba calls libm one number at a time, and one number at a time is an NTM's whole cost. The float32 versions of exp and
log are polynomials (Cephes' expf and logf, relative error below 2e-7), so a loop over rows becomes a few vector
instructions; float64, which the tests compare with autograd, takes libm's.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

# all of fastmath but "nothing is NaN or infinite": a NaN must come out again, so that the learner can refuse it
FASTMATH = {"reassoc", "contract", "arcp", "nsz", "afn"}
# What costs numba time is to optimise the same code again for each caller, so functions come in three kinds. What
# Python calls is CACHED; the others have no wrappers for it. One with OPTIONS is compiled by itself and becomes a part
# of its callers' machine code: were it called, the process that compiles it would call that, and a later one, which
# finds the caller in the cache, the caller's copy, which rounds differently. A large one with a single caller, or a
# short one, is a PART of it from the start.
OPTIONS: Any = {
    "fastmath": FASTMATH,
    "error_model": "numpy",
    "nogil": True,
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "_nrt": False,  # kernels make and keep no arrays, so nobody counts who holds them: a slice costs nothing
}
PART: Any = {**OPTIONS, "inline": "always"}
CACHED: Any = {**OPTIONS, "cache": True, "no_cpython_wrapper": False}
f32, i32 = np.float32, np.int32


@intrinsic
def _as_float(typing_context, bits):
    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), codegen


@intrinsic
def _as_bits(typing_context, value):
    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), codegen


bits_as_float: Any = _as_float  # numba hands over the typing context itself
float_as_bits: Any = _as_bits


@njit(**PART)
def _exp32(x):
    x = min(max(x, f32(-87.0)), f32(88.0))
    n = np.floor(x * f32(1.44269504088896341) + f32(0.5))
    f = (x - n * f32(0.693359375)) + n * f32(2.12194440e-4)  # x - n log 2, in two parts
    p = f32(1.9875691500e-4)
    p = p * f + f32(1.3981999507e-3)
    p = p * f + f32(8.3334519073e-3)
    p = p * f + f32(4.1665795894e-2)
    p = p * f + f32(1.6666665459e-1)
    p = p * f + f32(5.0000001201e-1)
    p = p * f * f + f + f32(1.0)
    return p * bits_as_float(i32((i32(n) + i32(127)) << i32(23)))  # times 2^n


@njit(**PART)
def _log32(x):
    bits = float_as_bits(x)
    e = f32((bits >> i32(23)) - i32(126))
    m = bits_as_float((bits & i32(0x007FFFFF)) | i32(0x3F000000))  # x = m 2^e, m in [0.5, 1)
    low = m < f32(0.707106781186547524)
    e = e - f32(1.0) if low else e
    m = (m + m if low else m) - f32(1.0)
    z = m * m
    y = f32(7.0376836292e-2)
    y = y * m + f32(-1.1514610310e-1)
    y = y * m + f32(1.1676998740e-1)
    y = y * m + f32(-1.2420140846e-1)
    y = y * m + f32(1.4249322787e-1)
    y = y * m + f32(-1.6668057665e-1)
    y = y * m + f32(2.0000714765e-1)
    y = y * m + f32(-2.4999993993e-1)
    y = y * m + f32(3.3333331174e-1)
    y = y * m * z
    y = y + f32(-2.12194440e-4) * e - f32(0.5) * z
    return m + y + f32(0.693359375) * e


def exp(x: float) -> float:
    """e^x; in kernels a polynomial for float32."""
    return math.exp(x)


def log(x: float) -> float:
    """The natural logarithm of a normal positive number; in kernels a polynomial for float32."""
    return math.log(x)


@overload(exp, jit_options=OPTIONS, inline="always")
def _exp(x):
    return (lambda x: _exp32(x)) if x.bitwidth == 32 else (lambda x: math.exp(x))


@overload(log, jit_options=OPTIONS, inline="always")
def _log(x):
    return (lambda x: _log32(x)) if x.bitwidth == 32 else (lambda x: math.log(x))


@njit(**PART)
def sigmoid(x, one):
    """1 / (1 + e^-x); `one` is 1 of the kernel's type, which a literal would not be."""
    return one / (one + exp(-x))


@njit(**PART)
def tanh(x, one):
    """1 - 2 / (e^2x + 1)."""
    return one - (one + one) / (exp(x + x) + one)


@njit(**PART)
def softplus(x, one):
    """log(1 + e^x), without overflow."""
    return max(x, one - one) + log(one + exp(-abs(x)))


@njit(**(OPTIONS | {"fastmath": True}))
def largest(values):
    """The greatest of a vector; NaN or not is for those who use it to see, so that this vectorises."""
    top = values[0]
    for i in range(len(values)):
        top = max(top, values[i])
    return top


@njit(**OPTIONS)
def copy(numbers, out):
    """Of a vector; an assignment of slices would let numba compile all of broadcasting, which takes seconds."""
    for i in range(len(out)):
        out[i] = numbers[i]
