"""Actions as environments want them, and which part of an action a target is for."""

import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from torch import Tensor

from ... import tree
from ...envs.actions import as_box
from ...envs.registry import world_class
from ...tree import Tree
from ..policies.policy import WHOLE


def to_actions(space: spaces.Space, action: Tree) -> Tree:
    """Sampled actions, tensors (B, …), as an environment wants them: numpy, in the space's type, Boxes clipped."""

    def convert(part: spaces.Space, value: Tensor) -> np.ndarray:
        array = value.numpy(force=True)
        return as_box(part, array) if isinstance(part, spaces.Box) else array.astype(part.dtype)

    return tree.map(convert, tree.of_space(space), action)


def target_part(space: spaces.Space, declared: str | None) -> str:
    """The part of an action that a bare target describes: of a Dict what the world declares."""
    if not isinstance(space, spaces.Dict) or WHOLE in space.spaces or declared is None:
        return WHOLE
    return declared


def declared_part(spec: EnvSpec | None) -> str | None:
    """The part of the action that the world behind a registered environment declares a target for, if it is ours."""
    world = None if spec is None else world_class(spec.id)
    return None if world is None else world.target_part
