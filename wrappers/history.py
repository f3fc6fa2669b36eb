"""The previous action and reward beside the observation: what an agent that adapts within an episode must know."""

from typing import SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv

from .. import tree
from ..envs.actions import batch_of_one
from ..envs.spaces import flat_size, flatten
from ..tree import Tree
from .beside import Beside, BesideVector, Parts, unbounded

ACTION, REWARD = "previous_action", "previous_reward"


class _Previous:
    """What is put beside the observation.

    Args:
        space: of one action.
    """

    def __init__(self, space: spaces.Space):
        self.space = space
        self.spaces = {ACTION: unbounded(flat_size(space)), REWARD: unbounded(1)}

    def nothing(self, rows: int) -> Parts:
        """Before the first action."""
        return {name: np.zeros((rows, *space.shape), np.float32) for name, space in self.spaces.items()}

    def parts(self, actions: Tree, rewards: np.ndarray) -> Parts:
        """After actions, (B, …), and rewards, (B,)."""
        rows = flatten(self.space, tree.to_tensors(actions)).float().numpy()  # numbers of discrete spaces one-hot
        return {ACTION: rows, REWARD: np.asarray(rewards, dtype=np.float32)[:, None]}


class PreviousActionReward(Beside):
    """The observation, what was done before it (`previous_action`, float32, one-hot) and what that brought
    (`previous_reward`, float32 (1,)); zeros at the first moment.

    Source:
        Duan et al. 2016, "RL²: fast reinforcement learning via slow reinforcement learning", section 2.2.
    """

    def __init__(self, env: gym.Env):
        self._previous = _Previous(env.action_space)
        super().__init__(env, self._previous.spaces)

    def first_parts(self) -> Parts:
        return tree.index(self._previous.nothing(1), 0)

    def next_parts(self, action: Tree, reward: SupportsFloat) -> Parts:
        return tree.index(self._previous.parts(batch_of_one(action), np.array([reward], dtype=np.float32)), 0)


class PreviousActionRewardVector(BesideVector):
    """`PreviousActionReward` for a vector environment with numpy observations, in all three autoreset modes."""

    def __init__(self, env: VectorEnv):
        self._previous = _Previous(env.single_action_space)
        super().__init__(env, self._previous.spaces)
        self._mode = env.metadata["autoreset_mode"]
        self._parts = self._previous.nothing(env.num_envs)
        self._over = np.zeros(env.num_envs, dtype=bool)

    def first_parts(self, mask: np.ndarray | None) -> Parts:
        self._over = np.zeros_like(self._over)
        nothing = self._previous.nothing(self.num_envs)
        return self._keep(nothing if mask is None else tree.where(mask, nothing, self._parts))

    def next_parts(self, actions: Tree, reward: np.ndarray, ended: np.ndarray) -> Parts:
        # where an episode begins with this observation nothing lies before it
        fresh = {AutoresetMode.SAME_STEP: ended, AutoresetMode.NEXT_STEP: self._over}.get(self._mode, ended & False)
        self._over = ended
        nothing = self._previous.nothing(self.num_envs)
        return self._keep(tree.where(fresh, nothing, self._previous.parts(actions, reward)))

    def final_parts(self, actions: Tree, reward: np.ndarray) -> Parts:
        return self._previous.parts(actions, reward)

    def _keep(self, parts: Parts) -> Parts:
        """A copy for the caller, who may write into it."""
        self._parts = parts
        return tree.map(np.copy, parts)
