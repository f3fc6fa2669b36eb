"""Episodes beside each other instead of one behind the other: a rollout's pieces as rows of their own.

A core runs over a rollout in as many calls as there are steps at which any row's episode starts (see `unroll`). Where
episodes are short these calls are short, and what they cost is calling, not arithmetic. Nobody asks for the state at
the end of a rollout that was played before, so its episodes need not wait for each other. They are run in two groups,
long ones and short ones, if that saves more padding than a call costs:

    row 0   aaabbbb          cccccc      aaa.
    row 1   ccccccd    ->                bbbb
                                         d...
"""

from typing import NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from .... import tree
from .base import Core, CoreOutput

S = TypeVar("S", bound=tuple)
# what a step and a call cost, in rows of one step: about those of torch's recurrent kernels with 128 units on a core
STEP, CALL = 8, 120


class Group(NamedTuple):
    """S episodes of at most L steps, which are run together.

    Attributes:
        source: int64, (L, S), t · B + b of each moment; where an episode is over, that of its first moment.
        row: int64, (S,), b of each episode.
        begins: bool, (S,), whether it starts within the rollout rather than before it.
    """

    source: Int[Tensor, "length episodes"]
    row: Int[Tensor, " episodes"]
    begins: Bool[Tensor, " episodes"]


class EpisodeRows(NamedTuple):
    """Where the moments of T steps of B rows are among those of their episodes.

    Attributes:
        groups: the episodes.
        place: int64, (T, B), of each moment among those of all groups, one behind the other.
    """

    groups: tuple[Group, ...]
    place: Int[Tensor, "time batch"]

    def run(self, core: Core[S], x: Shaped[Tensor, "time batch features"], state: S) -> CoreOutput[tuple[()]]:
        """What the core says of each moment, (T, B, …), but no state.

        Args:
            core: which.
            x: its inputs.
            state: before the first step, (B, …).
        """
        moments, said = x.flatten(0, 1), []
        for source, row, begins in self.groups:
            inputs = moments.index_select(0, source.flatten()).unflatten(0, source.shape)
            starts = torch.zeros_like(source, dtype=torch.bool)
            starts[0] = begins
            y, _, losses, _ = core(inputs, tree.index(state, row), starts)
            said.append(tree.map(lambda part: part.flatten(0, 1), (y, losses)))
        y, losses = tree.map(self._back, tree.cat(said))
        return CoreOutput(y, (), losses, {})

    def _back(self, moments: Tensor) -> Tensor:
        return moments.index_select(0, self.place.flatten()).unflatten(0, self.place.shape)


def episode_rows(starts: Bool[Tensor, "time batch"]) -> EpisodeRows | None:
    """How to run a rollout's episodes beside each other; None where nothing is gained.

    Args:
        starts: where episodes start.
    """
    steps, rows = starts.shape
    host = starts.numpy(force=True)  # one look at the device for the whole rollout
    calls = 1 + int(host[1:].any(1).sum())
    if calls == 1:
        return None
    first = host.copy()
    first[0] = True
    row, begin = np.nonzero(first.T)  # of each episode, row by row, (E,)
    last = np.append(row[1:] != row[:-1], True)  # of its row
    length = np.where(last, steps, np.append(begin[1:], steps)) - begin
    order = np.argsort(-length, kind="stable")  # the longest first
    cost, longest = _cheapest(length[order])
    if cost >= steps * (STEP + rows) + calls * CALL:
        return None
    groups, place, before = [], np.empty(steps * rows, np.int64), 0
    for low, high in [(0, longest), (longest, len(order))]:
        if low == high:
            continue
        ours = order[low:high]
        step = np.arange(int(length[ours[0]]))[:, None]
        real = step < length[ours]  # (L, S)
        source = begin[ours] * rows + row[ours] + step * rows * real
        place[source[real]] = before + np.flatnonzero(real)
        before += real.size
        groups.append(Group(*map(torch.from_numpy, (source, row[ours], host[begin[ours], row[ours]]))))
    plan = EpisodeRows(tuple(groups), torch.from_numpy(place.reshape(steps, rows)))
    return tree.map(lambda part: part.to(starts.device), plan)


def _cheapest(length: np.ndarray) -> tuple[int, int]:
    """The least cost of running episodes in one or two groups, in rows of a step, and how many are in the first.

    Args:
        length: of each episode, the longest first.
    """
    count = np.arange(1, len(length) + 1)
    rest = np.append(length[1:], 0)  # the longest of the second group
    second = np.where(rest > 0, rest * (STEP + len(length) - count) + CALL, 0)
    cost = length[0] * (STEP + count) + CALL + second
    best = int(cost.argmin())
    return int(cost[best]), best + 1
