"""What the kernels of all cores with an external memory share on PyTorch's side: arrays and parameters."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from .arguments import Parameters
from .cache import said_once
from .controller import Weights
from .threads import FEWEST

ROOM = 2**23  # bytes of a trace that nobody keeps: as much stays in the cache and is asked of the system once
Result = TypeVar("Result")
T = TypeVar("T")
Begin = tuple[Tensor, ...]
_CALLED: set[tuple[str, torch.dtype]] = set()  # kernels that have run in this process


class ControllerTrace(Protocol):
    """The part of a trace that parameters need for their gradient."""

    @property
    def past(self) -> np.ndarray:
        """Reads and hidden before each step, (T + 1, B, …)."""
        ...

    @property
    def hidden(self) -> np.ndarray:
        """The controller's output, (T, B, hidden)."""
        ...


def forwards(parameters: Parameters) -> Weights:
    """As the loops of the forward pass want them."""
    return Weights(array(parameters.past.mT), array(parameters.interface.mT), array(parameters.bias))


def backwards(parameters: Parameters) -> Weights:
    """As the loops of the backward pass want them."""
    return Weights(array(parameters.past), array(parameters.interface), array(parameters.bias))


def ending(d_end: Tensor | None, like: np.ndarray) -> np.ndarray:
    """The derivative with respect to a part of the state after a piece, to be carried to its begin.

    Args:
        d_end: None where the loss doesn't depend on that part.
        like: the part.
    """
    return np.zeros(like.shape, like.dtype) if d_end is None else np.array(numbers(d_end), order="C")


def from_the_end(
    trace: ControllerTrace, reads: int, d_y: Tensor | None, d_reads: Tensor | None, d_hidden: Tensor | None
) -> tuple[np.ndarray, np.ndarray]:
    """Where a gradient begins: d_y with the last hidden vector's own, and that of the controller's past.

    Args:
        trace: of the forward pass.
        reads: R W.
        d_y: (T, B, hidden + R W).
        d_reads: of the last reads as a part of the state, (B, R, W).
        d_hidden: of the last hidden vector as a part of the state, (B, hidden).
    """
    steps, batch, size = trace.hidden.shape
    if d_y is None:
        outer = np.zeros((steps, batch, size + reads), trace.hidden.dtype)
    else:
        outer = array(d_y) if d_hidden is None else np.array(numbers(d_y), order="C")
    if d_hidden is not None:
        outer[-1, :, :size] += numbers(d_hidden)
    d_past = np.zeros(trace.past.shape[1:], trace.past.dtype)
    if d_reads is not None:
        d_past[:, :reads] = numbers(d_reads.flatten(1))
    return outer, d_past


def to_the_begin(d_past: np.ndarray, heads: int, reads: int, hidden: int) -> tuple[Tensor, Tensor]:
    """Where a gradient ends: the derivatives with respect to the reads, (B, R, W), and the hidden vector, (B, hidden).

    Args:
        d_past: of both, or of the reads alone where the controller has no cell and nobody asks for its hidden vector.
        heads: R.
        reads: R W.
        hidden: its size.
    """
    batch, size = d_past.shape
    d_reads = torch.from_numpy(d_past[:, :reads].reshape(batch, heads, -1))
    return d_reads, torch.from_numpy(d_past[:, reads:] if size > reads else np.zeros((batch, hidden), d_past.dtype))


def keep(ctx: FunctionCtx, parameters: Iterable[Tensor], trace: Iterable[np.ndarray]) -> None:
    """Save what a backward pass needs as tensors, which PyTorch may take away and have computed again (checkpointing).

    Args:
        ctx: of an `autograd.Function`.
        parameters: inputs.
        trace: what the forward pass left behind.
    """
    ctx.save_for_backward(*parameters, *map(torch.from_numpy, trace))


def kept(ctx: FunctionCtx, trace: Callable[..., T]) -> tuple[tuple[Tensor, ...], T]:
    """What `keep` saved: parameters, and the trace made of its arrays.

    Args:
        ctx: of the same function.
        trace: a NamedTuple's class.
    """
    saved = ctx.saved_tensors  # type: ignore[attr-defined]
    count = len(saved) - len(trace._fields)  # type: ignore[attr-defined]
    return saved[:count], trace(*(part.numpy() for part in saved[count:]))


def call(kernel: str, dtype: torch.dtype, run: Callable[[], Result]) -> Result:
    """A kernel's result; who waits for its first call is told what for."""
    if (kernel, dtype) in _CALLED:
        return run()
    with said_once(kernel, str(dtype).removeprefix("torch.")):
        result = run()
    _CALLED.add((kernel, dtype))
    return result


def by_parts(run: Callable[..., tuple[Tensor, ...]], drive: Tensor, kept: Parameters, begin: Begin) -> list[Tensor]:
    """``run(drive, *kept, *begin)``; where nobody wants a gradient, of a few worlds after the other.

    What a backward pass would need is then written again and again into the same memory, not once into memory for all.

    Args:
        run: y, (T, B, …), and the state after a piece, (B, …).
        drive: of the piece, (T, B, …).
        kept: parameters.
        begin: the state before it, (B, …).
    """
    batch, given = drive.shape[1], (drive, *kept, *begin)
    each = (len(drive) + 1) * sum(part[0].nbytes for part in begin)
    some = max(FEWEST * torch.get_num_threads(), ROOM // max(each, 1))
    if some >= batch or (torch.is_grad_enabled() and any(part.requires_grad for part in given)):
        return list(run(*given))
    cuts = [slice(first, first + some) for first in range(0, batch, some)]
    parts = [run(drive[:, cut], *kept, *(part[cut] for part in begin)) for cut in cuts]
    y, *after = zip(*parts, strict=True)
    return [torch.cat(y, 1), *map(torch.cat, after)]


def numbers(tensor: Tensor) -> np.ndarray:
    """A tensor's numbers as they lie."""
    return tensor.detach().numpy()


def array(tensor: Tensor) -> np.ndarray:
    """A tensor's numbers in C order; only what doesn't lie so is copied, by NumPy in half of PyTorch's time."""
    return np.ascontiguousarray(numbers(tensor))


def tensor(numbers: np.ndarray) -> Tensor:
    """A copy that outlives the array."""
    return torch.from_numpy(np.array(numbers, order="C"))
