"""One error class for what a user got wrong: the message names the value and what is allowed."""

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import TypeVar, cast

Number = TypeVar("Number", int, float)
MOST = 2**62  # of a number that nothing else bounds: tensors hold no larger ones


class FoveateError(ValueError):
    """A user's mistake or an unusable file; the message says what was given and what would do."""


class FoveateWarning(UserWarning):
    """Something that goes on, but not quite as the user may think."""


def unknown(kind: str, name: object, allowed: Iterable[str]) -> FoveateError:
    """An error for a name that is not among `allowed`, with the closest allowed name as a hint.

    Args:
        kind: what the name should name, such as ``"agent"``.
        name: the name that was given.
        allowed: all names that would do.
    """
    allowed = sorted(allowed)
    return FoveateError(
        f"unknown {kind} {shortened(name)}.{hint(name, allowed)} Allowed: {', '.join(allowed) or 'none'}."
    )


def hint(name: object, allowed: Iterable[str]) -> str:
    """A sentence that asks for the closest allowed name, with a space before it; "" where none is close."""
    close = difflib.get_close_matches(str(name)[:100], list(allowed), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def check_choice(kind: str, name: object, allowed: Iterable[str]) -> str:
    """The name as a plain string, if it is one of `allowed`; else the error `unknown`."""
    allowed = list(allowed)
    if not isinstance(name, str) or name not in allowed:
        raise unknown(kind, name, allowed)
    return str(name)


def plain_number(name: str, value: object, whole: bool) -> int | float:
    """A number of Python's own, of whatever kind it was: what comes from NumPy must not change how a world behaves.

    Args:
        name: what the message calls it.
        value: the number that was given.
        whole: whether it counts something.

    Raises:
        FoveateError: it is no such number (a bool is none), or not finite.
    """
    if whole and isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    if whole or not isinstance(value, numbers.Real) or isinstance(value, bool):
        kind = "a whole number" if whole else "a number"
        raise FoveateError(f"{name}={shortened(value)} is not allowed: it must be {kind}.")
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        raise FoveateError(f"{name}={shortened(value)} is not allowed: it must be a finite number.")
    return number


def check_range(name: str, value: Number, low: Number, high: float = math.inf) -> Number:
    """The number as one of Python's own, if ``low <= value <= high``.

    Args:
        name: what the message calls it.
        value: the number that was given.
        low: the least that is allowed; an int says that `value` counts something and must be a whole number.
        high: the most that is allowed.

    Raises:
        FoveateError: `value` is outside the range, of the wrong kind, or not finite.
    """
    plain = plain_number(name, value, isinstance(low, int))
    if not low <= plain <= min(high, MOST):
        allowed = f"at least {low}" if plain < low and high == math.inf else f"between {low} and {min(high, MOST)}"
        raise FoveateError(f"{name}={shortened(value)} is not allowed: it must be {allowed}.")
    return cast(Number, plain)


def check_odd(name: str, value: int) -> int:
    """Check the width of a window that sees as far to both sides.

    Args:
        name: of the argument.
        value: given for it.

    Raises:
        FoveateError: it is no positive odd number.
    """
    check_range(name, value, 1)
    if value % 2 == 0:
        raise FoveateError(f"{name}={value} is not allowed: it must be odd, to see as far to both sides.")
    return value


def shortened(value: object) -> str:
    """How a message shows a value: a large one in part."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
