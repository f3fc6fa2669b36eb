"""What a kernel is given: the shape, the parameters and the state of a core, wherever it runs."""

from typing import NamedTuple

from torch import Tensor


class Parameters(NamedTuple):
    """Of a core, as the plain path keeps them: (G, R W + hidden), (I, hidden), (I,)."""

    past: Tensor
    interface: Tensor
    bias: Tensor


class NTMShape(NamedTuple):
    """What is fixed for a neural Turing machine.

    Attributes:
        read_heads: R.
        write_heads: H.
        shifts: 2K + 1.
        lstm: whether the controller has a cell.
        content: whether heads address by content.
        location: whether they interpolate, shift and sharpen.
    """

    read_heads: int
    write_heads: int
    shifts: int
    lstm: bool
    content: bool
    location: bool


class NTMBegin(NamedTuple):
    """Its state before a piece: memory (B, N, W), weights (B, R + H, N), reads (B, R, W), hidden and cell."""

    memory: Tensor
    weights: Tensor
    reads: Tensor
    hidden: Tensor
    cell: Tensor
