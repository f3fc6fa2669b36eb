"""A price for looking, on any environment whose agent moves a gaze."""

from typing import Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper

from ..envs.protocols import Info
from ..errors import FoveateError, check_choice, check_range
from ..tree import Tree
from .beside import check_numpy

Of = Literal["distance", "moves"]
STILL = 1e-6  # a gaze that moved less stays where it is


class Tariff:
    """What moves of the gaze cost.

    Args:
        space: of one observation, a Dict with `location`.
        price: of a move from the middle of the picture to its edge (of="distance"), or of any move (of="moves").
        of: "distance" or "moves".

    Raises:
        FoveateError: there is no gaze, or the price is negative.
    """

    def __init__(self, space: spaces.Space, price: float, of: Of):
        price = check_range("price", price, 0.0)
        check_choice("of", of, ["distance", "moves"])
        if not isinstance(space, spaces.Dict) or "location" not in space.spaces:
            raise FoveateError(
                f"looking has a price where there is a gaze: a Dict with 'location' is needed, got {space}."
            )
        self.price, self.of = price, of

    def cost(self, move: np.ndarray) -> np.ndarray:
        """The price of moves (…, 2)."""
        distance = np.linalg.norm(move, axis=-1)
        return self.price * (distance if self.of == "distance" else distance > STILL)


class PriceOfLooking(gym.Wrapper, gym.utils.RecordConstructorArgs):
    """Each move of the gaze costs something; the rest is the environment's.

    What was paid is in ``info["price"]``.

    Args:
        env: whose observation is a Dict with `location`, (x, y): a Glimpse world, or anything under `Foveate`.
        price: see `Tariff`.
        of: see `Tariff`.
    """

    def __init__(self, env: gym.Env, price: float = 0.01, of: Of = "distance"):
        gym.utils.RecordConstructorArgs.__init__(self, price=price, of=of)
        gym.Wrapper.__init__(self, env)
        self.tariff = Tariff(env.observation_space, price, of)
        self._place = np.zeros(2)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Tree, Info]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._place = np.asarray(observation["location"])
        return observation, info

    def step(self, action: Tree) -> tuple[Tree, float, bool, bool, Info]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        before, self._place = self._place, np.asarray(observation["location"])
        paid = float(self.tariff.cost(self._place - before))
        return observation, float(reward) - paid, terminated, truncated, {**info, "price": paid}


class PriceOfLookingVector(VectorWrapper):
    """`PriceOfLooking` for a vector environment with numpy observations."""

    def __init__(self, env: VectorEnv, price: float = 0.01, of: Of = "distance"):
        super().__init__(env)
        check_numpy(env, type(self).__name__)
        self.tariff = Tariff(env.single_observation_space, price, of)
        self._place = np.zeros((env.num_envs, 2))
        self._over = np.zeros(env.num_envs, dtype=bool)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Tree, Info]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._place, self._over = np.array(observation["location"]), np.zeros_like(self._over)
        return observation, info

    def step(self, actions: Tree) -> tuple[Tree, np.ndarray, np.ndarray, np.ndarray, Info]:
        observation, reward, terminated, truncated, info = self.env.step(actions)
        ended = np.asarray(terminated) | np.asarray(truncated)
        after = np.array(observation["location"])
        reached = after.copy()
        if "final_obs" in info:  # the observation is of the next episode already
            for i in np.flatnonzero(ended):
                reached[i] = info["final_obs"][i]["location"]
        paid = self.tariff.cost(reached - self._place)
        if self.env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP:
            paid = np.where(self._over, 0.0, paid)  # that step was a reset
        self._place, self._over = after, ended
        prices = {"price": paid, "_price": np.ones_like(ended)}
        return observation, reward - paid, terminated, truncated, {**info, **prices}
