"""What is left of an arm's accuracy in worlds that it was not trained in, and against an adversary."""

from collections.abc import Mapping
from typing import NamedTuple

import gymnasium as gym
import torch
from torch import Tensor

from ...agents.learning.evaluation import clustered_interval
from ...agents.policies.policy import Policy
from ...errors import FoveateError
from ..adversary import pgd
from ..measure import measure
from .forms import answer_part, can_change, episode, image_arguments, in_images
from .gather import Run

SHIFTS: dict[str, tuple[float, ...]] = {
    "clutter": (0, 4, 8, 16),
    "noise": (0.0, 0.1, 0.2, 0.4),
    "contrast": (1.0, 0.5, 0.25),
    "size": (60, 80, 100),
}
EPSILONS = (0.0, 0.02, 0.05, 0.1, 0.2)
SEED = 1_000_003


class Shifted(NamedTuple):
    """An arm's score in a changed world; None, with the reason, where it can't play there."""

    change: str
    value: float
    score: float | None
    reason: str = ""


def shifts(run: Run, episodes: int) -> list[Shifted]:
    """A run's score as one argument of its world after the other goes beyond training."""
    shifted = []
    for name, values in SHIFTS.items():
        if not can_change(run, name):
            continue
        for value in values:
            kind = int if name in ("clutter", "size") else float
            changed = {name: kind(value)}
            if name == "size" and value < run.env.get("size", 0):
                continue
            try:
                shifted.append(Shifted(name, value, _score(run, changed, episodes)))
            except FoveateError as error:
                shifted.append(Shifted(name, value, None, str(error)))
    return shifted


def _score(run: Run, changed: Mapping[str, object], episodes: int) -> float:
    arguments = {**run.env, **changed}
    policy = run.policy
    if "size" in changed and run.env.get("view") == "image":
        policy = in_images(run, **changed)
    try:
        return float(measure(policy, run.env_id, arguments, "test", episodes).scores.mean())
    except RuntimeError as error:
        raise FoveateError("its layers fit one size of image only") from error


def images_of(run: Run, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Test images of a run's world, float (N, C, H, W) in [0, 1], their labels (N,) and what is relevant (N, H, W)."""
    arguments = image_arguments(run, split="test")
    env = gym.make_vec(run.env_id, num_envs=count, output="torch", relevance=True, **arguments)
    observation, info = env.reset(seed=SEED)
    return observation.float() / 255, info["target"], info["relevance"]


def attack(
    run: Run, policy: Policy, images: Tensor, labels: Tensor, gradients: int, samples: int
) -> dict[float, float]:
    """Accuracy under attack by each epsilon; the budget of gradients is the same for every arm.

    An arm that chooses places is attacked through its sampled choices and judged as it plays, at the most likely ones,
    from a first place that the attack did not know.

    Args:
        run: whose glimpses to take.
        policy: its network on whole images.
        images: float, (N, C, H, W).
        labels: (N,).
        gradients: gradients of single episodes an image.
        samples: episodes a step, for arms that choose places; the others need one.
    """
    policy.requires_grad_(False)
    chooses = "location" in policy.heads
    head = policy.head(answer_part(run, policy))

    def play(image: Tensor) -> tuple[Tensor, Tensor]:
        parameters, places = episode(run, policy, image, deterministic=not chooses)
        return -head.log_prob(parameters, labels.repeat(len(image) // len(labels))), places

    accuracy = {}
    with torch.random.fork_rng([]):
        torch.manual_seed(SEED)
        generator = torch.Generator().manual_seed(SEED)
        for epsilon in EPSILONS:
            fooled = images
            if epsilon:
                fooled = pgd(play, images, epsilon, gradients, samples if chooses else 1, generator)
            with torch.no_grad():
                parameters, _ = episode(run, policy, fooled)
            accuracy[epsilon] = float((head.mode(parameters) == labels).float().mean())
    return accuracy


def clean(run: Run, episodes: int) -> tuple[float, float]:
    """A run's score on the test split and its standard error; several showings of an image count as one."""
    played = measure(run.policy, run.env_id, run.env, "test", episodes)
    mean, low, high = clustered_interval(played.scores, played.index)
    return mean, (high - low) / 3.92
