"""The true state beside the observation: with it a task needs no memory, so what is left is how hard it is to act."""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from ..envs.gym_env import VectorEnv as NativeVectorEnv
from ..envs.gym_env import WorldVectorEnv
from ..errors import FoveateError
from .history import beside, check_numpy, put_beside


class Markovian(gym.Wrapper, gym.utils.RecordConstructorArgs):
    """The observation with `state` beside it, float32 (n,): everything that decides what happens next but chance.

    An agent without a memory that solves a task so, and not without, shows that memory was what it lacked.

    Args:
        env: one of our environments, or another one with a method ``get_state()`` that returns an array or a dict of
            arrays of fixed sizes.
    """

    def __init__(self, env: gym.Env):
        gym.utils.RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        if not hasattr(env.unwrapped, "get_state"):
            raise FoveateError(f"{env} doesn't tell its state: it needs a method get_state().")
        env.reset(seed=_chance())  # there is no state before an episode
        size = len(self._state())
        self.observation_space = beside(env.observation_space, state=_unbounded(size))

    def _state(self) -> np.ndarray:
        world = getattr(self.env.unwrapped, "world", None)
        if world is not None:
            return world.true_state()[0].cpu().numpy()
        told = self.env.unwrapped.get_state()  # type: ignore[attr-defined]
        parts = told.values() if isinstance(told, dict) else [told]
        return np.concatenate([np.asarray(part, dtype=np.float32).ravel() for part in parts])

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        return put_beside(observation, state=self._state()), info

    def step(self, action: Any) -> Any:
        observation, *rest = self.env.step(action)
        return put_beside(observation, state=self._state()), *rest


class MarkovianVector(VectorWrapper):
    """`Markovian` for the native vector face of one of our environments, with numpy observations."""

    def __init__(self, env: VectorEnv):
        super().__init__(env)
        check_numpy(env, type(self).__name__)
        inner = env.unwrapped
        if not isinstance(inner, WorldVectorEnv):
            raise FoveateError(f"{env} doesn't tell its state: only native vector environments of foveate do.")
        if not isinstance(inner, NativeVectorEnv):
            raise FoveateError("a world of several agents tells its state by PettingZoo's parallel_env().state().")
        self._world, self._autoreset = inner.world, inner.autoreset
        self._autoreset.keep_ended_state = True
        env.reset(seed=_chance())
        size = self._world.true_state().shape[1]
        self.single_observation_space = beside(env.single_observation_space, state=_unbounded(size))
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)

    def _put(self, observation: Any) -> dict[str, Any]:
        return put_beside(observation, state=self._world.true_state().cpu().numpy())

    def reset(self, *, seed: Any = None, options: dict | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        return self._put(observation), info

    def step(self, actions: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(actions)
        if "final_obs" in info:
            final = info["final_obs"].copy()
            ended = self._autoreset.ended_state.cpu().numpy()
            for i in np.flatnonzero(info["_final_obs"]):
                final[i] = put_beside(final[i], state=ended[i])
            info = {**info, "final_obs": final}
        return self._put(observation), reward, terminated, truncated, info


def _unbounded(size: int) -> spaces.Box:
    return spaces.Box(-np.inf, np.inf, (size,), np.float32)


def _chance() -> int:
    """A seed that nobody chose: worlds that are never seeded must not all be the same."""
    return int(np.random.default_rng().integers(1 << 31))
