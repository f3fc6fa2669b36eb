"""How much memory there is for experience: what can't fit is refused before it is collected."""

import math

from gymnasium import spaces
from torch import Tensor

from ... import tree
from ...envs.allocation import free_memory
from ...errors import FoveateError
from ...tree import Tree
from .time_step import Environments, TimeStep

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


class Room:
    """The memory for the steps of one collection: what is known not to fit is refused before it, the rest during it.

    Args:
        environments: where it is played.
        now: the present time step, which says what a step takes.
        known: how many steps it will be; None where nobody knows.
        remedy: what to do where it doesn't fit.

    Raises:
        FoveateError: it doesn't fit.
    """

    def __init__(self, environments: Environments, now: TimeStep, known: int | None, remedy: str):
        self.worlds, self.remedy = environments.num_envs, remedy
        each, free = step_bytes(now.observation, now.target, now.target_set), free_memory(environments.device)
        if environments.rows is not None:  # every process holds what all have played
            each *= environments.rows.processes.size
        self.most = max(1, free // max(each, 1)) if known is None else None
        if known is not None:
            check_fits(each * known, free, f"a rollout of {known:,} steps in {self.worlds} worlds", remedy)

    def check(self, steps: int) -> None:
        """Refuse one more step than these where there is no room for it.

        Raises:
            FoveateError: there is none.
        """
        if steps == self.most:
            raise FoveateError(
                f"episodes of more than {steps:,} steps in {self.worlds} worlds don't fit into memory: {self.remedy}."
            )
