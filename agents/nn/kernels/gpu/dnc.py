"""A differentiable neural computer over a whole piece of a sequence as two launches on a GPU, with its own gradient.

Full links are kept for every step, T B N² numbers: the kernels are simpler so, writing elsewhere costs what writing in
place does, and the plain path keeps twice as many. Where a sequence is too long for that, a learner's `recompute_every`
keeps a state at times only.
"""

from functools import partial
from typing import Any, NamedTuple

import torch
import triton
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from ..arguments import Parameters, parameter_gradients
from . import sequence
from .dnc_backward import backward as backward_kernel
from .dnc_forward import forward as forward_kernel
from .sequence import from_the_end, padded, places, wants_gradient, write_controller

AT_A_TIME = 2**13  # numbers of an N x N matrix that are in a program's registers at a time
WIDEST = 2**12  # numbers in what all heads read with


class Shape(NamedTuple):
    """What is fixed for a core.

    Attributes:
        read_heads: R.
        lstm: whether the controller has a cell.
    """

    read_heads: int
    lstm: bool


class Begin(NamedTuple):
    """The state before a piece: the fields of `DNCState` that have a gradient, the links being full."""

    memory: Tensor
    usage: Tensor
    precedence: Tensor
    link: Tensor
    write_weights: Tensor
    read_weights: Tensor
    reads: Tensor
    hidden: Tensor
    cell: Tensor


class Trace(NamedTuple):
    """What the sequence leaves behind for its gradient, as `forward` describes it."""

    memory: Tensor
    usage: Tensor
    precedence: Tensor
    link: Tensor
    write: Tensor
    read: Tensor
    past: Tensor
    cell: Tensor
    gates: Tensor
    hidden: Tensor
    interface: Tensor
    content: Tensor
    allocated: Tensor
    linked: Tensor


def fits(rows: int, width: int, read_heads: int) -> bool:
    """Whether what isn't in the device's memory can stay in the registers of one program."""
    return sequence.fits(rows, width) and triton.next_power_of_2(rows) * triton.next_power_of_2(read_heads) <= WIDEST


