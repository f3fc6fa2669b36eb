"""Numbers of spaces as plain data, and back, checked."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from ..errors import FoveateError, check_choice

MOST_ELEMENTS = 100_000_000  # a larger space in a file is a mistake, or an attempt to fill the memory
WHOLE_DTYPES = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
DTYPES = (*WHOLE_DTYPES, "float16", "float32", "float64", "bool")


def shape_of(values: object) -> tuple[int, ...]:
    """A list of sizes as a shape.

    Raises:
        TypeError: it is no list of numbers.
        FoveateError: it has too many elements, or a size below zero.
    """
    if not isinstance(values, Sequence):
        raise TypeError("a shape must be a list")
    shape = tuple(whole(value) for value in values)
    if any(size < 0 for size in shape) or math.prod(shape) > MOST_ELEMENTS:
        raise FoveateError(f"a space of shape {shape} is not allowed: at most {MOST_ELEMENTS} elements.")
    return shape


def whole(value: object) -> int:
    """A number as a whole one.

    Raises:
        TypeError: it is no number.
    """
    if not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is no number")
    return int(value)


def bound_of(array: np.ndarray) -> float | list:
    """The bounds of a Box: one number where all are the same."""
    first = np.asarray(array).flat[0] if array.size else np.zeros(())[()]
    return first.item() if (array == first).all() else array.tolist()


def whole_type(space: spaces.Discrete | spaces.MultiDiscrete) -> dict[str, object]:
    """The type of whole numbers, where it isn't the usual one."""
    return {} if space.dtype == np.int64 else {"dtype": str(space.dtype)}


def type_of(data: Mapping[str, object]) -> dict[str, Any]:
    """The inverse of `whole_type`, as arguments of a space.

    Raises:
        FoveateError: the type is none of whole numbers.
    """
    if "dtype" not in data:
        return {}
    check_choice("dtype", data["dtype"], WHOLE_DTYPES)
    return {"dtype": np.dtype(str(data["dtype"]))}
