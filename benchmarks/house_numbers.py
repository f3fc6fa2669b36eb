"""House numbers of one to three digits: DRAM's path beside what a feed-forward network says, and both scores.

python train.py Glimpse/HouseNumbers-v0 dram --seed 1
python train.py Glimpse/HouseNumbers-v0 cnn --env.max-digits 3 --env.answer whole --env.augment 0.5 \\
    --agent.architecture nature --agent.features 896 --seed 1 --steps 3000000
python benchmarks/house_numbers.py DRAM-RUN CNN-RUN --picture docs/house-numbers.png
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import torch

from foveate.agents import Algorithm, load
from foveate.agents.learning import checkpoint
from foveate.agents.learning.actor import Actor, Observer, Transition, play
from foveate.agents.learning.environments import environments_of
from foveate.agents.policies.modes import at_play
from foveate.analysis.measure import measure
from foveate.envs.glimpse.house_numbers import HouseNumbers
from foveate.envs.glimpse.plates import END
from foveate.envs.protocols import HasWorld
from foveate.viz.plots import figure_png, subplots

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs=2, help="run folders of dram and of a feed-forward network")
    parser.add_argument("--episodes", type=int, default=5000)
    parser.add_argument("--picture", type=Path, default=Path("house-numbers.png"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    learners, environments, shares = [], [], []
    for path in arguments.runs:
        run = checkpoint.read_run(checkpoint.find(path))
        learner = load(path, None, "cpu")
        whole = checkpoint.read_run(checkpoint.find(path, "last"))
        episodes = measure(learner.policy, run["env_id"], run["env"], "test", arguments.episodes)
        spread = 1.96 * episodes.scores.std() / np.sqrt(len(episodes.scores))
        size = sum(p.numel() for p in learner.policy.parameters())
        minutes = whole["progress"]["cpu_seconds"] / 60
        print(
            f"{run['agent']}: {episodes.scores.mean():.4f} ± {spread:.4f} whole numbers right, {size:,} parameters, "
            f"{minutes:.1f} CPU minutes, {whole['steps']:,} steps, seed {run['seed']}"
        )
        shares.append(f"{run['agent']} {100 * episodes.scores.mean():.1f} % after {minutes:.0f} minutes")
        learners.append(learner)
        environments.append(run)
    figure, axes = subplots(2, 3, (13, 6), layout="constrained")
    for seed, axis in enumerate(axes.flat):
        draw(axis, seed, learners, environments)
    figure.suptitle(
        f"Test plates that are read right: {', '.join(shares)}.\n"
        f"Below: the plates of the seeds 0 to {axes.size - 1}, not chosen; red: wrong. "
        "Blue square: the middle of DRAM's first glimpse; yellow: of the others, in their order",
        fontsize=11,
    )
    arguments.picture.write_bytes(figure_png(figure))
    print(f"picture: {arguments.picture}")


class _Path(Observer):
    """Where the gaze was, from -1 to 1."""

    def __init__(self) -> None:
        self.places: list[np.ndarray] = []

    def on_step(self, transition: Transition) -> None:
        self.places.append(transition.before.observation["location"][0].numpy())


def draw(axis: "Axes", seed: int, learners: list[Algorithm], runs: list[dict[str, Any]]) -> None:
    """One plate, the path on it, and above it the truth and both answers, those that are wrong in red.

    Args:
        axis: where.
        seed: of the plate.
        learners: DRAM and a feed-forward network.
        runs: their run.json.
    """
    env = gym.make(runs[0]["env_id"], **{**runs[0]["env"], "split": "test"})
    env.reset(seed=seed)
    inner = env.unwrapped
    assert isinstance(inner, HasWorld)
    assert isinstance(inner.world, HouseNumbers)
    world = inner.world
    picture, number = world.picture(world.state)[0].numpy(), world.state["number"][0].tolist()
    path = _Path()
    environments = environments_of(env, autoreset=False)
    with torch.no_grad(), at_play(learners[0].policy):
        actor = Actor(learners[0].policy, environments, deterministic=True)
        actor.reset(seed)
        play(actor, episodes=1, observers=[path])
    read = [d for d in world.state["said"][0].tolist() if d >= 0]
    other = gym.make(runs[1]["env_id"], **{**runs[1]["env"], "split": "test"})
    whole, _ = other.reset(seed=seed)  # the same seed is the same plate
    answer, _ = learners[1].predict(whole, deterministic=True)
    axis.imshow(picture, cmap="gray", vmin=0, vmax=255)
    x, y = ((np.array(path.places) + 1) / 2 * picture.shape[::-1] - 0.5).T
    axis.plot(x, y, color="#ffd640", marker="o", markersize=3, linewidth=1)
    axis.plot(x[:1], y[:1], color="#56b4e9", marker="s", markersize=6)
    said = {run["agent"]: text(symbols) for run, symbols in zip(runs, (read, answer.tolist()), strict=True)}
    axis.set_title(f"truth {text(number)}", loc="left", fontsize=10)
    for side, (agent, answered) in zip(("center", "right"), said.items(), strict=True):
        right = answered == text(number)
        axis.set_title(f"{agent} {answered}", loc=side, fontsize=10, color="black" if right else "#d00000")
    axis.set_axis_off()


def text(symbols: list[int]) -> str:
    """Digits up to the end."""
    digits = symbols[: symbols.index(END)] if END in symbols else symbols
    return "".join(str(d) for d in digits) or "nothing"


if __name__ == "__main__":
    main()
