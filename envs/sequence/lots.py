"""Random choices for many episodes at once: so many of some places, or one of those that are allowed."""

import torch
from torch import Tensor

_NEVER = torch.iinfo(torch.int64).max


def some_of(lot: Tensor, many: Tensor, count: Tensor) -> Tensor:
    """Which places are chosen, bool (n, S): `count` of the first `many`, all choices as likely.

    Args:
        lot: random bits, int64 (n, S).
        many: how many places there are, (n, 1).
        count: how many of them are chosen, at least 1, (n, 1).
    """
    place = torch.arange(lot.shape[1], device=lot.device)
    lot = ((lot & ~0xFFF) | place).masked_fill(place >= many, _NEVER)  # all different
    return lot <= lot.sort(1).values.gather(1, count - 1)


def one_of(lot: Tensor, allowed: Tensor) -> Tensor:
    """The number of one that is allowed, int64 (n,), each as likely; 0 where none is.

    Args:
        lot: random bits, int64 (n,).
        allowed: bool, (n, K).
    """
    rank = allowed.cumsum(1)  # 1 for the first that is allowed
    wanted = 1 + lot % rank[:, -1].clamp(min=1)
    return ((rank == wanted[:, None]) & allowed).long().argmax(1)
