"""`Foveate` for vector environments."""

from typing import cast

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from ..envs.gym_env import Seed
from ..envs.protocols import Info
from ..tree import Tree
from .beside import check_numpy
from .eye import Eye, First


class FoveateVector(VectorWrapper, gym.utils.RecordConstructorArgs):
    """`Foveate` for a vector environment with numpy observations, in all three autoreset modes.

    Row i of ``reset(seed=s)`` looks where the single wrapper around an environment at seed s + i looks.

    Args:
        env: whose rows show images as `Foveate` takes them.
        patch: side of each patch in pixels.
        scales: number of patches, each twice as wide as the one before.
        first: where an episode's first glimpse is, "random" or "centre".
    """

    def __init__(self, env: VectorEnv, patch: int = 12, scales: int = 3, first: First = "random"):
        gym.utils.RecordConstructorArgs.__init__(self, patch=patch, scales=scales, first=first)
        VectorWrapper.__init__(self, env)
        check_numpy(env, type(self).__name__)
        self.eye = Eye(env.single_observation_space, env.single_action_space, patch, scales, first)
        self.single_observation_space, self.single_action_space = self.eye.observation_space, self.eye.action_space
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)
        self.action_space = batch_space(self.single_action_space, env.num_envs)
        self._mode = env.metadata["autoreset_mode"]
        self._random = [np.random.default_rng() for _ in range(env.num_envs)]
        self._place = np.zeros((env.num_envs, 2), np.float32)
        self._over = np.zeros(env.num_envs, dtype=bool)

    def reset(self, *, seed: Seed = None, options: dict | None = None) -> tuple[dict[str, Tree], Info]:
        """Begin episodes with the gazes at their first places; the arguments are the environment's."""
        rows = range(self.num_envs)
        if isinstance(seed, (int, np.integer)):
            seeds: list[int | None] = [int(seed) + i for i in rows]
        else:
            seeds = [None for _ in rows] if seed is None else list(seed)
        mask = None if options is None else options.get("reset_mask")  # Gymnasium's own environments take it out
        observation, info = self.env.reset(seed=cast("int | None", seed), options=options)  # lists are right, too
        self._random = [r if s is None else np.random.default_rng(s) for r, s in zip(self._random, seeds, strict=True)]
        begun = np.ones(self.num_envs, dtype=bool) if mask is None else np.asarray(mask)
        self._over = self._over & ~begun
        self._begin(begun)
        return self._see(observation), info

    def step(self, actions: Tree) -> tuple[dict[str, Tree], np.ndarray, np.ndarray, np.ndarray, Info]:
        """Act in all rows, and look elsewhere.

        Raises:
            FoveateError: the locations are not two numbers a row.
        """
        own, place = self.eye.divide(actions, (self.num_envs, 2))
        observation, reward, terminated, truncated, info = self.env.step(own)
        ended = np.asarray(terminated) | np.asarray(truncated)
        self._place = place
        if "final_obs" in info:  # the observation is of the next episode already
            final = info["final_obs"].copy()
            for i in np.flatnonzero(ended):
                seen = self.eye.look(self.eye.images(np.asarray(final[i])[None]), place[i : i + 1])
                final[i] = {name: value[0] for name, value in seen.items()}
            info = {**info, "final_obs": final}
        # where an episode begins with this observation the gaze is at its first place
        fresh = {AutoresetMode.SAME_STEP: ended, AutoresetMode.NEXT_STEP: self._over}
        self._begin(fresh.get(self._mode, np.zeros_like(ended)))
        self._over = ended
        return self._see(observation), reward, terminated, truncated, info

    def _begin(self, rows: np.ndarray) -> None:
        """Put the gazes of these rows at their first places."""
        self._place = self._place.copy()
        for i in np.flatnonzero(rows):
            self._place[i] = self.eye.first_place(self._random[i])

    def _see(self, observation: np.ndarray) -> dict[str, Tree]:
        return {**self.eye.look(self.eye.images(observation), self._place)}
