"""A differentiable neural computer over a whole piece of a sequence as one function with a gradient of its own."""

import math
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from .arguments import Parameters, parameter_gradients
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
    from . import dnc_backward, dnc_forward
    from .dnc_backward import Carried, backward
    from .dnc_forward import Shape, Trace, forward
    from .sparse_links import COLUMN

LINKS_AT_A_TIME = 1 << 20  # numbers of full links that are worked on by turns: more would not stay in the cache


class Begin(NamedTuple):
    """The state before a piece: the fields of `DNCState`, what has no gradient last."""

    memory: Tensor
    usage: Tensor
    precedence: Tensor
    write_weights: Tensor
    read_weights: Tensor
    reads: Tensor
    hidden: Tensor
    cell: Tensor
    link: Tensor
    link_columns: Tensor


def empty_trace(shape: Shape, steps: int, parameters: Parameters, begin: Begin) -> Trace:
    """Room for a sequence, with the state before it written.

    Args:
        shape: what is fixed.
        steps: T.
        parameters: of the core.
        begin: the state.
    """
    (batch, rows, width), heads, links = begin.memory.shape, shape.read_heads, shape.links
    (interface, hidden), reads = parameters.interface.shape, heads * width
    kept = hidden if shape.lstm else 0
    dtype = numbers(begin.memory).dtype
    norms = heads + 1 if shape.mask_keys else 2
    checkpoints = steps if links else -(-steps // shape.every)

    def new(*size: int, dtype: np.dtype | type = dtype) -> np.ndarray:
        return np.empty(size, dtype)

    trace = Trace(
        memory=new(steps + 1, batch, width, rows),
        usage=new(steps + 1, batch, rows),
        precedence=new(steps + 1, batch, rows),
        write=new(steps + 1, batch, rows),
        read=new(steps + 1, batch, heads, rows),
        past=new(steps + 1, batch, reads + kept),
        cell=new(steps + 1, batch, kept),
        gates=new(steps, batch, parameters.past.shape[0]),
        hidden=new(steps, batch, hidden),
        interface=new(steps, batch, interface),
        content=new(steps, batch, heads + 1, rows),
        norm=new(steps, batch, norms, rows),
        order=new(steps, batch, rows, dtype=np.int32),
        allocated=new(steps, batch, rows),
        linked=new(steps, batch, 2 * heads, rows),
        link=new(checkpoints + 1, batch, links or rows, rows),
        code=new(steps + 1, batch, links, rows, dtype=np.int32),
        preceding=new(steps, batch, links, dtype=np.int32),
    )
    trace.memory[0], trace.usage[0] = numbers(begin.memory.mT), numbers(begin.usage)
    trace.precedence[0], trace.write[0] = numbers(begin.precedence), numbers(begin.write_weights)
    trace.read[0], trace.past[0, :, :reads] = numbers(begin.read_weights), numbers(begin.reads.flatten(1))
    trace.link[0] = numbers(begin.link.mT if links else begin.link)
    trace.code[0] = numbers(begin.link_columns.mT)
    if shape.lstm:
        trace.past[0, :, reads:], trace.cell[0] = numbers(begin.hidden), numbers(begin.cell)
    return trace


class _Sequence(torch.autograd.Function):
    """y and the state after a piece; everything that doesn't depend on the step before stays outside."""

    @staticmethod
    def forward(ctx: FunctionCtx, shape: Shape, drive: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        parameters, begin = Parameters(*tensors[:3]), Begin(*tensors[3:])
        (batch, _, width), reads = begin.memory.shape, shape.read_heads * begin.memory.shape[2]
        trace = empty_trace(shape, len(drive), parameters, begin)
        weights, driven = forwards(parameters), array(drive)

        def run(first: int, end: int) -> None:
            forward(driven, weights, trace, shape, dnc_forward.room_of(shape, trace), first, end)

        in_threads(batch, run, _at_a_time(shape, trace))
        ctx.shape = shape  # type: ignore[attr-defined]
        keep(ctx, parameters, trace)
        ctx.set_materialize_grads(False)
        y = np.concatenate([trace.hidden, trace.past[1:, :, :reads]], -1)
        link = trace.link[-1].swapaxes(1, 2) if shape.links else trace.link[-1]
        after = Begin(
            memory=tensor(trace.memory[-1].swapaxes(1, 2)),
            usage=tensor(trace.usage[-1]),
            precedence=tensor(trace.precedence[-1]),
            link=tensor(link),
            link_columns=tensor(trace.code[-1].swapaxes(1, 2) & COLUMN).to(torch.int64),
            write_weights=tensor(trace.write[-1]),
            read_weights=tensor(trace.read[-1]),
            reads=tensor(trace.past[-1, :, :reads].reshape(batch, shape.read_heads, width)),
            hidden=tensor(trace.hidden[-1]),
            cell=tensor(trace.cell[-1]),
        )
        ctx.mark_non_differentiable(after.link_columns)  # type: ignore[attr-defined]
        return torch.from_numpy(y), *after

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, d_y: Tensor | None, *d_after: Tensor | None) -> tuple[Tensor | None, ...]:
        shape: Shape = ctx.shape  # type: ignore[attr-defined]
        saved, trace = kept(ctx, Trace)
        parameters = Parameters(*saved)
        d_memory, d_usage, d_precedence, d_write, d_read, d_reads, d_last, d_cell, d_links, _ = d_after
        batch, hidden = trace.hidden.shape[1:]
        reads = shape.read_heads * trace.memory.shape[2]
        outer, d_past = from_the_end(trace, reads, d_y, d_reads, d_last)
        carried = Carried(
            memory=ending(d_memory if d_memory is None else d_memory.mT, trace.memory[0]),
            usage=ending(d_usage, trace.usage[0]),
            precedence=ending(d_precedence, trace.precedence[0]),
            link=ending(d_links.mT if shape.links and d_links is not None else d_links, trace.link[0]),
            write=ending(d_write, trace.write[0]),
            read=ending(d_read, trace.read[0]),
            past=d_past,
            cell=ending(d_cell, trace.cell[0]),
        )
        d_gates, d_interface = np.empty_like(trace.gates), np.empty_like(trace.interface)
        weights, d_hidden = backwards(parameters), np.empty(trace.hidden.shape[1:], d_gates.dtype)

        def run(first: int, end: int) -> None:
            room = dnc_backward.room_of(shape, trace, end - first)
            backward(weights, trace, shape, outer, carried, d_gates, d_interface, d_hidden, room, first, end)

        call("dnc-backwards", parameters.past.dtype, lambda: in_threads(batch, run, _at_a_time(shape, trace)))
        first_reads, first_hidden = to_the_begin(d_past, shape.read_heads, reads, hidden)
        d_link = torch.from_numpy(carried.link)
        d_begin = Begin(
            memory=torch.from_numpy(carried.memory).mT,
            usage=torch.from_numpy(carried.usage),
            precedence=torch.from_numpy(carried.precedence),
            link=d_link.mT if shape.links else d_link,
            link_columns=torch.empty(0),
            write_weights=torch.from_numpy(carried.write),
            read_weights=torch.from_numpy(carried.read),
            reads=first_reads,
            hidden=first_hidden,
            cell=torch.from_numpy(carried.cell),
        )
        d_parameters = parameter_gradients(*map(torch.from_numpy, (trace.past, trace.hidden, d_gates, d_interface)))
        return None, torch.from_numpy(d_gates), *d_parameters, *d_begin[:-1], None


def dnc_sequence(
    shape: Shape, drive: Float[Tensor, "time batch gates"], parameters: Parameters, begin: Begin
) -> tuple[Float[Tensor, "time batch outputs"], Begin]:
    """Run a piece in which no episode starts.

    Args:
        shape: what is fixed for the core; how often links are kept is for this function to say.
        drive: what the controller gets from the inputs, float32 or float64 on the CPU, (T, B, G).
        parameters: of the core.
        begin: the state before it.

    Returns:
        y, (T, B, hidden + R W), and the state after it.
    """
    shape = shape._replace(every=math.isqrt(len(drive) - 1) + 1)
    run = partial(_Sequence.apply, shape)
    y, *after = call("dnc", drive.dtype, lambda: by_parts(run, drive, parameters, begin))
    end = Begin(*after)
    return y, end if shape.lstm else end._replace(cell=begin.cell)


def _at_a_time(shape: Shape, trace: Trace) -> int | None:
    """Worlds whose links are worked on by turns."""
    if shape.links:
        return None
    rows = trace.memory.shape[-1]
    return max(4, LINKS_AT_A_TIME // (rows * rows * (shape.every + 1)))
