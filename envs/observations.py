"""Observations on their way in: whatever an environment gives, as tensors of one layout and few types.

A policy reads its observations through one gate, an `ObservationReader` (`Policy.read`), whoever brings them:

    pictures    channels first, (C, H, W); those that come as (H, W, C) are transposed. Bytes stay bytes, whatever else
                goes from 0 to 255 becomes floats in [0, 1]
    numbers     bytes stay bytes and floats are float32; numbers of another type than their space's become of that type
    arrays      of any byte order and stride; copied, since an environment may write its next observation over them
"""

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..errors import FoveateError
from ..tree import Tree
from .actions import plain_array

# types that torch can't compute with, or not on every device (an Apple GPU has no float64), and what stands for them
_COMPUTED_AS = {"float16": "float32", "float64": "float32", "uint16": "int64", "uint32": "int64", "uint64": "float32"}
_WHOLE = (spaces.Discrete, spaces.MultiDiscrete)


def as_tensor(value: Tree, part: str, device: torch.device | str = "cpu") -> Tensor:
    """Numbers of an environment as a tensor that is nobody else's, of a type that every device has.

    Args:
        value: an array, a number or a list of them, or a tensor, which stays as it is where it can.
        part: how errors call it.
        device: where the tensor lives.
    """
    if isinstance(value, Tensor):
        return (value.float() if value.dtype is torch.float64 else value).to(device)
    array = plain_array(value, part)
    kind = "int64" if array.dtype == np.uint64 else _COMPUTED_AS.get(array.dtype.name, array.dtype.name)
    return torch.from_numpy(np.array(array, kind)).to(device)  # a copy


def _white(space: spaces.Space) -> int | None:
    """What is white in pictures of a space, 1 or 255, if these are pictures: three dimensions, from 0 to white."""
    if not isinstance(space, spaces.Box) or len(space.shape) != 3 or not (space.low == 0).all():
        return None
    return next((white for white in (1, 255) if (space.high == white).all()), None)


def is_wide(space: spaces.Space) -> bool:
    """Whether a space is one of pictures from 0 to 255 that are no bytes: a policy sees them as floats in [0, 1]."""
    return space.dtype != np.uint8 and _white(space) == 255


def channels_last(space: spaces.Space) -> bool:
    """Whether a space is one of pictures (H, W, C): bytes from 0 to 255, or other numbers from 0 to 1 or 255.

    They have fewer channels than rows and columns.
    """
    if not isinstance(space, spaces.Box) or _white(space) not in ((255,) if space.dtype == np.uint8 else (1, 255)):
        return False
    height, width, channels = space.shape
    return channels < min(height, width)


def seen_space(space: spaces.Space) -> spaces.Space:
    """A space of observations as a policy sees it: the same, but that pictures (H, W, C) become (C, H, W)."""
    if isinstance(space, spaces.Dict):
        parts = OrderedDict((name, seen_space(part)) for name, part in space.spaces.items())  # which keeps the order
        return spaces.Dict(parts) if any(part is not space.spaces[name] for name, part in parts.items()) else space
    if isinstance(space, spaces.Box) and channels_last(space):
        return spaces.Box(space.low.transpose(2, 0, 1), space.high.transpose(2, 0, 1), dtype=space.dtype.type)
    return space


