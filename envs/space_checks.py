"""Whether a space can be used at all, and whether an environment's fits what a policy was made for."""

import numpy as np
from gymnasium import spaces

from ..errors import FoveateError
from .observations import is_wide, seen_space
from .spaces import from_json, kind_of, to_json


def check_space(space: spaces.Space, what: str) -> None:
    """Refuse a space before anything is built for it: of an unknown kind, empty, or one that no checkpoint could hold.

    Args:
        space: of observations or actions.
        what: which of them, for the message.

    Raises:
        FoveateError: it can't be used.
    """
    if not isinstance(space, spaces.Space):
        raise FoveateError(f"the {what} space must be a space of Gymnasium, got {space!r}.")
    kind_of(space, f"the {what} space")
    parts = space.spaces if isinstance(space, spaces.Dict) else {}
    if (isinstance(space, spaces.Dict) and not parts) or 0 in (space.shape or ()):
        raise FoveateError(f"the {what} space {space} is empty: it must hold at least one number.")
    for name, part in parts.items():
        if not isinstance(name, str):
            raise FoveateError(f"the {what} space: parts must have names that are text, got {name!r}.")
        check_space(part, f"{what}[{name!r}]")
    try:
        again = space if parts else from_json(to_json(space))  # else a training would be lost
    except FoveateError as error:
        raise FoveateError(f"the {what} space {space} can't be used: {error}") from error
    if not _same(space, again, True) or again.dtype != space.dtype:
        raise FoveateError(f"the {what} space {space} can't be used: a checkpoint would hold {to_json(space)}.")


def check_same(wanted: spaces.Space, given: spaces.Space, what: str) -> None:
    """Refuse an environment whose space isn't the one that a policy was made for.

    Of observations, what a policy doesn't read may differ: bounds, further parts of a Dict, where channels stand.

    Args:
        wanted: the policy's.
        given: the environment's.
        what: "observations" or "actions".

    Raises:
        FoveateError: they differ; the message names both.
    """
    actions = what == "actions"
    if not _same(wanted, given if actions else seen_space(given), actions):
        raise FoveateError(f"the agent was made for {what} of {wanted}, and this environment has {given}.")


def _same(wanted: spaces.Space, given: spaces.Space, actions: bool) -> bool:
    if isinstance(wanted, spaces.Dict):
        if not isinstance(given, spaces.Dict) or not wanted.spaces.keys() <= given.spaces.keys():
            return False
        if actions and len(given.spaces) > len(wanted.spaces):
            return False
        return all(_same(part, given.spaces[name], actions) for name, part in wanted.spaces.items())
    if isinstance(wanted, spaces.Box):
        if not isinstance(given, spaces.Box) or given.shape != wanted.shape:
            return False
        if actions:
            return bool(np.allclose(wanted.low, given.low) and np.allclose(wanted.high, given.high))
        # bytes are scaled, and so are other pictures from 0 to 255
        return (given.dtype == np.uint8, is_wide(given)) == (wanted.dtype == np.uint8, is_wide(wanted))
    if isinstance(wanted, spaces.MultiDiscrete) and isinstance(given, spaces.MultiDiscrete):
        return np.array_equal(wanted.nvec, given.nvec) and np.array_equal(wanted.start, given.start)
    if isinstance(wanted, spaces.Discrete) and isinstance(given, spaces.Discrete):
        return (int(wanted.n), int(wanted.start)) == (int(given.n), int(given.start))
    return isinstance(given, type(wanted)) and given.shape == wanted.shape
