"""Gymnasium spaces as plain data, so that a checkpoint needs no pickle."""

import math
from collections import OrderedDict
from typing import Any

import numpy as np
from gymnasium import spaces

from ...errors import FoveateError, check_choice

MAX_ELEMENTS = 100_000_000  # a larger space in a file is a mistake, or an attempt to fill the memory
_DTYPES = ("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bool")


def encode(space: spaces.Space) -> dict[str, Any]:
    """A space as JSON data; Box, Discrete, MultiDiscrete, MultiBinary and Dict of them."""
    if isinstance(space, spaces.Dict):
        return {"type": "Dict", "spaces": {key: encode(sub) for key, sub in space.spaces.items()}}
    if isinstance(space, spaces.Box):
        bounds = {"low": _bound(space.low), "high": _bound(space.high)}
        return {"type": "Box", **bounds, "shape": list(space.shape), "dtype": str(space.dtype)}
    if isinstance(space, spaces.Discrete):
        return {"type": "Discrete", "n": int(space.n), "start": int(space.start)}
    if isinstance(space, spaces.MultiDiscrete):
        return {"type": "MultiDiscrete", "nvec": space.nvec.tolist(), "start": space.start.tolist()}
    if isinstance(space, spaces.MultiBinary):
        return {"type": "MultiBinary", "shape": list(space.shape)}
    raise FoveateError(f"spaces of type {type(space).__name__} can't be stored in a checkpoint.")


def decode(data: Any) -> spaces.Space:
    """The space of `encode`'s data; anything else is a FoveateError."""
    try:
        return _decode(data)
    except (KeyError, TypeError, ValueError, AssertionError, OverflowError) as error:
        if isinstance(error, FoveateError):
            raise
        raise FoveateError(f"not the description of a space: {str(data)[:200]} ({error!r}).") from error


def _decode(data: Any) -> spaces.Space:
    kind = data["type"]
    check_choice("type of space", kind, ["Dict", "Box", "Discrete", "MultiDiscrete", "MultiBinary"])
    if kind == "Dict":
        # an OrderedDict keeps the order, which is that of the weights; a plain dict would be sorted
        return spaces.Dict(OrderedDict((str(key), _decode(sub)) for key, sub in data["spaces"].items()))
    if kind == "Box":
        check_choice("dtype", data["dtype"], _DTYPES)
        shape, dtype = _shape(data["shape"]), np.dtype(data["dtype"])
        low, high = (np.broadcast_to(np.asarray(data[k], dtype=dtype), shape).copy() for k in ("low", "high"))
        return spaces.Box(low, high, shape, dtype.type)
    if kind == "Discrete":
        return spaces.Discrete(int(data["n"]), start=int(data["start"]))
    if kind == "MultiDiscrete":
        nvec, start = (np.asarray(data[name], dtype=np.int64) for name in ("nvec", "start"))
        return spaces.MultiDiscrete(nvec, start=start)
    return spaces.MultiBinary(_shape(data["shape"]))


def _shape(values: Any) -> tuple[int, ...]:
    shape = tuple(int(value) for value in values)
    if any(size < 0 for size in shape) or math.prod(shape) > MAX_ELEMENTS:
        raise FoveateError(f"a space of shape {shape} is not allowed: at most {MAX_ELEMENTS} elements.")
    return shape


def _bound(array: np.ndarray) -> Any:
    first = array.flat[0] if array.size else 0
    return first.item() if (array == first).all() else array.tolist()  # type: ignore[union-attr]
