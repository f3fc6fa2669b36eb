"""A neural Turing machine over a whole piece of a sequence as one function with a gradient of its own."""

from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from .arguments import NTMBegin, NTMShape, Parameters, parameter_gradients
from .cache import compiled_into_cache
from .sequence import (
    array,
    backwards,
    by_parts,
    call,
    ending,
    forwards,
    from_the_end,
    keep,
    kept,
    numbers,
    tensor,
    to_the_begin,
)
from .threads import in_threads

with compiled_into_cache():
    from . import ntm_backward, ntm_forward
    from .ntm_backward import Carried, backward
    from .ntm_forward import Trace, forward


class _Sequence(torch.autograd.Function):
    """y and the state after a piece; everything that doesn't depend on the step before stays outside."""

    @staticmethod
    def forward(ctx: FunctionCtx, shape: NTMShape, drive: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        parameters, begin = Parameters(*tensors[:3]), NTMBegin(*tensors[3:])
        steps, batch, gates = drive.shape
        rows, width = begin.memory.shape[1:]
        heads, reads = shape.read_heads + shape.write_heads, shape.read_heads * width
        interface, hidden = parameters.interface.shape
        kept = hidden if shape.lstm else 0
        dtype = numbers(drive).dtype

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
        trace.memory[0], trace.weighting[0] = numbers(begin.memory.mT), numbers(begin.weights)
        trace.past[0, :, :reads] = numbers(begin.reads.flatten(1))
        if shape.lstm:
            trace.past[0, :, reads:], trace.cell[0] = numbers(begin.hidden), numbers(begin.cell)
        weights, driven = forwards(parameters), array(drive)

        def run(first: int, end: int) -> None:
            forward(driven, weights, trace, shape, ntm_forward.room_of(trace), first, end)

        in_threads(batch, run)
        ctx.shape = shape  # type: ignore[attr-defined]
        keep(ctx, parameters, trace)
        ctx.set_materialize_grads(False)
        y = np.concatenate([trace.hidden, trace.past[1:, :, :reads]], -1)
        after = (
            trace.memory[-1].swapaxes(1, 2),
            trace.weighting[-1],
            trace.past[-1, :, :reads].reshape(batch, shape.read_heads, width),
            trace.hidden[-1],
            trace.cell[-1],
        )
        return torch.from_numpy(y), *map(tensor, after)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, d_y: Tensor | None, *d_after: Tensor | None) -> tuple[Tensor | None, ...]:
        shape: NTMShape = ctx.shape  # type: ignore[attr-defined]
        saved, trace = kept(ctx, Trace)
        parameters, (d_memory, d_weights, d_reads, d_last, d_cell) = Parameters(*saved), d_after
        batch, hidden = trace.hidden.shape[1:]
        reads = shape.read_heads * trace.memory.shape[2]
        outer, d_past = from_the_end(trace, reads, d_y, d_reads, d_last)
        carried = Carried(
            memory=ending(d_memory if d_memory is None else d_memory.mT, trace.memory[0]),
            weighting=ending(d_weights, trace.weighting[0]),
            past=d_past,
            cell=ending(d_cell, trace.cell[0]),
        )
        d_gates, d_interface = np.empty_like(trace.gates), np.zeros_like(trace.interface)
        weights, d_hidden = backwards(parameters), np.empty(trace.hidden.shape[1:], d_gates.dtype)

        def run(first: int, end: int) -> None:
            room = ntm_backward.room_of(trace)
            backward(weights, trace, shape, outer, carried, d_gates, d_interface, d_hidden, room, first, end)

        call("ntm-backwards", parameters.past.dtype, lambda: in_threads(batch, run))
        first_reads, first_hidden = to_the_begin(d_past, shape.read_heads, reads, hidden)
        d_begin = NTMBegin(
            memory=torch.from_numpy(carried.memory).mT,
            weights=torch.from_numpy(carried.weighting),
            reads=first_reads,
            hidden=first_hidden,
            cell=torch.from_numpy(carried.cell),
        )
        d_parameters = parameter_gradients(*map(torch.from_numpy, (trace.past, trace.hidden, d_gates, d_interface)))
        return None, torch.from_numpy(d_gates), *d_parameters, *d_begin


def ntm_sequence(
    shape: NTMShape, drive: Float[Tensor, "time batch gates"], parameters: Parameters, begin: NTMBegin
) -> tuple[Float[Tensor, "time batch outputs"], NTMBegin]:
    """Run a piece in which no episode starts.

    Args:
        shape: what is fixed for the core.
        drive: what the controller gets from the inputs, float32 or float64 on the CPU, (T, B, G).
        parameters: of the core.
        begin: the state before it.

    Returns:
        y, (T, B, hidden + R W), and the state after it.
    """
    run = partial(_Sequence.apply, shape)
    y, *after = call("ntm", drive.dtype, lambda: by_parts(run, drive, parameters, begin))
    end = NTMBegin(*after)
    return y, end if shape.lstm else end._replace(cell=begin.cell)
