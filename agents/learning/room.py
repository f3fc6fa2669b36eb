"""How much memory there is for experience: what can't fit is refused before it is collected."""

from pathlib import Path

import psutil
import torch
from gymnasium import spaces
from torch import Tensor

from ... import tree
from ...errors import FoveateError
from ...tree import Tree

GIB = 2**30
FLOAT_BYTES = 4


def free_bytes(device: torch.device) -> int:
    """Memory that can still be taken on a device; within a container, what that allows."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # PyTorch keeps some
    free = psutil.virtual_memory().available
    group = Path("/sys/fs/cgroup")
    try:
        most, taken = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return free if most == "max" else min(free, int(most) - int(taken))
    except (OSError, ValueError):  # no container, or one of another kind
        return free


def step_bytes(*parts: Tree) -> int:
    """What one step takes in a rollout and its update: each tensor twice (steps, then all of them), and as floats."""
    tensors = [leaf for part in parts for leaf in tree.leaves(part) if isinstance(leaf, Tensor)]
    return sum(2 * leaf.nbytes + FLOAT_BYTES * leaf.numel() for leaf in tensors)


def space_bytes(space: spaces.Space) -> int:
    """What one observation takes."""
    if isinstance(space, spaces.Dict):
        return sum(space_bytes(part) for part in space.spaces.values())
    count = 1
    for size in space.shape or ():
        count *= size
    return count * (1 if space.dtype is None else space.dtype.itemsize)


def check_fits(needed: int, free: int, what: str, remedy: str) -> None:
    """Refuse to collect what can't fit.

    Args:
        needed: bytes.
        free: bytes that there are.
        what: what needs them.
        remedy: what to do.

    Raises:
        FoveateError: more is needed than there is.
    """
    if needed > free:
        raise FoveateError(f"{what} needs {needed / GIB:.3g} GiB of memory, and {free / GIB:.3g} are free: {remedy}.")
