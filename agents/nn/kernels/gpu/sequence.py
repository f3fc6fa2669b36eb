"""What the kernels of all cores with an external memory share on PyTorch's side: sizes, and where gradients begin."""

import itertools

import torch
import triton
from torch import Tensor

LARGEST = 2**14  # numbers in a memory that a program's registers can take


def fits(rows: int, width: int) -> bool:
    """Whether a memory of this size can stay in the registers of one program."""
    return triton.next_power_of_2(rows) * triton.next_power_of_2(width) <= LARGEST


def padded(sizes: dict[str, int]) -> dict[str, int]:
    """The sizes, and as NAME_P the powers of two that they fit into."""
    return sizes | {f"{name}_P": triton.next_power_of_2(size) for name, size in sizes.items()}


def places(sizes: dict[str, int]) -> dict[str, int]:
    """As NAME_AT where parts of the interface begin, one behind the other; each size is that of the part before it."""
    return {f"{name}_AT": at for name, at in zip(sizes, itertools.accumulate(sizes.values()), strict=True)}


def wants_gradient(*tensors: Tensor) -> bool:
    """Whether what a sequence leaves behind will be needed."""
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def write_controller(past: Tensor, cell: Tensor, begin_reads: Tensor, begin_hidden: Tensor, begin_cell: Tensor) -> None:
    """The controller's part of the state before a sequence, into its trace.

    Args:
        past: (T + 1, B, R W + hidden), or (T + 1, B, R W) where the controller has no cell.
        cell: (T + 1, B, hidden), or (T + 1, B, 0).
        begin_reads: (B, R, W).
        begin_hidden: (B, hidden).
        begin_cell: (B, hidden), or (B, 0).
    """
    reads = begin_reads[0].numel()
    past[0, :, :reads] = begin_reads.flatten(1)
    if cell.shape[2]:
        past[0, :, reads:], cell[0] = begin_hidden, begin_cell


def from_the_end(past: Tensor, d_y: Tensor, d_reads: Tensor, d_hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Where a gradient begins: d_y with the last hidden vector's own, and that of the controller's past.

    Args:
        past: of the trace.
        d_y: (T, B, hidden + R W).
        d_reads: of the last reads as a part of the state, (B, R, W).
        d_hidden: of the last hidden vector as a part of the state, (B, hidden).
    """
    d_y = d_y.clone(memory_format=torch.contiguous_format)
    d_y[-1, :, : d_hidden.shape[1]] += d_hidden
    d_past = torch.zeros_like(past[0])
    d_past[:, : d_reads[0].numel()] = d_reads.flatten(1)
    return d_y, d_past
