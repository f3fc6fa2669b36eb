"""What benchmarks/against.py times of worlds and commands: the rows by name.

A row is a function that sets something up and returns the work to be timed. The work must be the same amount of
computing every time, in whichever checkout it runs: worlds are reset with one seed, and sizes are fixed. It should take
about 10 ms: many short turns tell more than a few long ones. Both checkouts run this one file, so rows use only what
users call.
"""

import itertools
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

Work = Callable[[], object]
Rows = dict[str, Callable[..., Work]]
MANY, FEW = 256, 16  # worlds at once: few of those that take long
SLOW = (
    "Glimpse/ClutteredDigits100-v0",
    "Glimpse/DigitPairs-v0",
    "Glimpse/AddDigits-v0",
    "Glimpse/HouseNumbers-v0",
    "Memory/Logic-v0",
    "Memory/Tape-v0",
    "Memory/ShortestPath-v0",
    "Memory/UndergroundShortestPath-v0",
    "Probe/Driving-v0",
    "Probe/Catch-v0",
    "Probe/Distractors-v0",
    "Multi/SharedGaze-v0",
    "Multi/SpeakerListener-v0",
    "Multi/HideAndSeek-v0",
)
STEPS = {"Glimpse": 12, "Memory": 24, "Probe": 12, "Multi": 12}  # in one piece of work


def checkout() -> Path:
    """The folder of the checkout that this process imports."""
    import foveate

    return Path(str(foveate.__file__)).resolve().parent


# ---- worlds ----


def make_worlds(env_id: str, worlds: int, **arguments: Any) -> Any:
    """A vector environment that learners can use."""
    import gymnasium as gym

    return gym.make_vec(env_id, num_envs=worlds, **{"autoreset_mode": "SameStep", **arguments})


def _steps(env_id: str) -> int:
    return STEPS[env_id.split("/")[0]]


def _actions(space: Any, count: int = 8) -> list[Any]:
    space.seed(0)
    return [space.sample() for _ in range(count)]


def _tensors(action: Any) -> Any:
    import torch

    if isinstance(action, dict):
        return {name: torch.as_tensor(part) for name, part in action.items()}
    return torch.as_tensor(action)


def vector_steps(env_id: str, **arguments: Any) -> Work:
    """Steps of the vector face from one seed, resets included."""
    env, steps = make_worlds(env_id, FEW if env_id in SLOW else MANY, **arguments), _steps(env_id)
    actions = _actions(env.action_space)
    if arguments.get("output") == "torch":
        actions = [_tensors(action) for action in actions]

    def work() -> None:
        env.reset(seed=0)
        for _, action in zip(range(steps), itertools.cycle(actions), strict=False):
            env.step(action)

    return work


def single_steps(env_id: str, steps: int = 18) -> Work:
    """Steps of the single face from one seed, resets included."""
    import gymnasium as gym

    env = gym.make(env_id)
    actions = _actions(env.action_space, 50)

    def work() -> None:
        env.reset(seed=0)
        for _, action in zip(range(steps), itertools.cycle(actions), strict=False):
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    return work


def dataset(env_id: str, batches: int, **arguments: Any) -> Work:
    """A pass over a data set of whole episodes."""
    from foveate.envs import TaskDataset

    data = TaskDataset(env_id, batch=32, batches=batches, **arguments)
    return lambda: [None for _ in data]


# ---- Stable-Baselines3 ----


def _vec_steps(env: Any, steps: int) -> Work:
    import numpy as np

    env.action_space.seed(0)
    actions = [np.stack([env.action_space.sample() for _ in range(env.num_envs)]) for _ in range(8)]

    def work() -> None:
        env.seed(0)
        env.reset()
        for _, action in zip(range(steps), itertools.cycle(actions), strict=False):
            env.step(action)

    return work


def adapter_steps(env_id: str) -> Work:
    """Steps of our own VecEnv."""
    from foveate import sb3

    return _vec_steps(sb3.make_vec_env(env_id, 64), _steps(env_id))


def dummy_steps(env_id: str) -> Work:
    """Steps of Stable-Baselines3's VecEnv around single faces."""
    import gymnasium as gym
    from stable_baselines3.common.env_util import make_vec_env

    from foveate.wrappers import FlattenAction

    def one() -> gym.Env:
        env = gym.make(env_id)
        return FlattenAction(env) if isinstance(env.action_space, gym.spaces.Dict) else env

    return _vec_steps(make_vec_env(one, 4), 10)


# ---- whole processes ----


def importing(before: str, names: str) -> Work:
    """Importing in a new process, beyond what others' packages take: answers the seconds itself."""
    code = f"import time, {before}; t = time.process_time(); import {names}; print(time.process_time() - t)"
    return lambda: float(subprocess.check_output([sys.executable, "-c", code]))


def command(*words: str) -> Work:
    """A whole process of one of the checkout's scripts."""
    call = [sys.executable, str(checkout() / words[0]), *words[1:]]
    return lambda: subprocess.run(call, check=True, stdout=subprocess.DEVNULL)


# ---- the rows ----


def rows() -> Rows:
    """The rows by name."""
    return {**_process_rows(), **_world_rows(), **_adapter_rows()}


def _world_rows() -> Rows:
    import gymnasium as gym

    import foveate  # registers the worlds

    assert foveate.__version__
    digits, copy = "Glimpse/TranslatedDigits-v0", "Memory/Copy-v0"
    found: Rows = {f"worlds: {i}": partial(vector_steps, i) for i in gym.registry if i.split("/")[0] in STEPS}
    found |= {f"worlds, tensors out: {i}": partial(vector_steps, i, output="torch") for i in (digits, copy)}
    found[f"worlds, NextStep: {digits}"] = partial(vector_steps, digits, autoreset_mode="NextStep")
    found |= {f"single face: {i}": partial(single_steps, i) for i in (digits, "Glimpse/Catch-v0", copy)}
    for env_id in (digits, copy, "Memory/AssociativeRecall-v0", "Memory/DynamicNGrams-v0"):
        found[f"TaskDataset: {env_id}"] = partial(dataset, env_id, 1)
    return found


def _adapter_rows() -> Rows:
    ids = ("Glimpse/Digits-v0", "Glimpse/TranslatedDigits-v0", "Memory/Copy-v0", "Memory/TMaze-v0", "Probe/Catch-v0")
    native: Rows = {f"VecEnv, native: {i}": partial(adapter_steps, i) for i in ids}
    return native | {f"VecEnv, dummy: {i}": partial(dummy_steps, i) for i in ids}


def _process_rows() -> Rows:
    parts = "foveate.agents, foveate.envs, foveate.wrappers, foveate.sb3"
    return {
        "process: import foveate": partial(importing, "gymnasium", "foveate"),
        "process: import all parts": partial(importing, "torch, gymnasium, stable_baselines3", parts),
        "process: train.py --help": partial(command, "train.py", "--help"),
        "process: train.py ENV AGENT --help": partial(command, "train.py", "Memory/Copy-v0", "ntm", "--help"),
    }
