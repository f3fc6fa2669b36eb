"""Counter-based random numbers: every draw is a function of (seed, world, episode, step, stream).

A shared generator gives each world numbers that depend on how many worlds there are and on which of
them were reset before. A counter hash has no state, so world i of a batch seeded with s draws what a
single world seeded with s + i draws, on any device, for any batch size and any reset mask.

The mixing function is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable
pseudorandom number generators", variant 13 of Stafford).
"""

import math
import zlib
from functools import cache, cached_property

import numpy as np
import torch
from torch import Tensor

from ..errors import plain_number
from ..tree import outside_inference
from .kernels import arrays, kernel, worth_it

_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)  # 2^64 / golden ratio, as a signed 64-bit integer
_MIX_1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX_2 = 0x94D049BB133111EB - (1 << 64)


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """Logical shift of signed 64-bit integers (torch's own keeps the sign)."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def mix(x: Tensor) -> Tensor:
    """A bijection of 64-bit integers in which each input bit flips each output bit half of the time."""
    x = (x ^ _shift_right(x, 30)) * _MIX_1
    x = (x ^ _shift_right(x, 27)) * _MIX_2
    return x ^ _shift_right(x, 31)


@cache
def place(stream: str) -> int:
    """Where a stream's numbers begin in the sequence of SplitMix64, divided by 2^32."""
    return zlib.crc32(stream.encode())


@cache
@outside_inference
def _counters(stream: str, n: int, device: torch.device) -> Tensor:
    """Where in the sequence of SplitMix64 the numbers of a stream lie: 2^32 apart for each stream, (n,)."""
    first = place(stream) << 32
    return (first + torch.arange(1, n + 1, device=device)) * _GOLDEN


class CounterRNG:
    """The random numbers of n worlds at one moment; one independent stream for each name.

    Args:
        key: int64, (n,), the world's seed.
        episode: int64, (n,), how many episodes this seed has had before.
        step: int64, (n,), the step within the episode; 0 is the reset.
    """

    def __init__(self, key: Tensor, episode: Tensor, step: Tensor):
        self._moment = (key, episode, step)

    @cached_property
    def _base(self) -> Tensor:  # computed at the first draw: many steps draw nothing
        key, episode, step = self._moment
        # two rounds, so that (key, episode, step) and its neighbours have nothing in common
        return mix(mix(key * _GOLDEN + episode) * _GOLDEN + step)  # (n,)

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """Key, episode and step, for kernels on a CPU."""
        return arrays(self._moment)

    def __len__(self) -> int:
        return self._moment[0].shape[0]

    def branch(self, number: int) -> "CounterRNG":
        """Random numbers independent of these, for another thing of the same kind (the next picture, say)."""
        key, episode, step = self._moment
        return CounterRNG(mix(key * _GOLDEN + (number + 1)), episode, step)

    @property
    def key(self) -> Tensor:
        """int64, (n,): the worlds' seeds, for what a user picks by seed instead of by chance."""
        return self._moment[0]

    def bits(self, stream: str, *shape: int) -> Tensor:
        """63 random bits as non-negative int64, (n, *shape)."""
        drawn = self._drawn("random_bits", stream, shape, torch.int64)
        if drawn is not None:
            return drawn
        counters = _counters(stream, math.prod(shape), self._base.device)  # (count,)
        return _shift_right(mix(self._base[:, None] + counters), 1).view(len(self), *shape)

    def uniform(self, stream: str, *shape: int) -> Tensor:
        """float32 in [0, 1), (n, *shape); 24 bits, so exact and the same on every device."""
        drawn = self._drawn("random_uniform", stream, shape, torch.float32)
        return (self.bits(stream, *shape) >> 39).float() * 2.0**-24 if drawn is None else drawn

    def integers(self, stream: str, high: int, *shape: int) -> Tensor:
        """int64 in [0, high), (n, *shape); the bias of the remainder is below high / 2^63."""
        drawn = self._drawn("random_integers", stream, shape, torch.int64, high) if 0 < high < 2**63 else None
        return self.bits(stream, *shape) % high if drawn is None else drawn

    def _drawn(self, name: str, stream: str, shape: tuple[int, ...], dtype: torch.dtype, *more: int) -> Tensor | None:
        """The numbers of a stream by a kernel, (n, *shape); None where tensors are to compute them.

        Args:
            name: of the kernel.
            stream: name of the stream.
            shape: of one world's numbers.
            dtype: of the result.
            *more: what else the kernel wants to know.
        """
        if not worth_it(name, self.key.device, len(self)):
            return None
        numbers = torch.empty(len(self), *shape, dtype=dtype)
        kernel(name)(*self.arrays, place(stream), *more, numbers.numpy().reshape(len(self), math.prod(shape)))
        return numbers


def world_key(seed: int) -> int:
    """The 63 bits that stand for a seed.

    Raises:
        FoveateError: it is no whole number.
    """
    return int(plain_number("seed", seed, whole=True)) % (1 << 63)
