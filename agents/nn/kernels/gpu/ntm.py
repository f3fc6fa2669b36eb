"""A neural Turing machine over a whole piece of a sequence as two launches on a GPU, with a gradient of its own."""

from functools import partial
from typing import Any, NamedTuple

import torch
import triton
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from ..arguments import NTMBegin, NTMShape, Parameters, parameter_gradients
from .ntm_backward import backward as backward_kernel
from .ntm_forward import forward as forward_kernel
from .sequence import fits, from_the_end, padded, places, wants_gradient, write_controller

__all__ = ["fits", "ntm_sequence"]


class Trace(NamedTuple):
    """What the sequence leaves behind for its gradient, as `forward` describes it."""

    memory: Tensor
    weighting: Tensor
    past: Tensor
    cell: Tensor
    gates: Tensor
    hidden: Tensor
    interface: Tensor
    content: Tensor
    placed: Tensor
    shifted: Tensor
    row_norm: Tensor


def interface_layout(shape: NTMShape, width: int) -> dict[str, int]:
    """Where the parts of the interface begin, as `NTM.sizes` has them."""
    heads, writes = shape.read_heads + shape.write_heads, shape.write_heads
    # each that of the part before
    sizes = {"KERNEL": heads * width, "ADD": heads * shape.shifts, "GATE": writes * width, "ERASE": heads}
    sizes |= {"STRENGTH": writes * width, "SHARPNESS": heads}
    return places(sizes)


def sizes(shape: NTMShape, rows: int, width: int, hidden: int, interface: int) -> dict[str, int]:
    """What the kernels are compiled for."""
    known = padded({"ROWS": rows, "WIDTH": width, "SHIFTS": shape.shifts, "HIDDEN": hidden})
    kinds = {"LSTM": shape.lstm, "CONTENT": shape.content, "LOCATION": shape.location}
    heads = {"READS": shape.read_heads, "WRITES": shape.write_heads}
    parts = interface_layout(shape, width)
    warps = 8 if known["ROWS_P"] * known["WIDTH_P"] > 2**11 else 4
    kinds = {name: int(value) for name, value in kinds.items()}
    return known | kinds | heads | parts | {"INTERFACE": interface, "num_warps": warps}


def empty_trace(shape: NTMShape, drive: Tensor, parameters: Parameters, begin: NTMBegin, keep: bool) -> Trace:
    """Room for a sequence, with the state before it written.

    Args:
        shape: what is fixed for the core.
        drive: (T, B, G).
        parameters: of the core.
        begin: the state.
        keep: room for each step, as a gradient needs it.
    """
    (steps, batch, gates), (_, rows, width) = drive.shape, begin.memory.shape
    interface, hidden = parameters.interface.shape
    heads, reads, some = shape.read_heads + shape.write_heads, shape.read_heads * width, steps if keep else 1
    cells, states = hidden if shape.lstm else 0, steps + 1 if keep else 1
    new = partial(torch.empty, dtype=drive.dtype, device=drive.device)
    by_row = (some, batch, heads, rows)
    trace = Trace(
        memory=new(states, batch, rows, width),
        weighting=new(states, batch, heads, rows),
        past=new(steps + 1, batch, reads + cells),
        cell=new(states, batch, cells),
        gates=new(some, batch, gates),
        hidden=new(steps, batch, hidden),
        interface=new(some, batch, interface),
        content=new(*by_row),
        placed=new(*by_row),
        shifted=new(*by_row),
        row_norm=new(some, batch, rows),
    )
    trace.memory[0], trace.weighting[0] = begin.memory, begin.weights
    write_controller(trace.past, trace.cell, begin.reads, begin.hidden, begin.cell)
    return trace


class _Sequence(torch.autograd.Function):
    """y and the state after a piece; everything that doesn't depend on the step before stays outside."""

    @staticmethod
    def forward(ctx: FunctionCtx, shape: NTMShape, keep: bool, drive: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        parameters, begin = Parameters(*tensors[:3]), NTMBegin(*tensors[3:])
        (steps, batch, _), (_, rows, width) = drive.shape, begin.memory.shape
        interface, hidden = parameters.interface.shape
        reads = shape.read_heads * width
        trace = empty_trace(shape, drive, parameters, begin, keep)
        known = sizes(shape, rows, width, hidden, interface)
        launch: Any = forward_kernel[(batch,)]  # pyright: ignore[reportIndexIssue]
        launch(
            drive.contiguous(), parameters.past.mT.contiguous(), parameters.interface.mT.contiguous(), parameters.bias,
            *trace, steps, batch, KEEP=int(keep), INTERFACE_P=triton.next_power_of_2(interface), **known,
        )  # fmt: skip
        ctx.shape, ctx.known = shape, known  # type: ignore[attr-defined]
        ctx.save_for_backward(*parameters, *trace)
        y = torch.cat([trace.hidden, trace.past[1:, :, :reads]], -1)
        last_reads = trace.past[-1, :, :reads].unflatten(1, (shape.read_heads, width))
        ends = (trace.memory[-1], trace.weighting[-1], last_reads, trace.hidden[-1], trace.cell[-1])
        return y, *(end.clone() for end in ends)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, d_y: Tensor, *d_after: Tensor) -> tuple[Tensor | None, ...]:
        shape: NTMShape = ctx.shape  # type: ignore[attr-defined]
        saved = ctx.saved_tensors  # type: ignore[attr-defined]
        parameters, trace, d_end = Parameters(*saved[:3]), Trace(*saved[3:]), NTMBegin(*d_after)
        (steps, batch, _), reads = trace.hidden.shape, d_end.reads[0].numel()
        d_y, d_past = from_the_end(trace.past, d_y, d_end.reads, d_end.hidden)
        carried = d_end.memory.clone(memory_format=torch.contiguous_format), d_end.weights.contiguous().clone()
        d_cell = d_end.cell.contiguous().clone()
        d_gates, d_interface = torch.empty_like(trace.gates), torch.zeros_like(trace.interface)
        launch: Any = backward_kernel[(batch,)]  # pyright: ignore[reportIndexIssue]
        launch(
            parameters.past.contiguous(), parameters.interface.contiguous(),
            trace.memory, trace.weighting, *trace[3:], d_y, *carried, d_past, d_cell, d_gates, d_interface,
            torch.empty_like(trace.row_norm[0]), steps, batch,
            PAST_P=triton.next_power_of_2(d_past.shape[1]), **ctx.known,  # type: ignore[attr-defined]
        )  # fmt: skip
        d_parameters = parameter_gradients(trace.past, trace.hidden, d_gates, d_interface)
        d_begin = NTMBegin(
            memory=carried[0],
            weights=carried[1],
            reads=d_past[:, :reads].unflatten(1, (shape.read_heads, -1)),
            hidden=d_past[:, reads:] if shape.lstm else torch.zeros_like(d_end.hidden),
            cell=d_cell,
        )
        return None, None, d_gates, *d_parameters, *d_begin


def ntm_sequence(
    shape: NTMShape, drive: Float[Tensor, "time batch gates"], parameters: Parameters, begin: NTMBegin
) -> tuple[Float[Tensor, "time batch outputs"], NTMBegin]:
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
    end = NTMBegin(*after)
    return y, end if shape.lstm else end._replace(cell=begin.cell)
