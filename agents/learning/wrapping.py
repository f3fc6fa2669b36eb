"""Environments as our algorithms hand them to Stable-Baselines3's base class."""

from gymnasium import spaces
from gymnasium.vector import VectorEnv
from stable_baselines3.common.env_util import is_wrapped
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.type_aliases import GymEnv
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from ...envs.space_checks import check_space
from ...errors import FoveateError
from .vec_env import GymVecEnv


def served(env: GymEnv | VectorEnv | str | None) -> GymEnv | str | None:
    """What Stable-Baselines3 can take: vector environments become VecEnvs."""
    return GymVecEnv(env) if isinstance(env, VectorEnv) else env


def as_vec_env(env: GymEnv, monitor: bool = True) -> VecEnv:
    """A VecEnv that shows pictures as they are: a policy reads them, the same way everywhere.

    (Stable-Baselines3's own wrapping transposes pictures, and only for who learns.)

    Args:
        env: an environment, or a VecEnv, which stays as it is.
        monitor: whether the episodes of a single environment are counted.

    Raises:
        FoveateError: the environment has spaces that can't be learned with.
    """
    for what, space in (("observation", env.observation_space), ("action", env.action_space)):
        check_space(space, what)
        parts = space.spaces.values() if isinstance(space, spaces.Dict) else ()
        if any(isinstance(part, spaces.Dict) for part in parts):
            raise FoveateError(f"a Dict inside a Dict can't be learned with: flatten the {what} space {space}.")
    action = env.action_space
    if isinstance(action, spaces.Box) and not (action.bounded_below.all() and action.bounded_above.all()):
        raise FoveateError(f"Box actions need finite bounds, got {action}.")
    if isinstance(env, VecEnv):
        return env
    watched = env if not monitor or is_wrapped(env, Monitor) else Monitor(env)
    return DummyVecEnv([lambda: watched])
