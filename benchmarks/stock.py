"""Stable-Baselines3's own algorithms on our worlds, with the shipped settings: do they learn?

    python benchmarks/stock.py ppo_lstm Memory/TMaze-v0 --seed 1       train, then measure on the test split
    python benchmarks/stock.py --list                                  what has settings
    python benchmarks/stock.py --speed --json runs/adapter.json        the adapter against DummyVecEnv, side by side

Each run leaves runs/stock/ALGORITHM-ENV-SEED.json, which benchmarks/results.py collects.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import yaml
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.env_util import make_vec_env as make_dummy
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecEnv

from foveate import sb3
from foveate.analysis.measure import EVALUATION_SEED
from foveate.envs.registry import env_options, world_class
from foveate.envs.scale import ScoreScale
from foveate.wrappers import FlattenAction

Settings = dict[str, Any]  # plain data by name
ROOT = Path(__file__).resolve().parent.parent


def measured(model: BaseAlgorithm, env_id: str, chosen: Settings, episodes: int) -> tuple[float, float | None]:
    """The mean return of the deterministic policy on test episodes, and the mean of the task's own figure.

    Args:
        model: what was trained.
        env_id: of its environment; where that has splits, the test split is played.
        chosen: the settings it was trained with.
        episodes: how many are played.

    Returns:
        The mean return, and the mean score; None where the task has no figure of its own.
    """
    arguments = chosen.get("env_kwargs", {})
    if "split" in env_options(env_id):
        arguments = {**arguments, "split": "test"}
    env = sb3.make_vec_env(env_id, 100, **sb3.flattening(chosen), **arguments)
    env.seed(EVALUATION_SEED)
    scores: list[float] = []

    def note(played: Settings, _: Settings) -> None:
        if played["done"] and "score" in played["info"]:
            scores.append(float(played["info"]["score"]))

    mean, _ = evaluate_policy(model, env, episodes, deterministic=True, callback=note)
    assert isinstance(mean, float | np.floating)
    return float(mean), sum(scores) / len(scores) if scores else None


def rate(env: VecEnv, actions: list[np.ndarray], rounds: int) -> float:
    """Steps a second of a VecEnv, resets included."""
    begin = time.perf_counter()
    for i in range(rounds):
        env.step(actions[i % len(actions)])
    return rounds * env.num_envs / (time.perf_counter() - begin)


def speed(worlds: int = 64, repeats: int = 5) -> dict[str, float]:
    """The adapter on native vectors against Stable-Baselines3's DummyVecEnv, interleaved; medians."""
    figures = {}
    for env_id in (
        "Glimpse/Digits-v0",
        "Glimpse/TranslatedDigits-v0",
        "Memory/Copy-v0",
        "Memory/TMaze-v0",
        "Probe/Catch-v0",
    ):

        def one(env_id: str = env_id) -> gym.Env:
            env = gym.make(env_id)
            return FlattenAction(env) if isinstance(env.action_space, gym.spaces.Dict) else env

        slow, fast = make_dummy(one, worlds), sb3.make_vec_env(env_id, worlds)
        actions = [np.stack([fast.action_space.sample() for _ in range(worlds)]) for _ in range(20)]
        rates: dict[str, list[float]] = {"slow": [], "fast": []}
        for env in (slow, fast):
            env.reset()
            rate(env, actions, 3)
        for _ in range(repeats):
            rates["slow"].append(rate(slow, actions, 10))
            rates["fast"].append(rate(fast, actions, 100))
        a, b = (statistics.median(rates[kind]) for kind in ("slow", "fast"))
        figures |= {
            f"{env_id}, {worlds} worlds in a DummyVecEnv, steps a second": a,
            f"{env_id}, {worlds} worlds through GymVecEnv, steps a second": b,
            f"{env_id}, ratio": b / a,
        }
        print(f"{env_id:<30}{a:>10,.0f}{b:>12,.0f}{b / a:>8.1f}", flush=True)
    return figures


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("algorithm", nargs="?", choices=list(sb3.ALGORITHMS))
    parser.add_argument("env", nargs="?")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, help="instead of the setting's n_timesteps")
    parser.add_argument("--episodes", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "stock")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--json", type=Path, default=ROOT / "runs" / "adapter.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.speed:
        figures = speed()
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
        return
    if arguments.list or not arguments.env:
        for algorithm in sb3.ALGORITHMS:
            print(algorithm, *yaml.safe_load(sb3.settings_file(algorithm).read_text(encoding="utf-8")))
        return
    algorithm, env_id = arguments.algorithm, arguments.env
    chosen = sb3.settings(algorithm, env_id)
    model = sb3.make_algorithm(algorithm, env_id, arguments.seed, "cpu", verbose=1)
    steps = arguments.steps or int(chosen["n_timesteps"])
    begin, cpu = time.perf_counter(), time.process_time()
    model.learn(steps, log_interval=20)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    arguments.out.mkdir(parents=True, exist_ok=True)
    name = f"{algorithm}-{env_id.replace('/', '-')}-{arguments.seed}"
    model.save(arguments.out / name)
    mean, score = measured(model, env_id, chosen, arguments.episodes)
    scale: ScoreScale | None = world_class(env_id).scale
    figures = {
        "algorithm": algorithm,
        "env": env_id,
        "seed": arguments.seed,
        "steps": model.num_timesteps,
        "mean_return": mean,
        "score": score,
        "oracle": scale.oracle.mean if scale else None,
        "episodes": arguments.episodes,
        "seconds": seconds,
        "cpu_seconds": cpu,
    }
    print(json.dumps(figures, indent=1))
    (arguments.out / f"{name}.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
