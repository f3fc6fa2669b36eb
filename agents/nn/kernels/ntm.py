"""A neural Turing machine over a whole piece of a sequence as one function with a gradient of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from .cache import compiled_into_cache, said_once

with compiled_into_cache():
    from .ntm_backward import Carried, backward
    from .ntm_forward import Shape, Trace, Weights, forward

_COMPILED: set[torch.dtype] = set()  # for which a kernel has run in this process
FEWEST = 4  # worlds a thread: below it starting the thread costs more than it saves


class Parameters(NamedTuple):
    """Of the core, as the plain path keeps them: (G, R W + hidden), (I, hidden), (I,)."""

    past: Tensor
    interface: Tensor
    bias: Tensor


class Begin(NamedTuple):
    """The state before a piece: memory (B, N, W), weights (B, R + H, N), reads (B, R, W), hidden and cell."""

    memory: Tensor
    weights: Tensor
    reads: Tensor
    hidden: Tensor
    cell: Tensor


class _Sequence(torch.autograd.Function):
    """y and the state after a piece; everything that doesn't depend on the step before stays outside."""

    @staticmethod
    def forward(ctx: FunctionCtx, shape: Shape, drive: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        parameters, begin = Parameters(*tensors[:3]), Begin(*tensors[3:])
        steps, batch, gates = drive.shape
        rows, width = begin.memory.shape[1:]
        heads, reads = shape.read_heads + shape.write_heads, shape.read_heads * width
        interface, hidden = parameters.interface.shape
        kept = hidden if shape.lstm else 0
        dtype = drive.detach().numpy().dtype

        def new(*size: int) -> np.ndarray:
            return np.empty(size, dtype)

        trace = Trace(
            memory=new(steps + 1, batch, width, rows),
            weighting=new(steps + 1, batch, heads, rows),
            past=new(steps + 1, batch, reads + kept),
            cell=new(steps + 1, batch, kept),
            gates=new(steps, batch, gates),
            hidden=new(steps, batch, hidden),
            interface=new(steps, batch, interface),
            content=new(steps, batch, heads, rows),
            shifted=new(steps, batch, heads, rows),
            row_norm=new(steps, batch, rows),
        )
        trace.memory[0], trace.weighting[0] = _array(begin.memory.mT), _array(begin.weights)
        trace.past[0, :, :reads] = _array(begin.reads.flatten(1))
        if shape.lstm:
            trace.past[0, :, reads:], trace.cell[0] = _array(begin.hidden), _array(begin.cell)
        weights = Weights(_array(parameters.past.mT), _array(parameters.interface.mT), _array(parameters.bias))
        _in_threads(batch, lambda a, b: forward(_array(drive), weights, trace, shape, a, b))
        ctx.shape, ctx.trace = shape, trace  # type: ignore[attr-defined]
        ctx.save_for_backward(*parameters)
        y = np.concatenate([trace.hidden, trace.past[1:, :, :reads]], -1)
        after = (
            trace.memory[-1].swapaxes(1, 2),
            trace.weighting[-1],
            trace.past[-1, :, :reads].reshape(batch, shape.read_heads, width),
            trace.hidden[-1],
            trace.cell[-1],
        )
        return torch.from_numpy(y), *(torch.from_numpy(np.ascontiguousarray(part)).clone() for part in after)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, d_y: Tensor, *d_after: Tensor) -> tuple[Tensor | None, ...]:
        shape: Shape = ctx.shape  # type: ignore[attr-defined]
        trace: Trace = ctx.trace  # type: ignore[attr-defined]
        parameters, d_end = Parameters(*ctx.saved_tensors), Begin(*d_after)  # type: ignore[attr-defined]
        batch, hidden = trace.hidden.shape[1:]
        reads = shape.read_heads * trace.memory.shape[2]
        d_y = d_y.clone()
        d_past = torch.zeros(trace.past.shape[1:], dtype=d_y.dtype)
        d_past[:, :reads] = d_end.reads.flatten(1)
        d_y[-1, :, :hidden] += d_end.hidden  # h_T is both the state's and y's
        carried = Carried(
            _array(d_end.memory.mT).copy(), _array(d_end.weights).copy(), d_past.numpy(), _array(d_end.cell).copy()
        )
        d_gates, d_interface = np.empty_like(trace.gates), np.zeros_like(trace.interface)
        weights = Weights(_array(parameters.past), _array(parameters.interface), _array(parameters.bias))
        _in_threads(
            batch, lambda a, b: backward(weights, trace, shape, _array(d_y), carried, d_gates, d_interface, a, b)
        )
        gates, interface = torch.from_numpy(d_gates), torch.from_numpy(d_interface).flatten(0, 1)
        before = torch.from_numpy(trace.past[:-1]).flatten(0, 1)
        d_begin = Begin(
            memory=torch.from_numpy(carried.memory).mT,
            weights=torch.from_numpy(carried.weighting),
            reads=d_past[:, :reads].unflatten(1, (shape.read_heads, -1)),
            hidden=d_past[:, reads:] if shape.lstm else torch.zeros(batch, hidden, dtype=d_y.dtype),
            cell=torch.from_numpy(carried.cell),
        )
        d_parameters = Parameters(
            past=gates.flatten(0, 1).mT @ before,
            interface=interface.mT @ torch.from_numpy(trace.hidden).flatten(0, 1),
            bias=interface.sum(0),
        )
        return None, gates, *d_parameters, *d_begin


def ntm_sequence(
    shape: Shape, drive: Float[Tensor, "time batch gates"], parameters: Parameters, begin: Begin
) -> tuple[Float[Tensor, "time batch outputs"], Begin]:
    """Run a piece in which no episode starts.

    Args:
        shape: what is fixed for the core.
        drive: what the controller gets from the inputs, float32 or float64 on the CPU, (T, B, G).
        parameters: of the core.
        begin: the state before it.

    Returns:
        y, (T, B, hidden + R W), and the state after it.
    """
    if drive.dtype in _COMPILED:
        y, *after = _Sequence.apply(shape, drive, *parameters, *begin)
    else:
        with said_once("ntm", str(drive.dtype).removeprefix("torch.")):
            y, *after = _Sequence.apply(shape, drive, *parameters, *begin)
        _COMPILED.add(drive.dtype)
    end = Begin(*after)
    return y, end if shape.lstm else end._replace(cell=begin.cell)


def _array(tensor: Tensor) -> np.ndarray:
    """A tensor's numbers in C order; only what doesn't lie so is copied."""
    return tensor.detach().contiguous().numpy()


def _in_threads(batch: int, run: Callable[[int, int], None]) -> None:
    """Share worlds out among as many threads as PyTorch may use; each world's numbers are the same for any number."""
    threads = min(torch.get_num_threads(), batch // FEWEST)
    if threads < 2:
        run(0, batch)
        return
    cuts = [batch * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(run, cuts[:-1], cuts[1:]):
            pass
