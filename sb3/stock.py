"""Stable-Baselines3's own algorithms on our native vector face, with the settings shipped for rl-baselines3-zoo."""

import importlib
from pathlib import Path
from typing import Any

import gymnasium as gym
import yaml
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import LinearSchedule

from ..agents.learning.vec_env import GymVecEnv
from ..errors import FoveateError, check_choice, unknown
from ..wrappers.flatten import FlattenVectorAction, To

Settings = dict[str, Any]  # what a YAML says of one environment

ALGORITHMS = {
    "ppo": "stable_baselines3.PPO",
    "a2c": "stable_baselines3.A2C",
    "dqn": "stable_baselines3.DQN",
    "ppo_lstm": "sb3_contrib.RecurrentPPO",
}
FLATTEN = "foveate.wrappers.FlattenAction"
_SCHEDULES = ("learning_rate", "clip_range")
_NOT_THE_ALGORITHMS = ("env_kwargs", "env_wrapper", "n_envs", "n_timesteps")


def settings_file(algorithm: str) -> Path:
    """The YAML of settings of an algorithm, for rl-baselines3-zoo's ``--conf-file``.

    Args:
        algorithm: "ppo", "a2c", "dqn" or "ppo_lstm", the zoo's names.
    """
    check_choice("algorithm", algorithm, ALGORITHMS)
    return Path(__file__).with_name("settings") / f"{algorithm}.yml"


def settings(algorithm: str, env_id: str) -> Settings:
    """What the YAML says of one environment, as it stands there."""
    known = yaml.safe_load(settings_file(algorithm).read_text(encoding="utf-8"))
    if env_id not in known:
        raise unknown(f"environment with settings for {algorithm}", env_id, known)
    return known[env_id]


def algorithm_class(algorithm: str) -> type[BaseAlgorithm]:
    """The class behind one of the zoo's names.

    Raises:
        FoveateError: no algorithm has this name, or its package can't be imported.
    """
    check_choice("algorithm", algorithm, ALGORITHMS)
    module, _, name = ALGORITHMS[algorithm].rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise FoveateError(f"{algorithm} needs {module}: pip install 'foveate[sb3]' ({error}).") from error


def make_vec_env(env_id: str, num_envs: int, to: To = "auto", bins: int = 9, **arguments: Any) -> GymVecEnv:
    """One of our environments as Stable-Baselines3 wants it: native vectors, a Dict action flattened.

    Args:
        env_id: an id of ours, or of your own on our base.
        num_envs: worlds.
        to: what a Dict action is flattened to, as in `ActionFlattener`; a Discrete action is left as it is.
        bins: as in `ActionFlattener`.
        **arguments: of the environment.
    """
    env = gym.make_vec(env_id, num_envs=num_envs, autoreset_mode="SameStep", **arguments)
    space = env.single_action_space
    parts = isinstance(space, spaces.Dict) or (to == "discrete" and not isinstance(space, spaces.Discrete))
    return GymVecEnv(FlattenVectorAction(env, to, bins) if parts else env)


def make_algorithm(
    algorithm: str, env_id: str, seed: int = 0, device: str = "auto", **changes: object
) -> BaseAlgorithm:
    """A stock algorithm with the shipped settings, ready for ``learn(settings(…)["n_timesteps"])``.

    Args:
        algorithm: "ppo", "a2c", "dqn" or "ppo_lstm".
        env_id: an environment that has settings for it.
        seed: of the weights and the worlds.
        device: "auto", "cpu", "cuda", …
        **changes: settings that differ from the shipped ones.
    """
    chosen = {**settings(algorithm, env_id), **changes}
    env = make_vec_env(env_id, chosen.get("n_envs", 1), **flattening(chosen), **chosen.get("env_kwargs", {}))
    own = {name: value for name, value in chosen.items() if name not in _NOT_THE_ALGORITHMS}
    for name in _SCHEDULES:
        if isinstance(own.get(name), str):  # the zoo's "lin_0.001" falls from 0.001 to 0
            own[name] = LinearSchedule(float(own[name].removeprefix("lin_")), 0.0, 1.0)
    return algorithm_class(algorithm)(env=env, seed=seed, device=device, **own)


def flattening(chosen: Settings) -> Settings:
    """The options of FlattenAction in settings: the zoo's ``env_wrapper: [foveate.wrappers.FlattenAction: {…}]``.

    Args:
        chosen: from `settings`, perhaps changed.

    Raises:
        FoveateError: there is another wrapper, which would have to wrap single environments.
    """
    wrappers = chosen.get("env_wrapper") or []
    for wrapper in wrappers if isinstance(wrappers, list) else [wrappers]:
        name, options = next(iter(wrapper.items())) if isinstance(wrapper, dict) else (wrapper, {})
        if name != FLATTEN:
            raise FoveateError(f"env_wrapper {name!r} is not allowed on native vectors: only {FLATTEN} is.")
        return dict(options)
    return {}
