"""Counter-based random numbers: every draw is a function of (seed, world, episode, step, stream).

A shared generator gives each world numbers that depend on how many worlds there are and on which of
them were reset before. A counter hash has no state, so world i of a batch seeded with s draws what a
single world seeded with s + i draws, on any device, for any batch size and any reset mask.

The mixing function is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable
pseudorandom number generators", variant 13 of Stafford).
"""

import zlib
from functools import cache, cached_property

import torch
from torch import Tensor

from ..errors import plain_number
from ..tree import outside_inference
from .kernels import kernel, worth_it

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
@outside_inference
def _counters(stream: str, n: int, device: torch.device) -> Tensor:
    """Where in the sequence of SplitMix64 the numbers of a stream lie: 2^32 apart for each stream, (n,)."""
    first = zlib.crc32(stream.encode()) << 32
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

    def __len__(self) -> int:
        return len(self._moment[0])

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
        count = 1
        for size in shape:
            count *= size
        if worth_it("random_bits", self.key.device, len(self)):
            bits = torch.empty(len(self), count, dtype=torch.int64)
            moment = [part.contiguous().numpy() for part in self._moment]
            kernel("random_bits")(*moment, zlib.crc32(stream.encode()), bits.numpy())
            return bits.view(len(self), *shape)
        counters = _counters(stream, count, self._base.device)  # (count,)
        return _shift_right(mix(self._base[:, None] + counters), 1).view(len(self), *shape)

    def uniform(self, stream: str, *shape: int) -> Tensor:
        """float32 in [0, 1), (n, *shape); 24 bits, so exact and the same on every device."""
        return (self.bits(stream, *shape) >> 39).float() * 2.0**-24

    def integers(self, stream: str, high: int, *shape: int) -> Tensor:
        """int64 in [0, high), (n, *shape); the bias of the remainder is below high / 2^63."""
        return self.bits(stream, *shape) % high


def world_key(seed: int) -> int:
    """The 63 bits that stand for a seed.

    Raises:
        FoveateError: it is no whole number.
    """
    return int(plain_number("seed", seed, whole=True)) % (1 << 63)
