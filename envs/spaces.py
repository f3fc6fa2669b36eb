"""What foveate knows of Gymnasium's spaces: one entry in `KINDS` for each kind, and the functions that ask it.

An action is read and checked (`action_reader`) and sampled (`sample`), an observation is flattened to a vector
(`flat_size`, `flatten`), a space is written to a checkpoint and read back (`to_json`, `from_json`). A new kind of space
is one more entry here, and one in `foveate.agents.nn.heads` if a policy shall choose from it.
"""

import abc
import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ..errors import FoveateError, check_choice
from ..tree import Tree
from .actions import NumbersReader, PartsReader, Reader, WholeNumbersReader
from .counter_rng import CounterRNG
from .plain_json import DTYPES, bound_of, shape_of, type_of, whole, whole_type

S = TypeVar("S", bound=spaces.Space)
Json = Mapping[str, object]


class Kind(abc.ABC, Generic[S]):
    """One kind of space.

    Attributes:
        space_class: Gymnasium's class.
    """

    space_class: ClassVar[type[spaces.Space]]

    @abc.abstractmethod
    def reader(self, space: S, batch: int, device: torch.device, part: str) -> Reader:
        """Arguments as in `action_reader`."""

    @abc.abstractmethod
    def sample(self, space: S, rng: CounterRNG, name: str) -> Tree:
        """As `sample`."""

    def flat_size(self, space: S) -> int:
        """As `flat_size`; here for numbers that are taken as they are."""
        return math.prod(space.shape or ())

    def flatten(self, space: S, value: Tree) -> Tensor:
        """As `flatten`; here for numbers that are taken as they are."""
        return to_floats(value.reshape(len(value), -1))

    @abc.abstractmethod
    def to_json(self, space: S) -> dict[str, object]:
        """What tells the space from others of its kind."""

    @abc.abstractmethod
    def from_json(self, data: Json) -> S:
        """The inverse of `to_json`."""

    def counts(self, space: S) -> list[int] | None:
        """As `counts`."""
        return None


class BoxKind(Kind[spaces.Box]):
    space_class = spaces.Box

    def reader(self, space: spaces.Box, batch: int, device: torch.device, part: str) -> Reader:
        low, high = torch.as_tensor(space.low, device=device), torch.as_tensor(space.high, device=device)
        return NumbersReader(low, high, (batch, *space.shape), part)

    def sample(self, space: spaces.Box, rng: CounterRNG, name: str) -> Tensor:
        u = rng.uniform(name, *space.shape)  # (B, …)
        low, high = torch.as_tensor(space.low, device=u.device), torch.as_tensor(space.high, device=u.device)
        return low + u * (high - low)

    def to_json(self, space: spaces.Box) -> dict[str, object]:
        bounds = {"low": bound_of(space.low), "high": bound_of(space.high)}
        return {**bounds, "shape": list(space.shape), "dtype": str(space.dtype)}

    def from_json(self, data: Json) -> spaces.Box:
        check_choice("dtype", data["dtype"], DTYPES)
        shape, dtype = shape_of(data["shape"]), np.dtype(str(data["dtype"]))
        low, high = (np.broadcast_to(np.asarray(data[k], dtype=dtype), shape).copy() for k in ("low", "high"))
        return spaces.Box(low, high, shape, dtype.type)


class DiscreteKind(Kind[spaces.Discrete]):
    space_class = spaces.Discrete

    def reader(self, space: spaces.Discrete, batch: int, device: torch.device, part: str) -> Reader:
        least = np.asarray(int(space.start))  # of no narrow type that the sum could leave
        return WholeNumbersReader(least, least + int(space.n) - 1, (batch,), device, part)

    def sample(self, space: spaces.Discrete, rng: CounterRNG, name: str) -> Tensor:
        return rng.integers(name, int(space.n)) + int(space.start)

    def flat_size(self, space: spaces.Discrete) -> int:
        return int(space.n)

    def flatten(self, space: spaces.Discrete, value: Tensor) -> Tensor:
        return F.one_hot(value.long() - int(space.start), int(space.n)).float()

    def to_json(self, space: spaces.Discrete) -> dict[str, object]:
        return {"n": int(space.n), "start": int(space.start), **whole_type(space)}

    def from_json(self, data: Json) -> spaces.Discrete:
        return spaces.Discrete(whole(data["n"]), start=whole(data["start"]), **type_of(data))

    def counts(self, space: spaces.Discrete) -> list[int]:
        return [int(space.n)]


class MultiDiscreteKind(Kind[spaces.MultiDiscrete]):
    space_class = spaces.MultiDiscrete

    def reader(self, space: spaces.MultiDiscrete, batch: int, device: torch.device, part: str) -> Reader:
        least, count = (np.asarray(each, dtype=np.int64) for each in (space.start, space.nvec))
        return WholeNumbersReader(least, least + count - 1, (batch, *space.shape), device, part)

    def sample(self, space: spaces.MultiDiscrete, rng: CounterRNG, name: str) -> Tensor:
        u = rng.uniform(name, *space.shape)  # (B, …)
        least, count = (torch.as_tensor(each.astype(np.int64), device=u.device) for each in (space.start, space.nvec))
        return least + (u * count).long()

    def flat_size(self, space: spaces.MultiDiscrete) -> int:
        return int(space.nvec.sum())

    def flatten(self, space: spaces.MultiDiscrete, value: Tensor) -> Tensor:
        least = torch.as_tensor(space.start.astype(np.int64), device=value.device)
        numbers = (value.long() - least).flatten(1).unbind(-1)
        return torch.cat([F.one_hot(v, n).float() for v, n in zip(numbers, self.counts(space), strict=True)], -1)

    def to_json(self, space: spaces.MultiDiscrete) -> dict[str, object]:
        return {"nvec": space.nvec.tolist(), "start": space.start.tolist(), **whole_type(space)}

    def from_json(self, data: Json) -> spaces.MultiDiscrete:
        nvec, start = (np.asarray(data[name], dtype=np.int64) for name in ("nvec", "start"))
        return spaces.MultiDiscrete(nvec, start=start, **type_of(data))

    def counts(self, space: spaces.MultiDiscrete) -> list[int]:
        return [int(n) for n in space.nvec.flat]


