"""Whole episodes as tensors, of worlds in which nothing that is shown or due depends on what is done."""

from typing import NamedTuple

import torch
from torch import Tensor

from .batch import State, Tensors


class Episodes(NamedTuple):
    """n episodes, time first, padded with zeros to the longest of them.

    Attributes:
        observation: what is shown, tensors (T, n, …).
        target: the right action, or one of them, (T, n, …).
        target_mask: bool, (T, n), where an action is due; False beyond an episode's end.
        target_set: bool, (T, n, …, N), which of the N values of each number are right; None where only `target` is.
        length: int64, (n,), steps of each episode.
        optimum: float32, (T, n), the least cost that can be had, where the world knows it; or None.
        index: int64, (n,), which item of the data each episode shows; or None.
        state: the worlds' states as the episodes begin, tensors (n, …): what `judge` needs beside the actions.
    """

    observation: Tensors
    target: Tensor
    target_mask: Tensor
    target_set: Tensor | None
    length: Tensor
    optimum: Tensor | None
    index: Tensor | None
    state: State


class Judged(NamedTuple):
    """What some actions would have brought.

    Attributes:
        returns: float32, (n,), the sums of the rewards, added up in the order of time.
        score: float32, (n,), the task's own figure at the end.
    """

    returns: Tensor
    score: Tensor


def time_first(value: Tensor, steps: int, over: Tensor | None) -> Tensor:
    """(n, T, …) -> (steps, n, …), fresh and contiguous, with zeros where an episode is over.

    Args:
        value: of n episodes.
        steps: of the longest.
        over: bool, (steps, n); None where all are of one length.
    """
    value = value.transpose(0, 1)[:steps].clone(memory_format=torch.contiguous_format)
    return value if over is None else value.masked_fill_(over.view(*over.shape, *(1,) * (value.ndim - 2)), 0)


def summed(rows: Tensor) -> Tensor:
    """(T, n) -> (n,), row after row as stepping adds them up: `Tensor.sum` rounds in another order."""
    total = torch.zeros_like(rows[0])
    for row in rows.unbind(0):
        total = total + row
    return total
