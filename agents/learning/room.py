"""How much memory there is for experience: what can't fit is refused before it is collected."""

import math

from gymnasium import spaces
from torch import Tensor

from ... import tree
from ...errors import FoveateError
from ...tree import Tree

GIB = 2**30
FLOAT_BYTES = 4


def step_bytes(*parts: Tree) -> int:
    """What one step takes in a rollout and its update: each tensor twice (steps, then all of them), and as floats."""
    tensors = [leaf for part in parts for leaf in tree.leaves(part) if isinstance(leaf, Tensor)]
    return sum(2 * leaf.nbytes + FLOAT_BYTES * leaf.numel() for leaf in tensors)


def space_bytes(space: spaces.Space) -> int:
    """What one observation takes."""
    if isinstance(space, spaces.Dict):
        return sum(space_bytes(part) for part in space.spaces.values())
    return math.prod(space.shape or ()) * (1 if space.dtype is None else space.dtype.itemsize)


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
