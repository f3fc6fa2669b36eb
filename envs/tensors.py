"""Between Gymnasium spaces and tensors: actions checked on their way in, observations on their way out."""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..errors import FoveateError
from .batch import Tensors


def action_to_tensors(
    space: spaces.Space, action: Any, batch: int, device: torch.device, part: str = "action"
) -> Tensors:
    """The actions of a batch as tensors, checked against the space of one.

    A `Box` part is clipped to its bounds (infinities too). Refused with an error: NaN, a wrong shape or kind,
    and values outside a discrete space. Tensors that are on a GPU already are trusted except for the
    clipping, since looking at their values would wait for the device.

    Args:
        space: the action space of one world.
        action: an array, a tensor or, for a `Dict` space, a mapping of them, each (B, …).
        batch: B.
        device: where the result lives.
        part: how errors call this part of the action.
    """
    if isinstance(space, spaces.Dict):
        if not hasattr(action, "keys") or set(action.keys()) != set(space.spaces):
            given = sorted(action.keys()) if hasattr(action, "keys") else type(action).__name__
            raise FoveateError(f"{part} must be a mapping with the keys {sorted(space.spaces)}, got {given}.")
        return {
            key: action_to_tensors(sub, action[key], batch, device, f"{part}[{key!r}]")  # type: ignore[misc]
            for key, sub in space.spaces.items()
        }
    try:
        given = action if isinstance(action, Tensor) else torch.as_tensor(np.asarray(action))
    except (TypeError, ValueError) as error:
        raise FoveateError(f"{part}={action!r} is no array of numbers.") from error
    shape = (batch, *(space.shape or ()))
    if tuple(given.shape) != shape:
        raise FoveateError(f"{part} has shape {tuple(given.shape)}, allowed is {shape}.")
    trusted = given.device.type != "cpu"
    if isinstance(space, spaces.Box):
        value = given.to(device, torch.float32)
        if not trusted and bool(value.isnan().any()):
            raise FoveateError(f"{part} has NaN in it; allowed are numbers, clipped to the space's bounds.")
        low, high = space.low.flat[0], space.high.flat[0]
        if (space.low == low).all() and (space.high == high).all():
            return value.clamp(float(low), float(high))
        return value.clamp(torch.as_tensor(space.low, device=device), torch.as_tensor(space.high, device=device))
    if not trusted:
        _check_discrete(space, given, part)
    return given.to(device, torch.int64, copy=True)  # a world may keep it, and the caller may write into theirs


def _check_discrete(space: spaces.Space, given: Tensor, part: str) -> None:
    if given.is_floating_point() and not bool((given == given.round()).all()):  # NaN differs from itself
        raise FoveateError(f"{part} must hold whole numbers, got {given.tolist()}.")
    if isinstance(space, spaces.Discrete):
        low, high = torch.tensor(int(space.start)), torch.tensor(int(space.start + space.n - 1))
    elif isinstance(space, spaces.MultiDiscrete):
        low = torch.as_tensor(space.start)
        high = torch.as_tensor(space.start + space.nvec - 1)
    elif isinstance(space, spaces.MultiBinary):
        low, high = torch.tensor(0), torch.tensor(1)
    else:
        raise FoveateError(f"{part}: spaces of type {type(space).__name__} are not supported.")
    if bool(((given < low) | (given > high)).any()):
        raise FoveateError(f"{part}={given.tolist()} is out of range: allowed is {low.tolist()} to {high.tolist()}.")


def to_numpy(value: Any) -> Any:
    """Tensors of a (nested) dict as numpy arrays; on the CPU without a copy."""
    if isinstance(value, dict):
        return {key: to_numpy(item) for key, item in value.items()}
    return value.cpu().numpy() if isinstance(value, Tensor) else value


def pick(value: Any, index: int) -> Any:
    """Entry `index` of each array of a (nested) dict of arrays or tensors (B, …)."""
    if isinstance(value, dict):
        return {key: pick(item, index) for key, item in value.items()}
    return value[index]
