"""The random numbers of `foveate.envs.counter_rng`, all of a stream in one pass; whole numbers, so the very same."""

from typing import Any

import numpy as np
from numba import njit

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
u64 = np.uint64
GOLDEN, MIX_1, MIX_2 = u64(0x9E3779B97F4A7C15), u64(0xBF58476D1CE4E5B9), u64(0x94D049BB133111EB)


@njit(**OPTIONS)
def _mix(x):
    """The finaliser of SplitMix64, as `counter_rng.mix`."""
    x = (x ^ (x >> u64(30))) * MIX_1
    x = (x ^ (x >> u64(27))) * MIX_2
    return x ^ (x >> u64(31))


@njit(**OPTIONS)
def bits_of(base, first, j):
    """Number j of a stream, 63 bits, at the moment that gave `base`."""
    return _mix(base + (first + u64(j) + u64(1)) * GOLDEN) >> u64(1)


@njit(**OPTIONS)
def base_of(key, episode, step):
    """What all numbers of a world at one moment have in common."""
    return _mix(_mix(u64(key) * GOLDEN + u64(episode)) * GOLDEN + u64(step))


@njit(**OPTIONS)
def random_bits(key, episode, step, stream, out):
    """63 random bits for each number.

    Args:
        key: int64, (n,), the worlds' seeds.
        episode: int64, (n,).
        step: int64, (n,).
        stream: where the stream begins in the sequence of SplitMix64, divided by 2^32.
        out: int64, (n, count), written to.
    """
    first = u64(stream) << u64(32)
    for i in range(len(out)):
        base = base_of(key[i], episode[i], step[i])
        for j in range(out.shape[1]):
            out[i, j] = np.int64(bits_of(base, first, j))


@njit(**OPTIONS)
def random_uniform(key, episode, step, stream, out):
    """As `random_bits`, of which the highest 24 become float32 in [0, 1)."""
    first = u64(stream) << u64(32)
    for i in range(len(out)):
        base = base_of(key[i], episode[i], step[i])
        for j in range(out.shape[1]):
            out[i, j] = np.float32(bits_of(base, first, j) >> u64(39)) * np.float32(2.0**-24)


@njit(**OPTIONS)
def random_integers(key, episode, step, stream, high, out):
    """As `random_bits`, modulo `high`."""
    first = u64(stream) << u64(32)
    for i in range(len(out)):
        base = base_of(key[i], episode[i], step[i])
        for j in range(out.shape[1]):
            out[i, j] = np.int64(bits_of(base, first, j) % u64(high))
