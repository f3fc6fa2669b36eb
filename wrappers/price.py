"""A price for looking, on any environment whose agent moves a gaze."""

from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper

from ..errors import FoveateError, check_choice, check_range
from .history import check_numpy

Of = Literal["distance", "moves"]
STILL = 1e-6  # a gaze that moved less stays where it is


class PriceOfLooking(gym.Wrapper, gym.utils.RecordConstructorArgs):
    """Each move of the gaze costs something; the rest is the environment's.

    What was paid is in ``info["price"]``.

    Args:
        env: whose observation is a Dict with `location`, (x, y): a Glimpse world, or anything under `Foveate`.
        price: of a move from the middle of the picture to its edge (of="distance"), or of any move (of="moves").
        of: "distance" or "moves".
    """

    def __init__(self, env: gym.Env, price: float = 0.01, of: Of = "distance"):
        gym.utils.RecordConstructorArgs.__init__(self, price=price, of=of)
        gym.Wrapper.__init__(self, env)
        _check(env.observation_space, price, of)
        self.price: float = price
        self.of: Of = of
        self._place = np.zeros(2)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._place = np.asarray(observation["location"])
        return observation, info

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(action)
        before, self._place = self._place, np.asarray(observation["location"])
        paid = float(_cost(self._place - before, self.price, self.of))
        return observation, float(reward) - paid, terminated, truncated, {**info, "price": paid}


class PriceOfLookingVector(VectorWrapper):
    """`PriceOfLooking` for a vector environment with numpy observations."""

    def __init__(self, env: VectorEnv, price: float = 0.01, of: Of = "distance"):
        super().__init__(env)
        check_numpy(env, type(self).__name__)
        _check(env.single_observation_space, price, of)
        self.price: float = price
        self.of: Of = of
        self._place = np.zeros((env.num_envs, 2))
        self._over = np.zeros(env.num_envs, dtype=bool)

    def reset(self, *, seed: Any = None, options: dict | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._place, self._over = np.array(observation["location"]), np.zeros_like(self._over)
        return observation, info

    def step(self, actions: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(actions)
        ended = np.asarray(terminated) | np.asarray(truncated)
        after = np.array(observation["location"])
        reached = after.copy()
        if "final_obs" in info:  # the observation is of the next episode already
            for i in np.flatnonzero(ended):
                reached[i] = info["final_obs"][i]["location"]
        paid = _cost(reached - self._place, self.price, self.of)
        if self.env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP:
            paid = np.where(self._over, 0.0, paid)  # that step was a reset
        self._place, self._over = after, ended
        prices = {"price": paid, "_price": np.ones_like(ended)}
        return observation, reward - paid, terminated, truncated, {**info, **prices}


def _check(space: spaces.Space, price: float, of: Of) -> None:
    check_range("price", price, 0.0)
    check_choice("of", of, ["distance", "moves"])
    if not isinstance(space, spaces.Dict) or "location" not in space.spaces:
        raise FoveateError(f"looking has a price where there is a gaze: a Dict with 'location' is needed, got {space}.")


def _cost(move: np.ndarray, price: float, of: Of) -> np.ndarray:
    """The price of moves (…, 2)."""
    distance = np.linalg.norm(move, axis=-1)
    return price * (distance if of == "distance" else distance > STILL)
