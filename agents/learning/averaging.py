"""A running mean of the weights, which wanders less than they do."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor


class WeightAverage:
    """An exponential mean of weights over updates (Polyak & Juditsky 1992).

    Args:
        weights: parameters, which go on being learned.
        decay: of what the mean was before, in [0, 1). In the first updates less is kept, (1 + n) / (10 + n), so that
            the weights before any learning are soon forgotten.
    """

    def __init__(self, weights: Sequence[Tensor], decay: float):
        self.decay = decay
        self._weights = list(weights)
        self._other = [weight.detach().clone() for weight in weights]  # the mean, or the weights while it is in place
        self._in_place = False

    @property
    def mean(self) -> list[Tensor]:
        """Of each weight."""
        return [weight.detach() for weight in self._weights] if self._in_place else self._other

    def load(self, mean: Sequence[Tensor]) -> None:
        """Go on with a saved mean.

        Raises:
            ValueError: it is of other weights.
        """
        if [part.shape for part in mean] != [weight.shape for weight in self._weights]:
            raise ValueError("the mean of the weights is of other weights")
        for own, part in zip(self._other, mean, strict=True):
            own.copy_(part)

    def update(self, number: int) -> None:
        """Take the weights into the mean.

        Args:
            number: of the update that made them, from 1.
        """
        decay = min(self.decay, (1 + number) / (10 + number))
        torch._foreach_lerp_(self._other, [weight.detach() for weight in self._weights], 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Meanwhile the mean takes the place of the weights."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        self._in_place = not self._in_place
        weights = [weight.detach() for weight in self._weights]
        before = [weight.clone() for weight in weights]
        torch._foreach_copy_(weights, self._other)  # not their places: cuDNN wants a network in one piece
        torch._foreach_copy_(self._other, before)


def averaged(average: WeightAverage | None) -> AbstractContextManager[None]:
    """Meanwhile the mean takes the place of the weights, where one is kept."""
    return nullcontext() if average is None else average.in_place()
