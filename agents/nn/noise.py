"""Noise inside a policy, dropout and Gumbel samples, that can be had again: what was played is what is trained.

An update judges choices of the past. Under other masks and samples than those that the choices were made with, their
probabilities are of another policy, and the ratio of PPO is wrong before the first step (Hausknecht & Wagener 2022,
"Consistent dropout for policy gradient reinforcement learning"). So an actor that learns draws one key a row and a
step, its rollout keeps them, and all noise of a moment is a function of its key:

    with keyed(keys):        # int64 (T, B)
        policy(…)            # the same numbers for the same keys, however many rows and steps run at once

Without keys noise is drawn from PyTorch's generator while training, and there is none in play.

Where several processes play parts of one batch, each draws for all rows and keeps the numbers of its own (`among`):
the generators of all stay in step, and no two rows have the same numbers.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from ...envs.counter_rng import CounterRNG


class BatchRows(NamedTuple):
    """The rows of a batch that is a part of a larger one.

    Attributes:
        spread: for each row of the larger batch a row of this one, int64.
        place: for each row of this batch its own place in the larger one, int64.
    """

    spread: Tensor
    place: Tensor


_KEYS: ContextVar[Tensor | None] = ContextVar("keys", default=None)
_ROWS: ContextVar[BatchRows | None] = ContextVar("rows", default=None)


@runtime_checkable
class HasNoise(Protocol):
    """A module that may be noisy."""

    @property
    def noisy(self) -> bool:
        """Whether it is, as it was built."""
        ...


def is_noisy(policy: object) -> bool:
    """Whether any module of a policy has noise that depends on keys."""
    modules = policy.modules() if isinstance(policy, nn.Module) else ()
    return any(isinstance(module, HasNoise) and module.noisy for module in modules)


@contextlib.contextmanager
def keyed(keys: Int[Tensor, "..."] | None) -> Iterator[None]:
    """Within, noise is a function of these keys, int64 (T, B), whatever mode the modules are in; None: of none."""
    token = _KEYS.set(keys)
    try:
        yield
    finally:
        _KEYS.reset(token)


@contextlib.contextmanager
def piece(first: int, end: int) -> Iterator[None]:
    """Within, only some steps of the present keys count: for whatever runs a part of a sequence."""
    keys = _KEYS.get()
    if keys is None:
        yield
        return
    with keyed(keys[first:end]):
        yield


def present() -> bool:
    """Whether there are keys."""
    return _KEYS.get() is not None


def uniform(stream: str, *shape: int) -> Float[Tensor, "moments ..."]:
    """float32 in [0, 1), (T·B, *shape), for the present keys; one independent stream for each name."""
    keys = _KEYS.get()
    assert keys is not None, "there are no keys: see `keyed`."
    key = keys.flatten()
    return CounterRNG(key, torch.zeros_like(key), torch.zeros_like(key)).uniform(stream, *shape)


def new_keys(rows: int, device: torch.device) -> Int[Tensor, " rows"]:
    """Keys for one step, int64 (rows,), from PyTorch's generator."""
    return drawn(lambda count: torch.randint(2**62, (count,), device=device), rows)


@contextlib.contextmanager
def among(rows: BatchRows) -> Iterator[None]:
    """Within, what is drawn for a batch is what is drawn for these rows of a larger one."""
    token = _ROWS.set(rows)
    try:
        yield
    finally:
        _ROWS.reset(token)


def drawn(draw: Callable[[int], Tensor], rows: int) -> Shaped[Tensor, "rows ..."]:
    """``draw(rows)``, random numbers (rows, …); of a part of a larger batch the numbers of its rows there."""
    larger = _ROWS.get()
    return draw(rows) if larger is None else draw(len(larger.spread))[larger.place]


def sampled(sample: Callable[[Tensor], Tensor], parameters: Float[Tensor, "batch ..."]) -> Shaped[Tensor, "batch ..."]:
    """``sample(parameters)``, choices (B, …) by their distributions (B, …); of a part of a larger batch as `drawn`."""
    larger = _ROWS.get()
    return sample(parameters) if larger is None else sample(parameters[larger.spread])[larger.place]


class Dropout(nn.Dropout):
    """Drops units while training; with keys always, and the same ones for the same key."""

    @property
    def noisy(self) -> bool:
        return self.p > 0

    def forward(self, x: Tensor, stream: str = "dropout") -> Tensor:
        """x (N, …) with some units zero and the others scaled up.

        Args:
            x: the units.
            stream: names this use, where a module drops out more than once.
        """
        if not self.noisy or not present():
            return super().forward(x)
        kept = uniform(stream, *x.shape[1:]) >= self.p
        return x * kept / (1 - self.p)