class ObservationReader:
    """Reads observations of a space, in batches or one by one.

    Args:
        space: of one observation, as a policy sees it (see `seen_space`).
        part: how errors call it.

    Attributes:
        scales: whether there are pictures from 0 to 255 that are no bytes, which become floats in [0, 1].
    """

    def __init__(self, space: spaces.Space, part: str = "observation"):
        self.space, self.part = space, part
        self.parts: dict[str, ObservationReader] = {}
        if isinstance(space, spaces.Dict):
            self.parts = {name: ObservationReader(sub, f"{part}[{name!r}]") for name, sub in space.spaces.items()}
        self._shape = tuple(space.shape or ())
        given = np.dtype(np.int64) if isinstance(space, _WHOLE) else space.dtype or np.dtype(np.float32)
        self._given = given
        self._wide = is_wide(space)
        self._array = np.dtype("float32" if self._wide else _COMPUTED_AS.get(given.name, given.name))
        self.scales = self._wide or any(reader.scales for reader in self.parts.values())
        self._tensor = torch.as_tensor(np.zeros((), self._array)).dtype
        self._last = (*self._shape[1:], self._shape[0]) if len(self._shape) == 3 else None  # (H, W, C)

    def __call__(self, observation: Tree, device: torch.device | str = "cpu", lead: int = 1, raw: bool = False) -> Tree:
        """Observations as tensors on a device: new ones, but for tensors that are right already.

        Tensors of floats for pictures from 0 to 255 are taken as scaled to [0, 1], as this gate and instruments show
        pictures to policies.

        Args:
            observation: arrays or tensors (…), in mappings for a `Dict` space, where further parts are left out.
            device: where the tensors live.
            lead: how many dimensions stand before an observation's own: 1 for a batch (B, …), 0 for a single one.
            raw: tensors too are as the environment gave them: floats of pictures, if they aren't bytes, are not scaled.

        Raises:
            FoveateError: a part is missing, or is of another shape, or holds what isn't in its space.
        """
        if isinstance(self.space, spaces.Dict):
            if not isinstance(observation, Mapping) or not self.parts.keys() <= observation.keys():
                given = list(observation) if isinstance(observation, Mapping) else type(observation).__name__
                raise FoveateError(f"{self.part} must be a mapping with the parts {list(self.parts)}, got {given}.")
            return {name: reader(observation[name], device, lead, raw) for name, reader in self.parts.items()}
        if isinstance(observation, Tensor):
            return self._from_tensor(observation, lead, raw).to(device)
        return torch.from_numpy(self._from_array(observation, lead)).to(device)

    def lead_of(self, observation: Tree) -> int:
        """How many dimensions stand before an observation's own, 0 or 1, by its first part.

        Raises:
            FoveateError: neither fits.
        """
        if self.parts and isinstance(observation, Mapping):
            name, reader = next(iter(self.parts.items()))
            return reader.lead_of(observation[name]) if name in observation else 1
        value = observation if isinstance(observation, Tensor) else plain_array(observation, self.part)
        lead = value.ndim - len(self._shape)
        if lead not in (0, 1):
            raise self._wrong_shape(tuple(value.shape))
        return lead

    def _from_tensor(self, value: Tensor, lead: int, raw: bool) -> Tensor:
        if self._wide and (raw or not value.dtype.is_floating_point):
            value = value.float() / 255
        scaled = value.dtype.is_floating_point and self._tensor is torch.uint8  # as instruments show bytes
        if value.dtype is not self._tensor and not (scaled and value.dtype is torch.float32):
            value = value.float() if scaled else value.to(self._tensor)
        shape = value.shape[lead:]
        if shape == self._shape:
            return value
        if shape == self._last and value.ndim == lead + 3:
            return value.movedim(-1, -3).contiguous()
        raise self._wrong_shape(tuple(value.shape))

    def _from_array(self, value: Tree, lead: int) -> np.ndarray:
        array = plain_array(value, self.part)
        if array.dtype.kind == "f" and self._given.kind in "iu":
            self._check_whole(array)
        shape = array.shape[lead:]
        if shape == self._last and shape != self._shape and array.ndim == lead + 3:
            array = np.moveaxis(array, -1, -3)
        elif shape != self._shape or array.ndim != lead + len(self._shape):
            raise self._wrong_shape(array.shape)
        copied = np.array(array, dtype=self._array, order="C")
        return np.divide(copied, 255, out=copied) if self._wide else copied

    def _check_whole(self, array: np.ndarray) -> None:
        """Refuse floats in a space of whole numbers that are none: a picture in [0, 1] would be black."""
        limits = np.iinfo(self._given.name)
        if not ((array == np.round(array)) & (array >= limits.min) & (array <= limits.max)).all():
            raise FoveateError(
                f"{self.part} must hold whole numbers, as its space {self.space} says, got {array.dtype} from "
                f"{array.min()} to {array.max()}."
            )

    def _wrong_shape(self, shape: tuple[int, ...]) -> FoveateError:
        return FoveateError(
            f"{self.part} has shape {tuple(shape)}, allowed is {self._shape}, of a batch of B {('B', *self._shape)}."
        )