class MultiBinaryKind(Kind[spaces.MultiBinary]):
    space_class = spaces.MultiBinary

    def reader(self, space: spaces.MultiBinary, batch: int, device: torch.device, part: str) -> Reader:
        return WholeNumbersReader(np.asarray(0), np.asarray(1), (batch, *space.shape), device, part)

    def sample(self, space: spaces.MultiBinary, rng: CounterRNG, name: str) -> Tensor:
        return rng.integers(name, 2, *space.shape)

    def to_json(self, space: spaces.MultiBinary) -> dict[str, object]:
        return {"shape": list(space.shape)}

    def from_json(self, data: Json) -> spaces.MultiBinary:
        return spaces.MultiBinary(shape_of(data["shape"]))

    def counts(self, space: spaces.MultiBinary) -> list[int]:
        return [2] * math.prod(space.shape)


class DictKind(Kind[spaces.Dict]):
    space_class = spaces.Dict

    def reader(self, space: spaces.Dict, batch: int, device: torch.device, part: str) -> Reader:
        parts = space.spaces.items()
        return PartsReader({key: action_reader(sub, batch, device, f"{part}[{key!r}]") for key, sub in parts}, part)

    def sample(self, space: spaces.Dict, rng: CounterRNG, name: str) -> Tree:
        return {key: sample(sub, rng, f"{name} {key}") for key, sub in space.spaces.items()}

    def flat_size(self, space: spaces.Dict) -> int:
        return sum(flat_size(sub) for sub in space.spaces.values())

    def flatten(self, space: spaces.Dict, value: Tree) -> Tensor:
        return torch.cat([flatten(sub, value[key]) for key, sub in space.spaces.items()], -1)

    def to_json(self, space: spaces.Dict) -> dict[str, object]:
        return {"spaces": {key: to_json(sub) for key, sub in space.spaces.items()}}

    def from_json(self, data: Json) -> spaces.Dict:
        """The inverse of `to_json`.

        Raises:
            TypeError: the parts are no object.
        """
        parts = data["spaces"]
        if not isinstance(parts, Mapping):
            raise TypeError("the parts of a Dict must be an object")
        # an OrderedDict keeps the order, which is that of the weights; a plain dict would be sorted
        return spaces.Dict(OrderedDict((str(key), _decoded(sub)) for key, sub in parts.items()))


KINDS: dict[str, Kind] = {
    kind.space_class.__name__: kind
    for kind in (DictKind(), BoxKind(), DiscreteKind(), MultiDiscreteKind(), MultiBinaryKind())
}


def kind_of(space: spaces.Space, what: str = "space") -> Kind:
    """The entry of a space's kind, or of that which it is a subclass of.

    Raises:
        FoveateError: there is none; `what` says in the message what the space is of.
    """
    for base in type(space).__mro__:
        kind = KINDS.get(base.__name__)
        if kind is not None and kind.space_class is base:
            return kind
    raise FoveateError(f"{what}: spaces of type {type(space).__name__} are not supported, only {', '.join(KINDS)}.")


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
    return kind_of(space, part).reader(space, batch, device, part)


def sample(space: spaces.Space, rng: CounterRNG, name: str) -> Tree:
    """Uniform members of a space, tensors (B, …); a Box must be bounded.

    Args:
        space: of one world.
        rng: of B worlds.
        name: of the random stream.
    """
    return kind_of(space, name).sample(space, rng, name)


def counts(space: spaces.Space) -> list[int] | None:
    """How many values each number of a space can have, in a row; None where they aren't counted."""
    return kind_of(space).counts(space)


def flat_size(space: spaces.Space) -> int:
    """The size of the vectors that `flatten` gives."""
    return kind_of(space, "flatten").flat_size(space)


def flatten(space: spaces.Space, value: Tree) -> Tensor:
    """Members of a space as vectors, (N, …) -> float (N, flat_size): bytes in [0, 1], counted numbers one-hot.

    Args:
        space: of one member.
        value: tensors (N, …), in a dict for a `Dict` space.
    """
    return kind_of(space, "flatten").flatten(space, value)


def to_floats(pixels: Tensor) -> Tensor:
    """Bytes scaled to [0, 1], other numbers as they are."""
    if pixels.dtype == torch.uint8:
        return pixels.float() / 255
    return pixels if pixels.is_floating_point() else pixels.float()


def to_json(space: spaces.Space) -> dict[str, object]:
    """A space as plain data, so that a checkpoint needs no pickle."""
    kind = kind_of(space, "checkpoint")
    return {"type": kind.space_class.__name__, **kind.to_json(space)}


def from_json(data: object) -> spaces.Space:
    """The space of `to_json`'s data.

    Raises:
        FoveateError: it is anything else.
    """
    try:
        return _decoded(data)
    except (KeyError, TypeError, ValueError, AssertionError, OverflowError) as error:
        if isinstance(error, FoveateError):
            raise
        raise FoveateError(f"not the description of a space: {str(data)[:200]} ({error!r}).") from error


def _decoded(data: object) -> spaces.Space:
    if not isinstance(data, Mapping):
        raise TypeError("an object is needed")
    check_choice("type of space", data["type"], KINDS)
    return KINDS[data["type"]].from_json(data)
