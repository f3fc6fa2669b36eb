"""Actions on their way in: numbers of anybody's as tensors, checked; and those of a single environment."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..errors import FoveateError
from ..tree import Tree

Reader = Callable[[Tree], Tree]


def batch_of_one(action: Tree) -> Tree:
    """An action as that of a batch with one world; lists and tuples are numbers here."""
    if hasattr(action, "keys"):
        return {key: batch_of_one(action[key]) for key in action}
    return action[None] if isinstance(action, Tensor) else np.asarray(action)[None]


def as_array(action: Tree, shape: tuple[int, ...], part: str) -> np.ndarray | Tensor:
    """Numbers of the right shape: an array that can be looked at, or a tensor on a GPU.

    Raises:
        FoveateError: it holds no numbers, or has another shape.
    """
    if isinstance(action, Tensor):
        value = action if action.device.type != "cpu" else action.detach().numpy()
    else:
        value = np.asarray(action)
        if value.dtype.kind not in "biuf":
            raise FoveateError(f"{part}={action!r} is no array of numbers.")
    if value.shape != shape:
        raise FoveateError(f"{part} has shape {tuple(value.shape)}, allowed is {shape}.")
    return value


def read_whole_numbers(
    least: np.ndarray, most: np.ndarray, shape: tuple[int, ...], device: torch.device, part: str
) -> Reader:
    """A reader of whole numbers.

    Args:
        least: the smallest that is allowed, or an array of them.
        most: the largest.
        shape: of the action, (B, …).
        device: where the result lives.
        part: how errors call this part of the action.

    Raises:
        FoveateError: numbers are not whole or out of range, or a shape is wrong (when the reader reads).
    """

    def read(action: Tree) -> Tensor:
        value = as_array(action, shape, part)
        if not isinstance(value, Tensor):
            if value.dtype.kind == "f" and not (value == np.round(value)).all():  # NaN differs from itself
                raise FoveateError(f"{part} must hold whole numbers, got {value.tolist()}.")
            if ((value < least) | (value > most)).any():
                raise FoveateError(
                    f"{part}={value.tolist()} is out of range: allowed is {least.tolist()} to {most.tolist()}."
                )
        return torch.as_tensor(value).to(device, torch.int64, copy=True)

    return read
