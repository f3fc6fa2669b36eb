"""Compiled kernels of the worlds: what numba does on a CPU in one pass where tensors would take many, and much memory.

They give bit for bit what the tensor functions give, which are the ones to read, and which every other device takes.
numba compiles them at their first use, once for a machine. Nothing here imports numba before a kernel is wanted.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ...compiled import KernelCache, find_numba

_CACHE = KernelCache(Path(__file__).parent, seconds=10)
_LOADED: dict[str, Callable[..., Any]] = {}


def serves(device: torch.device) -> bool:
    """Whether kernels can take the place of tensor functions on this device."""
    return device.type == "cpu" and find_numba()


def loaded(module: str) -> bool:
    """Whether a kernel was called in this process already."""
    return module in _LOADED


def kernel(module: str) -> Callable[..., Any]:
    """The kernel of a module of this package, of the same name; compiled or loaded at its first call.

    Args:
        module: its name.
    """
    if module not in _LOADED:
        import importlib

        with _CACHE.imports():
            function = getattr(importlib.import_module(f".{module}", __name__), module)
        _LOADED[module] = _saying_so(module, function)
    return _LOADED[module]


def _saying_so(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose first call in a process says what is waited for."""

    def first(*arguments: Any) -> Any:
        with _CACHE.said_once(name, "worlds"):
            result = function(*arguments)
        _LOADED[name] = function
        return result

    return first
