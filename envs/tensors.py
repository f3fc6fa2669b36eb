"""Between Gymnasium spaces and tensors: actions checked on their way in, observations on their way out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..errors import FoveateError

Reader = Callable[[Any], Any]


def action_reader(space: spaces.Space, batch: int, device: torch.device, part: str = "action") -> Reader:
    """A function that turns the actions of a batch into tensors, checked against the space of one.

    A `Box` part is clipped to its bounds (infinities too). Refused with an error: NaN, a wrong shape or kind,
    and values outside a discrete space. Tensors that are on a GPU already are trusted except for the
    clipping, since looking at their values would wait for the device.

    Args:
        space: the action space of one world.
        batch: B; the actions are arrays, tensors or, for a `Dict` space, mappings of them, each (B, …).
        device: where the result lives.
        part: how errors call this part of the action.
    """
    if isinstance(space, spaces.Dict):
        return _dict_reader(space, batch, device, part)
    shape = (batch, *(space.shape or ()))
    if isinstance(space, spaces.Box):
        low, high = torch.as_tensor(space.low, device=device), torch.as_tensor(space.high, device=device)

        def read_box(action: Any) -> Tensor:
            value = _as_array(action, shape, part)
            if not isinstance(value, Tensor) and np.isnan(value).any():
                raise FoveateError(f"{part} has NaN in it; allowed are numbers, clipped to the space's bounds.")
            # clamp makes a copy: a world may keep it, and the caller may write into theirs
            return torch.as_tensor(value, dtype=torch.float32, device=device).clamp(low, high)

        return read_box
    least, most = _discrete_bounds(space, part)

    def read_discrete(action: Any) -> Tensor:
        value = _as_array(action, shape, part)
        if not isinstance(value, Tensor):
            if value.dtype.kind == "f" and not (value == np.round(value)).all():  # NaN differs from itself
                raise FoveateError(f"{part} must hold whole numbers, got {value.tolist()}.")
            if ((value < least) | (value > most)).any():
                raise FoveateError(
                    f"{part}={value.tolist()} is out of range: allowed is {least.tolist()} to {most.tolist()}."
                )
        return torch.as_tensor(value).to(device, torch.int64, copy=True)

    return read_discrete


def _dict_reader(space: spaces.Dict, batch: int, device: torch.device, part: str) -> Reader:
    readers = {key: action_reader(sub, batch, device, f"{part}[{key!r}]") for key, sub in space.spaces.items()}

    def read(action: Any) -> dict[str, Any]:
        if not hasattr(action, "keys") or action.keys() != readers.keys():
            given = sorted(action.keys()) if hasattr(action, "keys") else type(action).__name__
            raise FoveateError(f"{part} must be a mapping with the keys {sorted(readers)}, got {given}.")
        return {key: reader(action[key]) for key, reader in readers.items()}

    return read


def _as_array(action: Any, shape: tuple[int, ...], part: str) -> np.ndarray | Tensor:
    """Numbers of the right shape: an array that can be looked at, or a tensor on a GPU."""
    if isinstance(action, Tensor):
        value = action if action.device.type != "cpu" else action.detach().numpy()
    else:
        value = np.asarray(action)
        if value.dtype.kind not in "biuf":
            raise FoveateError(f"{part}={action!r} is no array of numbers.")
    if value.shape != shape:
        raise FoveateError(f"{part} has shape {tuple(value.shape)}, allowed is {shape}.")
    return value


def _discrete_bounds(space: spaces.Space, part: str) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(space, spaces.Discrete):
        return np.asarray(space.start), np.asarray(space.start + space.n - 1)
    if isinstance(space, spaces.MultiDiscrete):
        return np.asarray(space.start), np.asarray(space.start + space.nvec - 1)
    if isinstance(space, spaces.MultiBinary):
        return np.asarray(0), np.asarray(1)
    raise FoveateError(f"{part}: spaces of type {type(space).__name__} are not supported.")


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


def batch_of_one(action: Any) -> Any:
    """An action as that of a batch with one world."""
    if hasattr(action, "keys"):
        return {key: batch_of_one(action[key]) for key in action}
    return action[None] if isinstance(action, Tensor) else np.asarray(action)[None]
