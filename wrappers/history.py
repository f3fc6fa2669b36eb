"""The previous action and reward beside the observation: what an agent that adapts within an episode must know."""

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from ..agents.nn.encoders import FlatEncoder
from ..envs.actions import batch_of_one
from ..errors import FoveateError
from ..tree import to_tensors


def flat_rows(encoder: FlatEncoder, rows: Any) -> np.ndarray:
    """Actions of a batch, (B, …), as float32 rows (B, n): numbers of discrete spaces one-hot."""
    return encoder(to_tensors(rows, torch.device("cpu"))).float().numpy()


def beside(space: spaces.Space, **added: spaces.Space) -> spaces.Dict:
    """An observation space with more parts; a bare one becomes the part `observation`."""
    parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {"observation": space}
    for name in added:
        if name in parts:
            raise FoveateError(f"the observation has a part called {name!r} already.")
    return spaces.Dict({**parts, **added})


def put_beside(observation: Any, **added: Any) -> dict[str, Any]:
    """An observation with more parts, as `beside` says of its space."""
    return {**(observation if isinstance(observation, dict) else {"observation": observation}), **added}


class PreviousActionReward(gym.Wrapper, gym.utils.RecordConstructorArgs):
    """The observation, what was done before it (`previous_action`, float32, one-hot) and what that brought
    (`previous_reward`, float32 (1,)); zeros at the first moment.

    Source:
        Duan et al. 2016, "RL²: fast reinforcement learning via slow reinforcement learning", section 2.2.
    """

    def __init__(self, env: gym.Env):
        gym.utils.RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        self._flat = FlatEncoder(env.action_space)
        self._blank = np.zeros(self._flat.output_size, np.float32)
        self.observation_space = beside(env.observation_space, **_spaces(len(self._blank)))

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        return put_beside(
            observation, previous_action=self._blank.copy(), previous_reward=np.zeros(1, np.float32)
        ), info

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(action)
        done = flat_rows(self._flat, batch_of_one(action))[0]
        brought = np.array([reward], dtype=np.float32)
        return (
            put_beside(observation, previous_action=done, previous_reward=brought),
            reward,
            terminated,
            truncated,
            info,
        )


class PreviousActionRewardVector(VectorWrapper):
    """`PreviousActionReward` for a vector environment with numpy observations, in all three autoreset modes."""

    def __init__(self, env: VectorEnv):
        super().__init__(env)
        check_numpy(env, type(self).__name__)
        self._mode = env.metadata["autoreset_mode"]
        self._flat = FlatEncoder(env.single_action_space)
        self._blank = np.zeros((env.num_envs, self._flat.output_size), np.float32)
        self.single_observation_space = beside(env.single_observation_space, **_spaces(self._blank.shape[1]))
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)
        self._over = np.zeros(env.num_envs, dtype=bool)

    def reset(self, *, seed: Any = None, options: dict | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        mask = None if options is None else options.get("reset_mask")
        if mask is None:
            self._last = self._blank.copy(), np.zeros((self.num_envs, 1), np.float32)
        else:
            self._last = tuple(np.where(np.asarray(mask)[:, None], 0, part) for part in self._last)
        self._over = np.zeros_like(self._over)
        return self._put(observation), info

    def _put(self, observation: Any) -> dict[str, Any]:
        action, reward = self._last
        return put_beside(observation, previous_action=action.copy(), previous_reward=reward.copy())

    def step(self, actions: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(actions)
        done = flat_rows(self._flat, actions)
        brought = np.asarray(reward, dtype=np.float32)[:, None]
        ended = np.asarray(terminated) | np.asarray(truncated)
        if "final_obs" in info:
            final = info["final_obs"].copy()
            for i in np.flatnonzero(ended):
                final[i] = put_beside(final[i], previous_action=done[i], previous_reward=brought[i])
            info = {**info, "final_obs": final}
        # where an episode begins with this observation nothing lies before it
        fresh = {AutoresetMode.SAME_STEP: ended, AutoresetMode.NEXT_STEP: self._over}.get(self._mode, ended & False)
        self._last = tuple(np.where(fresh[:, None], 0, part).astype(np.float32) for part in (done, brought))
        self._over = ended
        return self._put(observation), reward, terminated, truncated, info


def check_numpy(env: VectorEnv, wrapper: str) -> None:
    """Refuse vector environments that hand out tensors."""
    if getattr(env.unwrapped, "output", "numpy") == "torch":
        raise FoveateError(f'{wrapper} works on numpy: make the environment with output="numpy".')


def _spaces(width: int) -> dict[str, spaces.Space]:
    unbounded = lambda n: spaces.Box(-np.inf, np.inf, (n,), np.float32)  # noqa: E731
    return {"previous_action": unbounded(width), "previous_reward": unbounded(1)}
