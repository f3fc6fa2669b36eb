"""Parts beside the observation, for single and for vector environments."""

from collections.abc import Mapping
from typing import SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from .. import tree
from ..envs.gym_env import WorldVectorEnv
from ..envs.protocols import Info
from ..errors import FoveateError
from ..tree import Tree

Parts = dict[str, np.ndarray]


def unbounded(size: int) -> spaces.Box:
    """The space of float32 vectors of a size."""
    return spaces.Box(-np.inf, np.inf, (size,), np.float32)


def space_beside(space: spaces.Space, added: Mapping[str, spaces.Space]) -> spaces.Dict:
    """An observation space with more parts; a bare one becomes the part `observation`.

    Raises:
        FoveateError: it has a part of such a name already.
    """
    parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {"observation": space}
    for name in added:
        if name in parts:
            raise FoveateError(f"the observation has a part called {name!r} already.")
    return spaces.Dict({**parts, **added})


def put_beside(observation: Tree, added: Parts) -> dict[str, Tree]:
    """An observation with more parts, as `space_beside` says of its space."""
    return {**(observation if isinstance(observation, Mapping) else {"observation": observation}), **added}


class Beside(gym.Wrapper, gym.utils.RecordConstructorArgs):
    """A single environment whose observation has more parts; a subclass computes them.

    Args:
        env: a single environment.
        added: the spaces of the parts.
    """

    def __init__(self, env: gym.Env, added: Mapping[str, spaces.Space]):
        gym.utils.RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        self.observation_space = space_beside(env.observation_space, added)

    def first_parts(self) -> Parts:
        """The parts beside an episode's first observation."""
        raise NotImplementedError

    def next_parts(self, action: Tree, reward: SupportsFloat) -> Parts:
        """The parts beside the observation that an action brought."""
        raise NotImplementedError

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[dict[str, Tree], Info]:
        observation, info = self.env.reset(seed=seed, options=options)
        return put_beside(observation, self.first_parts()), info

    def step(self, action: Tree) -> tuple[dict[str, Tree], SupportsFloat, bool, bool, Info]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        return put_beside(observation, self.next_parts(action, reward)), reward, terminated, truncated, info


class BesideVector(VectorWrapper):
    """`Beside` for a vector environment with numpy observations, in all three autoreset modes.

    Args:
        env: a vector environment.
        added: the spaces of one row's parts.
    """

    def __init__(self, env: VectorEnv, added: Mapping[str, spaces.Space]):
        super().__init__(env)
        check_numpy(env, type(self).__name__)
        self.single_observation_space = space_beside(env.single_observation_space, added)
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)

    def first_parts(self, mask: np.ndarray | None) -> Parts:
        """The parts (B, …) after a reset of the rows in a mask, bool (B,); None is all of them."""
        raise NotImplementedError

    def next_parts(self, actions: Tree, reward: np.ndarray, ended: np.ndarray) -> Parts:
        """The parts (B, …) beside the observations that a step brought.

        Args:
            actions: (B, …).
            reward: (B,).
            ended: bool, (B,), where it ended an episode; with "SameStep" the observation is the next episode's there.
        """
        raise NotImplementedError

    def final_parts(self, actions: Tree, reward: np.ndarray) -> Parts:
        """The parts (B, …) beside the last observations of the episodes that a step ended, with "SameStep"."""
        raise NotImplementedError

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[dict[str, Tree], Info]:
        mask = None if options is None else options.get("reset_mask")  # Gymnasium's own environments take it out
        observation, info = self.env.reset(seed=seed, options=options)
        return put_beside(observation, self.first_parts(None if mask is None else np.asarray(mask))), info

    def step(self, actions: Tree) -> tuple[dict[str, Tree], np.ndarray, np.ndarray, np.ndarray, Info]:
        observation, reward, terminated, truncated, info = self.env.step(actions)
        ended = np.asarray(terminated) | np.asarray(truncated)
        if "final_obs" in info:
            final, parts = info["final_obs"].copy(), self.final_parts(actions, reward)
            for i in np.flatnonzero(ended):
                final[i] = put_beside(final[i], tree.index(parts, i))
            info = {**info, "final_obs": final}
        return put_beside(observation, self.next_parts(actions, reward, ended)), reward, terminated, truncated, info


def check_numpy(env: VectorEnv, wrapper: str) -> None:
    """Refuse vector environments that hand out tensors.

    Raises:
        FoveateError: this is one.
    """
    inner = env.unwrapped
    if isinstance(inner, WorldVectorEnv) and inner.output == "torch":
        raise FoveateError(f'{wrapper} works on numpy: make the environment with output="numpy".')
