"""Which part of an observation is explained."""

import numpy as np
from gymnasium import spaces

from ...errors import FoveateError


def explained_key(space: spaces.Space) -> str | None:
    """The part of a Dict observation that is explained; None if it is no Dict.

    Raises:
        FoveateError: nothing in it can be explained.
    """
    if isinstance(space, (spaces.Box, spaces.MultiBinary)):
        return None
    if isinstance(space, spaces.Dict):
        boxes = {key: sub for key, sub in space.spaces.items() if isinstance(sub, (spaces.Box, spaces.MultiBinary))}
        if boxes:  # the picture rather than the place it is from
            return max(boxes, key=lambda key: int(np.prod(boxes[key].shape)))
    raise FoveateError(f"nothing in observations of {space} can be explained: a Box or MultiBinary is needed.")
