"""Compiled kernels of the worlds: what numba does on a CPU in one pass where tensors would take many, and much memory.

They give bit for bit what the tensor functions give, which are the ones to read, and which every other device takes.
numba compiles them at their first use, once for a machine. Nothing here imports numba before a kernel is wanted.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...compiled import KernelCache, find_numba

_MODULES = {
    "courts": "screens",
    "roads": "screens",
    "balls": "games",
    "drives": "games",
    "answers": "scripts",
    "copies": "scripts",
    "maze_views": "mazes",
    "covered": "convex_hulls",
    "taken_rows": "rows",
    "random_uniform": "random_bits",
    "random_integers": "random_bits",
}
_CACHE = KernelCache(Path(__file__).parent)
FEWEST = 64  # worlds for which a kernel is worth the time that loading numba takes
_LOADED: dict[str, Callable[..., Any]] = {}


def serves(device: torch.device) -> bool:
    """Whether kernels can take the place of tensor functions on this device."""
    return device.type == "cpu" and find_numba()


def worth_it(name: str, device: torch.device, worlds: int) -> bool:
    """Whether a kernel shall take the place of a tensor function: for a few worlds only if it is loaded already.

    Args:
        name: the kernel's.
        device: of the tensors.
        worlds: how many worlds it is for.
    """
    return serves(device) and (worlds >= FEWEST or name in _LOADED)


def arrays(tensors: Iterable[Tensor]) -> tuple[np.ndarray, ...]:
    """Tensors on a CPU as arrays for a kernel, without a copy unless their numbers are scattered."""
    return tuple(tensor.contiguous().numpy() for tensor in tensors)


def kernel(name: str) -> Callable[..., Any]:
    """A kernel, compiled or loaded at its first call.

    Args:
        name: of the kernel, and of its module in this package unless that holds several.
    """
    if name not in _LOADED:
        import importlib

        with _CACHE.imports():
            function = getattr(importlib.import_module(f".{_MODULES.get(name, name)}", __name__), name)
        _LOADED[name] = _saying_so(name, function)
    return _LOADED[name]


def _saying_so(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose first call in a process says what is waited for."""

    def first(*arguments: Any) -> Any:
        with _CACHE.said_once(name, "worlds"):
            result = function(*arguments)
        _LOADED[name] = function
        return result

    return first
