"""The true state beside the observation: with it a task needs no memory, so what is left is how hard it is to act."""

from typing import SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from .. import tree
from ..envs.gym_env import VectorEnv as OwnVectorEnv
from ..envs.gym_env import WorldVectorEnv
from ..envs.protocols import HasState, world_of
from ..errors import FoveateError
from ..tree import Tree
from .beside import Beside, BesideVector, Parts, check_numpy, unbounded


class Markovian(Beside):
    """The observation with `state` beside it, float32 (n,): everything that decides what happens next but chance.

    An agent without a memory that solves a task so, and not without, shows that memory was what it lacked.

    Args:
        env: one of our environments, or another one with a method ``get_state()`` that returns an array or a dict of
            arrays of fixed sizes.

    Raises:
        FoveateError: the environment has no such method.
    """

    def __init__(self, env: gym.Env):
        if not isinstance(env.unwrapped, HasState):
            raise FoveateError(f"{env} doesn't tell its state: it needs a method get_state().")
        env.reset(seed=_random_seed())  # there is no state before an episode
        super().__init__(env, {"state": unbounded(len(_state(env)))})

    def first_parts(self) -> Parts:
        return {"state": _state(self.env)}

    def next_parts(self, action: Tree, reward: SupportsFloat) -> Parts:
        return self.first_parts()


def _state(env: gym.Env) -> np.ndarray:
    """The true state of an environment, float32 (n,)."""
    world, inner = world_of(env), env.unwrapped
    if world is not None:
        return world.true_state()[0].numpy(force=True)
    assert isinstance(inner, HasState)
    parts = tree.leaves(inner.get_state())
    return np.concatenate([np.asarray(part, dtype=np.float32).ravel() for part in parts])


class MarkovianVector(BesideVector):
    """`Markovian` for a native vector environment of foveate, with numpy observations.

    Raises:
        FoveateError: another vector environment, or one whose rows are the agents of a world.
    """

    def __init__(self, env: VectorEnv):
        check_numpy(env, type(self).__name__)
        inner = env.unwrapped
        if not isinstance(inner, WorldVectorEnv):
            raise FoveateError(f"{env} doesn't tell its state: only native vector environments of foveate do.")
        if not isinstance(inner, OwnVectorEnv):
            raise FoveateError("a world of several agents tells its state by PettingZoo's parallel_env().state().")
        self._world, self._autoreset = inner.world, inner.autoreset
        self._autoreset.keep_ended_state = True
        env.reset(seed=_random_seed())
        super().__init__(env, {"state": unbounded(self._world.true_state().shape[1])})

    def first_parts(self, mask: np.ndarray | None) -> Parts:
        return {"state": self._world.true_state().numpy(force=True)}

    def next_parts(self, actions: Tree, reward: np.ndarray, ended: np.ndarray) -> Parts:
        return self.first_parts(None)

    def final_parts(self, actions: Tree, reward: np.ndarray) -> Parts:
        return {"state": self._autoreset.ended_state.numpy(force=True)}


def _random_seed() -> int:
    """A seed that nobody chose: worlds that are never seeded must not all be the same."""
    return int(np.random.default_rng().integers(1 << 31))