def rows_at_a_time(across: int, heads: int) -> int:
    """Rows of an N x N matrix, `across` being N, of which each head needs a copy in a program's registers."""
    return min(across, max(1, AT_A_TIME // (heads * across)))


def sizes(shape: Shape, rows: int, width: int, hidden: int, interface: int) -> dict[str, int]:
    """What the kernels are compiled for."""
    known = padded({"ROWS": rows, "WIDTH": width, "READS": shape.read_heads, "HIDDEN": hidden})
    keys = shape.read_heads + 1
    # as `DNC.sizes` has them, each that of the part before
    layout = {"STRENGTH": keys * width, "ERASE": keys, "ADD": width, "FREE": width, "WRITE_GATE": shape.read_heads}
    known |= places(layout | {"ALLOCATION_GATE": 1, "MODES": 1})
    across, heads = known["ROWS_P"], known["READS_P"]
    known |= {"SOME": rows_at_a_time(across, heads), "MANY": rows_at_a_time(across, 1)}
    warps = 8 if across * across > 2**11 else 4
    return known | {"LSTM": int(shape.lstm), "INTERFACE": interface, "num_warps": warps}


def empty_trace(shape: Shape, drive: Tensor, parameters: Parameters, begin: Begin, keep: bool) -> Trace:
    """Room for a sequence, with the state before it written.

    Args:
        shape: what is fixed for the core.
        drive: (T, B, G).
        parameters: of the core.
        begin: the state.
        keep: room for each step, as a gradient needs it.
    """
    (steps, batch, gates), (_, rows, width), heads = drive.shape, begin.memory.shape, shape.read_heads
    interface, hidden = parameters.interface.shape
    cells = hidden if shape.lstm else 0
    new = partial(torch.empty, dtype=drive.dtype, device=drive.device)
    state, step = partial(new, steps + 1 if keep else 2, batch), partial(new, steps if keep else 1, batch)
    trace = Trace(
        memory=state(rows, width),
        usage=state(rows),
        precedence=state(rows),
        link=state(rows, rows),
        write=state(rows),
        read=state(heads, rows),
        past=new(steps + 1, batch, heads * width + cells),
        cell=state(cells),
        gates=step(gates),
        hidden=new(steps, batch, hidden),
        interface=step(interface),
        content=step(heads + 1, rows),
        allocated=step(rows),
        linked=step(2 * heads, rows),
    )
    for room, value in zip(trace, begin[:6], strict=False):
        room[0] = value
    write_controller(trace.past, trace.cell, begin.reads, begin.hidden, begin.cell)
    return trace


class _Sequence(torch.autograd.Function):
    """y and the state after a piece; everything that doesn't depend on the step before stays outside."""

    @staticmethod
    def forward(ctx: FunctionCtx, shape: Shape, keep: bool, drive: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        parameters, begin = Parameters(*tensors[:3]), Begin(*tensors[3:])
        (steps, batch, _), (_, rows, width) = drive.shape, begin.memory.shape
        interface, hidden = parameters.interface.shape
        trace = empty_trace(shape, drive, parameters, begin, keep)
        known = sizes(shape, rows, width, hidden, interface)
        launch: Any = forward_kernel[(batch,)]  # pyright: ignore[reportIndexIssue]
        launch(
            drive.contiguous(), parameters.past.mT.contiguous(), parameters.interface.mT.contiguous(), parameters.bias,
            *trace, steps, batch, KEEP=int(keep), INTERFACE_P=triton.next_power_of_2(interface), **known,
        )  # fmt: skip
        ctx.shape, ctx.known = shape, known  # type: ignore[attr-defined]
        ctx.save_for_backward(*parameters, *trace)
        reads, last = trace.past[1:, :, : shape.read_heads * width], steps if keep else steps % 2
        after = Begin(
            *(part[last].clone() for part in trace[:6]),
            reads=reads[-1].unflatten(1, (shape.read_heads, width)).clone(),
            hidden=trace.hidden[-1].clone(),
            cell=trace.cell[last].clone(),
        )
        return torch.cat([trace.hidden, reads], -1), *after

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, d_y: Tensor, *d_after: Tensor) -> tuple[Tensor | None, ...]:
        shape: Shape = ctx.shape  # type: ignore[attr-defined]
        saved = ctx.saved_tensors  # type: ignore[attr-defined]
        parameters, trace, d_end = Parameters(*saved[:3]), Trace(*saved[3:]), Begin(*d_after)
        (steps, batch, _), reads = trace.hidden.shape, d_end.reads[0].numel()
        d_y, d_past = from_the_end(trace.past, d_y, d_end.reads, d_end.hidden)
        # what is carried from step to step is that of the state after the piece at first, and of that before at the end
        carried = [part.clone(memory_format=torch.contiguous_format) for part in d_end[:6]]
        d_cell = d_end.cell.clone(memory_format=torch.contiguous_format)
        d_gates, d_interface = torch.empty_like(trace.gates), torch.empty_like(trace.interface)
        room = [torch.empty_like(part[0]) for part in (trace.linked, trace.allocated, trace.content)]
        launch: Any = backward_kernel[(batch,)]  # pyright: ignore[reportIndexIssue]
        launch(
            parameters.past.contiguous(), parameters.interface.contiguous(), *trace, d_y, *carried, d_past, d_cell,
            d_gates, d_interface, *room, steps, batch,
            PAST_P=triton.next_power_of_2(d_past.shape[1]), **ctx.known,  # type: ignore[attr-defined]
        )  # fmt: skip
        d_begin = Begin(
            *carried,
            reads=d_past[:, :reads].unflatten(1, (shape.read_heads, -1)),
            hidden=d_past[:, reads:] if shape.lstm else torch.zeros_like(d_end.hidden),
            cell=d_cell,
        )
        d_parameters = parameter_gradients(trace.past, trace.hidden, d_gates, d_interface)
        return None, None, d_gates, *d_parameters, *d_begin


def dnc_sequence(
    shape: Shape, drive: Float[Tensor, "time batch gates"], parameters: Parameters, begin: Begin
) -> tuple[Float[Tensor, "time batch outputs"], Begin]:
    """Run a piece in which no episode starts.

    Args:
        shape: what is fixed for the core.
        drive: what the controller gets from the inputs, float32 or float64, (T, B, G).
        parameters: of the core.
        begin: the state before it.

    Returns:
        y, (T, B, hidden + R W), and the state after it.
    """
    keep = wants_gradient(drive, *parameters, *begin)
    y, *after = _Sequence.apply(shape, keep, drive, *parameters, *begin)
    end = Begin(*after)
    return y, end if shape.lstm else end._replace(cell=begin.cell)
