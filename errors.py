"""One error class for what a user got wrong: the message names the value and what is allowed."""

import difflib
import numbers
from collections.abc import Iterable


class FoveateError(ValueError):
    """A user's mistake or an unusable file; the message says what was given and what would do."""


def unknown(kind: str, name: object, allowed: Iterable[str]) -> FoveateError:
    """An error for a name that is not among `allowed`, with the closest allowed name as a hint.

    Args:
        kind: what the name should name, such as ``"agent"``.
        name: the name that was given.
        allowed: all names that would do.
    """
    allowed = sorted(allowed)
    close = difflib.get_close_matches(str(name), allowed, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return FoveateError(f"unknown {kind} {name!r}.{hint} Allowed: {', '.join(allowed) or 'none'}.")


def check_choice(kind: str, name: object, allowed: Iterable[str]) -> None:
    """Raise `unknown` unless `name` is one of `allowed`."""
    allowed = list(allowed)
    if name not in allowed:
        raise unknown(kind, name, allowed)


def check_range(name: str, value: float, low: float, high: float = float("inf")) -> None:
    """Refuse a number outside ``low <= value <= high``, and NaN.

    Args:
        name: what the message calls it.
        value: the number that was given.
        low: the least that is allowed; an int says that `value` counts something and must be a whole number.
        high: the most that is allowed.

    Raises:
        FoveateError: `value` is outside the range or of the wrong kind.
    """
    whole = isinstance(low, int)
    kind = "a whole number" if whole else "a number"
    if not isinstance(value, numbers.Integral if whole else numbers.Real):
        raise FoveateError(f"{name}={value!r} is not allowed: it must be {kind}.")
    if not low <= value <= high:
        allowed = f"at least {low}" if high == float("inf") else f"between {low} and {high}"
        raise FoveateError(f"{name}={value!r} is not allowed: it must be {allowed}.")
