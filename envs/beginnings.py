"""Where episodes begin: of all worlds, or of those that a mask names, and of few worlds many episodes ahead.

Of a few worlds each small operator costs as much as of many. What the next episodes begin with can be computed ahead
because it is a function of a world's seed and an episode's number alone.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .kernels import kernel, worth_it
from .packed import Packed

State = dict[str, Tensor]
MOST = 1024  # beginnings that are kept


def any_of(mask: Tensor) -> bool:
    """Whether a mask on a CPU holds anywhere: NumPy counts much faster than tensors say so."""
    return bool(np.count_nonzero(mask.numpy()))


class Beginnings:
    """The states in which episodes begin.

    Args:
        worlds: B.
        device: where their states live.
        ahead: how many episodes of each world to begin at once, if all of them together are few and on a CPU.
        begin: gives the states in which the episodes of some keys and numbers begin, int64 (n,) each.
    """

    def __init__(self, worlds: int, device: torch.device, ahead: int, begin: Callable[[Tensor, Tensor], State]):
        self.on_cpu, self.begin = device.type == "cpu", begin
        self.depth = max(1, min(ahead, MOST // worlds)) if self.on_cpu else 1
        self._kept: Packed | None = None  # row w · depth + e % depth is episode e of world w
        self._key, self._episode = np.full((2, worlds * self.depth), -1, np.int64)  # which there are

    def of_all(self, key: Tensor, episode: Tensor, anew: bool) -> State:
        """Of all worlds, fresh tensors (B, …).

        Args:
            key: int64, (B,), the seeds.
            episode: int64, (B,), the numbers of the present episodes.
            anew: whether seeds were given, which may be so at each reset: then nothing is made ahead.
        """
        if anew or self.depth == 1:
            return self.begin(key, episode)
        rows = self._rows(np.arange(len(key)), key, episode)
        assert self._kept is not None
        return {name: torch.from_numpy(kept[rows]) for name, kept in self._kept.arrays.items()}

    def put(self, state: State, mask: Tensor, key: Tensor, episode: Tensor, anew: bool) -> None:
        """Put the beginnings of some worlds, bool (B,), into a state, whose tensors may be written to.

        Args:
            state: of all worlds.
            mask: bool, (B,), which of them.
            key: as in `of_all`.
            episode: as in `of_all`.
            anew: as in `of_all`.
        """
        if not self.on_cpu:  # an index would wait for the device: begin all, keep some
            for name, value in self.begin(key, episode).items():
                chosen = mask.view(-1, *(1,) * (value.ndim - 1))
                state[name] = torch.where(chosen, value, state[name])
        elif anew or self.depth == 1:  # few worlds end at a step: begin only those
            where = mask.nonzero()[:, 0]
            rows = where.numpy()
            for name, value in self.begin(key[where], episode[where]).items():
                state[name].numpy()[rows] = value.numpy()  # whole rows at once, which an index_copy_ of bytes is not
        elif not self._put_at_once(state, mask, key, episode):
            worlds = np.flatnonzero(mask.numpy())
            rows = self._rows(worlds, key, episode)
            if not self._put_at_once(state, mask, key, episode):  # now that they are there
                assert self._kept is not None
                for name, kept in self._kept.arrays.items():  # of few rows NumPy is faster
                    state[name].numpy()[worlds] = kept[rows]

    def _put_at_once(self, state: State, mask: Tensor, key: Tensor, episode: Tensor) -> bool:
        """By a kernel, where the beginnings are there and the state can be written as they are; whether it was."""
        kept = self._kept
        if not isinstance(state, Packed) or kept is None or state.layout != kept.layout:
            return False
        if not worth_it("rows", mask.device, len(mask)):
            return False
        which = mask.numpy(), key.numpy(), episode.numpy(), self._key, self._episode
        return kernel("rows")(*which, kept.sizes, state.begins, state.block, kept.begins, kept.block)

    def _rows(self, worlds: np.ndarray, key: Tensor, episode: Tensor) -> np.ndarray:
        """Where the present episodes of these worlds are kept, int64 (n,)."""
        number, seed = episode.numpy()[worlds], key.numpy()[worlds]
        rows = worlds * self.depth + number % self.depth
        if np.count_nonzero((self._episode[rows] != number) | (self._key[rows] != seed)):
            self._fill(worlds, key.numpy(), episode.numpy())
        return rows

    def _fill(self, worlds: np.ndarray, key: np.ndarray, episode: np.ndarray) -> None:
        """Make what is missing: from the present episode on for these worlds, from the next one on for all others."""
        first = episode + 1
        first[worlds] -= 1
        number = (first[:, None] + np.arange(self.depth)).ravel()  # (B · depth,)
        rows = np.repeat(np.arange(len(key)) * self.depth, self.depth) + number % self.depth
        seeds = np.repeat(key, self.depth)
        missing = (self._episode[rows] != number) | (self._key[rows] != seeds)
        rows, number, seeds = rows[missing], number[missing], seeds[missing]
        fresh = self.begin(torch.from_numpy(seeds), torch.from_numpy(number))
        if self._kept is None:
            self._kept = Packed(fresh, len(self._key))
        for name, kept in self._kept.arrays.items():
            kept[rows] = fresh[name].numpy()
        self._episode[rows], self._key[rows] = number, seeds
