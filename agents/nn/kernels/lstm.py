"""An LSTM over a whole sequence, episode starts included, each layer as one function with a gradient of its own.

torch's own is as fast at arithmetic, but knows nothing of episodes: it is called anew wherever one starts, or on
episodes that are rearranged, which takes 1.4 to 3 times as long.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

from .cache import compiled_into_cache
from .sequence import array, call, keep, kept
from .threads import in_threads

with compiled_into_cache():
    from .lstm_loops import backward, forward

# Numbers in a hidden state: above, torch on rearranged episodes is as fast. Of a step of many rows what counts is how
# little is called; of a few rows it isn't worth the time that loading numba takes.
MOST_NUMBERS, FEWEST_ROWS, MOST_OF_STEP = 2**15, 8, 2**13


def pays(steps: int, batch: int, hidden: int) -> bool:
    """Whether the kernel is faster than torch for sequences of this size in which episodes start."""
    if steps == 1:
        return batch >= FEWEST_ROWS and batch * hidden <= MOST_OF_STEP
    return batch * hidden <= MOST_NUMBERS


class _Trace(NamedTuple):
    """What `lstm_loops.backward` needs of the forward pass."""

    starts: np.ndarray
    past: np.ndarray
    gates: np.ndarray
    cells: np.ndarray


def _run(drive: Tensor, starts: Tensor, weight: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, _Trace]:
    """The hidden vectors of one layer, (T, B, H)."""
    (steps, batch, _), size = drive.shape, hidden.shape[1]
    numbers, columns = array(drive), array(weight.mT)
    past, y = np.empty((steps, batch, size), numbers.dtype), np.empty((steps, batch, size), numbers.dtype)
    trace = _Trace(array(starts), past, np.empty_like(numbers), np.empty((steps + 1, batch, size), numbers.dtype))
    past[0], trace.cells[0] = array(hidden), array(cell)

    def run(first: int, end: int) -> None:
        forward(numbers, trace.starts, columns, past, trace.cells, trace.gates, y, first, end)

    in_threads(batch, run)
    return torch.from_numpy(y), trace


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, drive: Tensor, starts: Tensor, weight: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        y, trace = _run(drive, starts, weight, *state)
        keep(ctx, [weight], trace)
        return y, torch.from_numpy(trace.cells[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, d_y: Tensor, d_last: Tensor) -> tuple[Tensor | None, ...]:
        (weight,), trace = kept(ctx, _Trace)
        rows, outer = array(weight), array(d_y)
        d_drive, d_hidden, d_cell = np.empty_like(trace.gates), np.zeros_like(trace.past[0]), array(d_last).copy()

        def run(first: int, end: int) -> None:
            backward(rows, trace.starts, trace.gates, trace.cells, outer, d_hidden, d_cell, d_drive, first, end)

        call("lstm-backwards", d_y.dtype, lambda: in_threads(len(d_hidden), run))
        of_drive = torch.from_numpy(d_drive)
        d_weight = of_drive.flatten(0, 1).mT @ torch.from_numpy(trace.past).flatten(0, 1)
        return of_drive, None, d_weight, torch.from_numpy(d_hidden), torch.from_numpy(d_cell)


def _layer(drive: Tensor, starts: Tensor, weight: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
    """The hidden vectors of one layer, and its last cell."""
    if torch.is_grad_enabled():
        return _Layer.apply(drive, starts, weight, *state)
    y, trace = _run(drive, starts, weight, *state)
    return y, torch.from_numpy(trace.cells[-1])


def lstm_sequence(
    module: nn.LSTM,
    x: Float[Tensor, "time batch features"],
    hidden: Float[Tensor, "batch layers units"],
    cell: Float[Tensor, "batch layers units"],
    starts: Bool[Tensor, "time batch"],
) -> tuple[Tensor, Tensor, Tensor]:
    """What the module says of a sequence, with zeros written as its state where episodes start.

    Args:
        module: whose inputs begin with time.
        x: float32 or float64 on the CPU.
        hidden: before the first moment.
        cell: the same of the cells.
        starts: where episodes start.

    Returns:
        The last layer's hidden vectors, (T, B, H), and every layer's last hidden vector and cell, (B, layers, H).
    """
    last = []
    for layer, (w, u, b, c) in enumerate(module.all_weights):
        drive = F.linear(x, w, b + c)
        x, end = call("lstm", x.dtype, partial(_layer, drive, starts, u, hidden[:, layer], cell[:, layer]))
        last.append((x[-1], end))
    if len(last) == 1:  # nothing to copy
        return x, *(part[:, None] for part in last[0])
    hiddens, ends = zip(*last, strict=True)
    return x, torch.stack(hiddens, 1), torch.stack(ends, 1)
