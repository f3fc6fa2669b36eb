"""How fast the worlds are: side by side in one process, one thread, medians of repeats.

python benchmarks/speed.py                    print the table
python benchmarks/speed.py --json FILE        and write the figures to a file
python benchmarks/speed.py --device cuda      the same worlds, and a whole training run, on a GPU
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import torch
from gymnasium.vector import VectorEnv

import foveate  # noqa: F401 (registers the environments)
from foveate.agents import LearnerOptions, PolicyGradient
from foveate.envs import IDS
from foveate.envs.glimpse import TranslatedDigits, retina
from foveate.envs.gym_env import env_classes
from foveate.envs.protocols import NativeVectorEnv
from foveate.tree import to_tensors

WORLDS = 256
REPEATS = 7


class PoolAtEachGlimpse(TranslatedDigits):
    """The naive version: the whole canvas is kept and pooled again at every glimpse."""

    derived = frozenset({"sprite"})

    def derive(self, state: dict) -> dict:
        return {"sprite": self.images[state["index"]]}

    def glimpse(self, state: dict) -> torch.Tensor:
        picture = self.picture(state).float().div_(255)[:, None]
        return retina.look(retina.pool(picture, self.scales), state["location"], self.patch)


def median_rate(steps: int, run: Callable[[], object]) -> float:
    """Steps a second: the median of some repeats, after one to warm up."""
    run()
    rates = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        run()
        rates.append(steps / (time.perf_counter() - begin))
    return statistics.median(rates)


def stepping(env: VectorEnv, rounds: int) -> Callable[[], None]:
    """Work that goes on stepping an environment with one action, episodes ending as they may.

    Args:
        env: ours or another's.
        rounds: steps of all its worlds in one piece of work.
    """
    env.action_space.seed(0)
    env.reset(seed=0)
    inner, action, device = env.unwrapped, env.action_space.sample(), "cpu"
    if isinstance(inner, NativeVectorEnv):
        device = inner.world.device.type
        if device != "cpu" or inner.output == "torch":
            action = to_tensors(action, inner.world.device)

    def work() -> None:
        for _ in range(rounds):
            env.step(action)
        if device == "cuda":
            torch.cuda.synchronize()

    return work


def vector_rate(env: VectorEnv, rounds: int = 120) -> float:
    """Environment steps a second with resets (each counted step is a real one: autoreset at the same step)."""
    return median_rate(rounds * env.num_envs, stepping(env, rounds))


def single_rate(env_id: str, steps: int = 1500) -> float:
    """Steps a second of the single environment, resets included."""
    env = gym.make(env_id)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(50)]
    env.reset(seed=0)

    def run() -> None:
        for i in range(steps):
            _, _, terminated, truncated, _ = env.step(actions[i % 50])
            if terminated or truncated:
                env.reset()

    return median_rate(steps, run)


def training_rate(device: str, worlds: int) -> float:
    """Environment steps a second of a whole training: playing, learning, logging nothing."""
    env = gym.make_vec(
        "Glimpse/TranslatedDigits-v0",
        num_envs=worlds,
        autoreset_mode="SameStep",
        output="torch",
        device=device,
        reward="every",
    )
    options = LearnerOptions(worlds=worlds, likelihood_reward=True)
    learner = PolicyGradient("ram", env, options, seed=0, device=device)
    steps = worlds * 6 * 20
    learner.learn(steps)

    def run() -> None:
        learner.learn(steps, reset_num_timesteps=False)
        if device == "cuda":
            torch.cuda.synchronize()

    return median_rate(steps, run)


def import_seconds() -> float:
    """How much longer importing foveate takes than importing torch and gymnasium; median of five."""
    code = "import time; a = time.perf_counter(); import torch, gymnasium; b = time.perf_counter(); import foveate;"
    code += "print(time.perf_counter() - b)"
    return statistics.median(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, float] = {}

    def note(name: str, value: float) -> None:
        figures[name] = value
        print(f"{name:<78}{value:>14,.2f}" if value < 100 else f"{name:<78}{value:>14,.0f}", flush=True)

    same = {"autoreset_mode": "SameStep", "device": arguments.device}
    for env_id in ("TranslatedDigits", "ClutteredDigits", "Digits", "Catch"):
        env = gym.make_vec(f"Glimpse/{env_id}-v0", num_envs=WORLDS, **same)
        note(f"{env_id}, {WORLDS} worlds, steps a second", vector_rate(env))
    env = gym.make_vec("Glimpse/TranslatedDigits-v0", num_envs=WORLDS, device=arguments.device)
    # Gymnasium's default: a seventh step is the reset of six, and is not counted as a step
    note(f"TranslatedDigits, {WORLDS} worlds, NextStep autoreset, real steps a second", vector_rate(env, 126) * 6 / 7)
    env = gym.make_vec("Glimpse/TranslatedDigits-v0", num_envs=WORLDS, output="torch", **same)
    note(f"TranslatedDigits, {WORLDS} worlds, tensors out, steps a second", vector_rate(env))
    naive = env_classes(PoolAtEachGlimpse)[1](WORLDS, **same)
    note("TranslatedDigits, pooling at each glimpse, steps a second", vector_rate(naive, 40))
    ratio = figures[f"TranslatedDigits, {WORLDS} worlds, steps a second"]
    ratio /= figures["TranslatedDigits, pooling at each glimpse, steps a second"]
    note("ratio of the two: pooling once an episode against at each glimpse", ratio)
    for env_id in [i for i in IDS if i.startswith(("Memory/", "Sequence/"))]:
        env = gym.make_vec(env_id, num_envs=WORLDS, **same)
        note(f"{env_id.split('/')[1][:-3]}, {WORLDS} worlds, steps a second", vector_rate(env, 60))
    env = gym.make_vec("Memory/Copy-v0", num_envs=WORLDS, output="torch", **same)
    note(f"Copy, {WORLDS} worlds, tensors out, steps a second", vector_rate(env))
    if arguments.device == "cpu":
        for env_id in ("TranslatedDigits", "Catch"):
            note(f"{env_id}, single face, steps a second", single_rate(f"Glimpse/{env_id}-v0"))
        note("seconds that importing foveate takes beyond torch and gymnasium", import_seconds())
    for worlds in (128,) if arguments.device == "cpu" else (128, 4096):
        note(f"whole training of RAM, {worlds} worlds, steps a second", training_rate(arguments.device, worlds))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
