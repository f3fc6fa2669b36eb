"""A GRU over a whole piece of a sequence, each layer as one function with a gradient of its own.

torch has a fast LSTM for CPUs, but runs a GRU operator by operator.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

from .cache import compiled_into_cache
from .sequence import array, call, keep, kept
from .threads import in_threads

with compiled_into_cache():
    from .gru_loops import backward, forward

FEWEST_STEPS = 4  # below, and above as many numbers in a hidden state, torch's operators are as fast
MOST_NUMBERS = 2**14


def pays(steps: int, batch: int, hidden: int) -> bool:
    """Whether the kernel is faster than torch for sequences of this size."""
    return steps >= FEWEST_STEPS and batch * hidden <= MOST_NUMBERS


class _Trace(NamedTuple):
    """What `gru_loops.backward` needs of the forward pass."""

    hiddens: np.ndarray
    gates: np.ndarray


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, drive: Tensor, weight: Tensor, bias: Tensor, hidden: Tensor) -> Tensor:
        (steps, batch, _), size = drive.shape, hidden.shape[1]
        numbers, columns, shift = array(drive), array(weight.mT), array(bias)
        hiddens, gates, recurrent = (
            np.empty((steps + 1, batch, size), numbers.dtype),
            np.empty((steps, batch, 4 * size), numbers.dtype),
            np.empty((batch, 3 * size), numbers.dtype),
        )
        hiddens[0] = array(hidden)
        in_threads(batch, lambda a, b: forward(numbers, columns, shift, hiddens, gates, recurrent, a, b))
        keep(ctx, [weight], _Trace(hiddens, gates))
        return torch.from_numpy(hiddens[1:])

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, d_y: Tensor) -> tuple[Tensor, ...]:
        (weight,), (hiddens, gates) = kept(ctx, _Trace)
        rows, outer = array(weight), array(d_y)
        d_first, d_drive = np.zeros_like(hiddens[0]), np.empty((*d_y.shape[:2], len(rows)), gates.dtype)
        d_past, through = np.empty_like(d_drive), np.empty_like(d_first)

        def run(first: int, end: int) -> None:
            backward(rows, hiddens, gates, outer, d_first, d_drive, d_past, through, first, end)

        in_threads(d_y.shape[1], run)
        of_product = torch.from_numpy(d_past).flatten(0, 1)
        d_weight = of_product.mT @ torch.from_numpy(hiddens[:-1]).flatten(0, 1)
        return torch.from_numpy(d_drive), d_weight, of_product.sum(0), torch.from_numpy(d_first)


def gru_sequence(
    module: nn.GRU, x: Float[Tensor, "time batch features"], hidden: Float[Tensor, "layers batch units"]
) -> tuple[Float[Tensor, "time batch units"], Float[Tensor, "layers batch units"]]:
    """What ``module(x, hidden)`` is.

    Args:
        module: whose inputs begin with time.
        x: float32 or float64 on the CPU.
        hidden: before the first step.

    Returns:
        The last layer's hidden vectors, and every layer's last one.
    """
    last = []
    for layer, before in enumerate(hidden):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        w, u, b, c = (module.get_parameter(f"{name}_l{layer}") for name in names)
        x = call("gru", x.dtype, partial(_Layer.apply, F.linear(x, w, b), u, c, before))
        last.append(x[-1])
    return x, torch.stack(last)
