"""Fused kernels: whole sequences of a core as one compiled function, forwards and backwards, on a CPU.

They give the numbers of the plain path in `cores`, which is the one to read; what a core does between two starts of
episodes is then a few milliseconds instead of some hundred operators a step. numba compiles them at their first use,
once for a machine: the machine code is kept in a cache folder. Nothing here is imported before a kernel is wanted.
"""

from typing import Literal

import torch
from jaxtyping import Shaped
from torch import Tensor

from .cache import find_numba

Fast = Literal["auto", "off"]


def serves(fast: Fast, like: Shaped[Tensor, "..."]) -> bool:
    """Whether a kernel can take the place of the plain path.

    Args:
        fast: "off" always takes the plain path.
        like: a parameter of the core: the kernels run on the CPU, for float32 and float64.
    """
    return (
        fast == "auto"
        and like.device.type == "cpu"
        and like.dtype in (torch.float32, torch.float64)
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled("cpu")
        and find_numba()
    )
