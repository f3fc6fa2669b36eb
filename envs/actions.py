"""Actions on their way in: numbers of anybody's as tensors, checked; and those of a single environment.

What reads an action is an object and no closure, since environments are pickled on their way to workers.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..errors import FoveateError, shortened
from ..tree import Tree

Reader = Callable[[Tree], Tree]


def batch_of_one(action: Tree) -> Tree:
    """An action as that of a batch with one world; lists and tuples are numbers here."""
    if hasattr(action, "keys"):
        return {key: batch_of_one(action[key]) for key in action}
    return action[None] if isinstance(action, Tensor) else _array(action, "action")[None]


def _array(action: Tree, part: str) -> np.ndarray:
    """What was given as an array of whatever NumPy makes of it."""
    try:
        return np.asarray(action)
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:  # rows of different lengths, say
        raise FoveateError(f"{part}={shortened(action)} is no array of numbers.") from error


def as_box(space: spaces.Box, action: np.ndarray) -> np.ndarray:
    """A policy's numbers as members of a Box: within its bounds and in its type, rounded where that is a whole one."""
    within = np.clip(action, space.low, space.high)
    return (np.rint(within) if space.dtype.kind in "iub" else within).astype(space.dtype)


def as_array(action: Tree, shape: tuple[int, ...], part: str) -> np.ndarray | Tensor:
    """Numbers of the right shape: an array that can be looked at, or a tensor on a GPU.

    Raises:
        FoveateError: it holds no numbers, or has another shape.
    """
    on_gpu = isinstance(action, Tensor) and action.device.type != "cpu" and not action.is_complex()
    value = action if on_gpu else plain_array(action, part)
    if value.shape != shape:
        raise FoveateError(f"{part} has shape {tuple(value.shape)}, allowed is {shape}.")
    return value


def plain_array(value: Tree, part: str) -> np.ndarray:
    """Numbers as an array that a tensor can be made of: its byte order native, no stride negative, at most 64 bits.

    Args:
        value: an array, a number, a list of them, or a tensor on the CPU.
        part: how errors call it.

    Raises:
        FoveateError: it holds no real numbers.
    """
    if isinstance(value, Tensor):
        if value.is_complex():
            raise FoveateError(f"{part} holds complex numbers ({value.dtype}), allowed are real ones.")
        value = value.float() if value.dtype is torch.bfloat16 else value  # NumPy has no such numbers
        try:
            return value.detach().numpy()
        except (TypeError, RuntimeError) as error:  # a sparse tensor, say
            raise FoveateError(f"{part}={shortened(value)} is no array of numbers.") from error
    array = _array(value, part)
    if array.dtype.kind not in "biuf":
        raise FoveateError(f"{part}={shortened(value)} is no array of numbers.")
    if array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    elif not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array.copy() if any(stride < 0 for stride in array.strides) else array


class NumbersReader(NamedTuple):
    """Reads real numbers, clipped to bounds (infinities too).

    Attributes:
        low: the least of each, a tensor on the device where the result lives.
        high: the greatest.
        shape: of the action, (B, …).
        part: how errors call this part of the action.
    """

    low: Tensor
    high: Tensor
    shape: tuple[int, ...]
    part: str

    def __call__(self, action: Tree) -> Tensor:
        """The action as float32.

        Raises:
            FoveateError: NaN, or a wrong shape or kind.
        """
        value = as_array(action, self.shape, self.part)
        if not isinstance(value, Tensor):
            if np.count_nonzero(value != value):  # much faster than any(), as NaN alone differs from itself
                raise FoveateError(f"{self.part} has NaN in it; allowed are numbers, clipped to the space's bounds.")
            if value.dtype != np.float32:
                with np.errstate(over="ignore"):  # what is too large for float32 is clipped anyway
                    value = value.astype(np.float32)
            if self.low.device.type == "cpu" and self.low.dtype == torch.float32:  # NumPy is faster
                return torch.from_numpy(np.minimum(np.maximum(value, self.low.numpy()), self.high.numpy()))
            value = torch.from_numpy(value)
        # both make a copy: a world may keep it, and the caller may write into theirs
        return value.to(self.low.device, torch.float32).clamp(self.low, self.high)


class WholeNumbersReader(NamedTuple):
    """Reads whole numbers.

    Attributes:
        least: the smallest that is allowed, or an array of them.
        most: the largest.
        shape: of the action, (B, …).
        device: where the result lives.
        part: how errors call this part of the action.
    """

    least: np.ndarray
    most: np.ndarray
    shape: tuple[int, ...]
    device: torch.device
    part: str

    def __call__(self, action: Tree) -> Tensor:
        """The action as int64.

        Raises:
            FoveateError: numbers are not whole or out of range, or a shape is wrong.
        """
        value = self.numbers(action)
        if isinstance(value, Tensor):
            return value.to(torch.int64, copy=True).to(self.device)  # not every device has float64
        return torch.from_numpy(value).to(self.device)

    def numbers(self, action: Tree) -> np.ndarray | Tensor:
        """The same as an array of its own; a tensor only where one was given that lies on another device.

        Raises:
            FoveateError: numbers are not whole or out of range, or a shape is wrong.
        """
        value, part = as_array(action, self.shape, self.part), self.part
        if isinstance(value, Tensor):
            return value
        if value.dtype.kind == "f" and np.count_nonzero(value != np.round(value)):  # NaN differs from itself
            raise FoveateError(f"{part} must hold whole numbers, got {shortened(value.tolist())}.")
        counted, least, most = value.dtype.kind != "f", self.least, self.most
        numbers = value.astype(np.int64) if counted else value
        if counted and least.ndim == 0 and least == 0:  # negative ones are the largest of numbers without a sign
            outside = numbers.view(np.uint64) > most.item()
        else:
            outside = (value < least) | (value > most)
        if np.count_nonzero(outside):  # much faster than any()
            raise FoveateError(
                f"{part}={shortened(value.tolist())} is out of range: allowed is {least.tolist()} to {most.tolist()}."
            )
        return numbers if counted else value.astype(np.int64)


class PartsReader(NamedTuple):
    """Reads a mapping of parts.

    Attributes:
        readers: one for each part, by name.
        part: how errors call the whole.
    """

    readers: Mapping[str, Reader]
    part: str

    def __call__(self, action: Tree) -> Tree:
        """The parts, each as its reader reads it.

        Raises:
            FoveateError: the action is no mapping, or has other keys.
        """
        if not hasattr(action, "keys") or action.keys() != self.readers.keys():
            given = sorted(map(str, action.keys())) if hasattr(action, "keys") else type(action).__name__
            raise FoveateError(f"{self.part} must be a mapping with the keys {sorted(self.readers)}, got {given}.")
        return {key: reader(action[key]) for key, reader in self.readers.items()}
