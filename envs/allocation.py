"""How much memory there is, asked before much is taken: a refusal is better than a process that the system kills."""

import math
from pathlib import Path

import psutil
import torch
from gymnasium import spaces

from ..errors import FoveateError

SHARE = 0.5  # of what is free: estimates are rough, and others live on the machine
CONTAINER = Path("/sys/fs/cgroup")
NUMBER = 8  # bytes: most are smaller, but what computes them makes copies
try:
    import resource
except ImportError:  # not on Windows
    resource = None


def numbers_in(space: spaces.Space) -> int:
    """How many numbers a member of a space has."""
    if isinstance(space, spaces.Dict):
        return sum(numbers_in(part) for part in space.spaces.values())
    return math.prod(space.shape or ())


def free_memory(device: torch.device) -> int:
    """Bytes that this process could still take on a device."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # PyTorch gives it again
        return torch.cuda.mem_get_info(device)[0] + kept
    free = psutil.virtual_memory().available
    try:  # a container may allow less than the machine has
        files = (CONTAINER / "memory.max", CONTAINER / "memory.current")
        most, taken = (file.read_text(encoding="ascii").strip() for file in files)
        free = free if most == "max" else min(free, int(most) - int(taken))
    except (OSError, ValueError):
        pass
    if resource is not None:
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            free = min(free, limit - psutil.Process().memory_info().vms)
    return max(free, 0)


def check_allocation(what: str, numbers: int, device: torch.device) -> None:
    """Refuse what would take more than half of the free memory.

    Args:
        what: needs the memory, for the message; a plural.
        numbers: how many numbers it holds, about.
        device: where.

    Raises:
        FoveateError: it would.
    """
    if numbers < 1_000_000:  # asking takes longer than making a small world
        return
    free = free_memory(device)
    if numbers * NUMBER > SHARE * free:
        raise FoveateError(
            f"{what} would take about {numbers * NUMBER / 1e9:,.1f} GB of memory, allowed is half of the "
            f"{free / 1e9:,.1f} GB that are free: take smaller sizes or fewer of them."
        )
