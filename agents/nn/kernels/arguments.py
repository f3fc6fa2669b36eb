"""What a kernel is given, wherever it runs: the shape, the parameters and the state of a core; and their gradient."""

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


def parameter_gradients(past: Tensor, hidden: Tensor, d_gates: Tensor, d_interface: Tensor) -> Parameters:
    """Products over the whole sequence at once.

    Args:
        past: of the trace, as is `hidden`.
        hidden: (T, B, hidden).
        d_gates: (T, B, G).
        d_interface: (T, B, I).
    """
    return Parameters(
        past=d_gates.flatten(0, 1).mT @ past[:-1].flatten(0, 1),
        interface=d_interface.flatten(0, 1).mT @ hidden.flatten(0, 1),
        bias=d_interface.sum((0, 1)),
    )
