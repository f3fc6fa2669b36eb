"""The contract of a core."""

import itertools
from collections import namedtuple
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

State = Any  # a NamedTuple of tensors (B, …)
Maps = dict[str, Tensor]  # what was attended to, by name


class Core(nn.Module):
    """A recurrent function of tensors; it keeps no state of its own.

    Attributes:
        output_size: the size of y.
    """

    output_size: int

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> State:
        """The state before an episode, a NamedTuple of tensors (B, …)."""
        raise NotImplementedError

    def forward(self, x: Tensor, state: State, starts: Tensor) -> tuple[Tensor, State]:
        """Run over a sequence.

        Args:
            x: float, (T, B, input_size).
            state: the state before the first step, a NamedTuple of tensors (B, …).
            starts: bool, (T, B): where an episode starts, the initial state is written before the step (a
                multiplication by zero would keep a NaN).

        Returns:
            y: float, (T, B, output_size).
            state: after the last step. A call over T steps equals T calls over one step each.
        """
        raise NotImplementedError

    def attend(self, x: Tensor, state: State, starts: Tensor) -> tuple[Tensor, State, Maps]:
        """As `forward`, and what was attended to at each step, tensors (T, B, …) by name; a core may have none."""
        return *self(x, state, starts), {}


def episode_pieces(starts: Tensor) -> list[tuple[int, int]]:
    """Where to cut a sequence so that episodes start at first steps only: (begin, end) pairs.

    Args:
        starts: bool, (T, B).
    """
    steps = len(starts)
    if steps == 1:
        return [(0, 1)]
    cuts = (starts[1:].any(1).nonzero()[:, 0] + 1).tolist()  # one look at the device for the whole sequence
    edges = [0, *cuts, steps]
    return list(itertools.pairwise(edges))


def write_initial(core: Core, state: State, starts: Tensor) -> State:
    """The state with the initial state written where `starts`, bool (B,), is True."""
    return begun_anew(core.initial_state(len(starts), starts.device), state, starts)


def begun_anew(fresh: State, state: State, starts: Tensor) -> State:
    """A state with `fresh`, another of as many rows, written where `starts`, bool (B,), is True."""
    chosen = [
        torch.where(starts.view(-1, *(1,) * (old.ndim - 1)), new, old) for new, old in zip(fresh, state, strict=True)
    ]
    return type(state)(*chosen)


@cache
def extended_state(inner: type, name: str) -> type:
    """The state of a core with one more tensor before it, as a NamedTuple.

    Args:
        inner: the class of the core's state.
        name: of the tensor.
    """
    return namedtuple(f"{name.title()}And{inner.__name__}", [name, *getattr(inner, "_fields", ())])  # type: ignore[misc]


class NoState(tuple):
    """The state of a core without memory: nothing."""

    def __new__(cls, *_: Tensor) -> "NoState":
        return super().__new__(cls, ())


class Feedforward(Core):
    """No recurrence: y = x. For agents that see everything at once."""

    def __init__(self, input_size: int, hidden: int):
        super().__init__()
        self.output_size = input_size

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> NoState:
        return NoState()

    def forward(self, x: Tensor, state: State, starts: Tensor) -> tuple[Tensor, State]:
        return x, state
