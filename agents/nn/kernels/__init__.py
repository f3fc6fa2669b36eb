"""Fused kernels: whole sequences of a core as one compiled function, forwards and backwards.

They give the numbers of the plain path in `cores`, which is the one to read; what a core does between two starts of
episodes is then a few milliseconds instead of some hundred operators a step. On a CPU numba compiles them at their
first use, once for a machine: the machine code is kept in a cache folder. On a GPU (`gpu`) Triton does, and keeps it
likewise. Nothing here is imported before a kernel is wanted.
"""

import functools
import importlib.util
from typing import Literal

import torch
from jaxtyping import Shaped
from torch import Tensor

from .cache import find_numba

Fast = Literal["auto", "off"]


@functools.cache
def find_triton() -> bool:
    """Whether Triton is installed, as it is with PyTorch for CUDA; it isn't imported."""
    return importlib.util.find_spec("triton") is not None


def serves(fast: Fast, like: Shaped[Tensor, "..."], device: str = "cpu") -> bool:
    """Whether a kernel can take the place of the plain path.

    Args:
        fast: "off" always takes the plain path.
        like: a parameter of the core: the kernels are for float32 and float64.
        device: where the kernel runs, "cpu" or "cuda".
    """
    return (
        fast == "auto"
        and like.device.type == device
        and like.dtype in (torch.float32, torch.float64)
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled(device)
        and (find_numba() if device == "cpu" else find_triton())
    )
