"""What a decision costs: multiply–adds, bytes and pixels read, and how that grows with the picture."""

import statistics
import time
from typing import NamedTuple

import torch
from gymnasium import spaces
from torch.utils.flop_counter import FlopCounterMode

from ...agents import agent_class
from ...agents.learning.actor import Actor
from ...agents.learning.environments import Unchanging
from ...agents.policies.policy import Policy
from ...envs.registry import env_options, make_worlds
from ...errors import FoveateError
from ...tree import Tree
from .gather import Run

SIDES = (28, 60, 112, 224, 448)
REPEATS = 15


class Cost(NamedTuple):
    """The cost of one decision: a whole episode about one picture.

    Attributes:
        side: of the picture in pixels.
        multiply_adds: of all matrix products, convolutions and recurrent layers.
        milliseconds: of the agent on one thread, one picture at a time; the world's part (making the picture, pooling
            and cropping it) is not in it.
        bytes: of what the agent is given.
        pixels: numbers of pictures in that: of glimpses what the retina passes on, else all of the picture.
    """

    side: int
    multiply_adds: float
    milliseconds: float
    bytes: int
    pixels: int


def growth(run: Run) -> list[Cost]:
    """The cost of a run's agent at several sides of the picture; just at its own where the world has no `size`."""
    if "size" not in env_options(run.env_id):
        return [cost(run, {})]
    costs = []
    for side in SIDES:
        try:
            costs.append(cost(run, {"size": side}))
        except FoveateError:
            continue  # a side that the agent can't be built for
    return costs


def cost(run: Run, changed: dict[str, object]) -> Cost:
    """The cost of one decision of a run's agent, with fresh weights, in a changed world."""
    worlds = make_worlds(run.env_id, 1, "cpu", {**run.env, "clutter": 0, **changed} if changed else run.env)
    observation, _ = worlds.reset(seed=0)
    kind = agent_class(run.config["agent"])
    policy = kind(worlds.single_observation_space, worlds.single_action_space, **run.config["agent_options"])
    policy.eval().requires_grad_(False)
    times = []
    with torch.no_grad():
        multiply_adds = _counted(policy, observation, run.glimpses)
        for _ in range(REPEATS):
            begin = time.perf_counter()
            _decide(policy, observation, run.glimpses)
            times.append(time.perf_counter() - begin)
    parts = observation if isinstance(observation, dict) else {"image": observation}
    size = sum(part.numel() * part.element_size() for part in parts.values()) * run.glimpses
    pixels = (
        sum(part.numel() for name, part in parts.items() if name in ("image", "glimpse", "overview")) * run.glimpses
    )
    if not isinstance(worlds.single_observation_space, spaces.Dict):  # a picture that stays is read once
        size, pixels = size // run.glimpses, pixels // run.glimpses
    side = max(worlds.world.picture_size)  # type: ignore[attr-defined]
    return Cost(side, multiply_adds, 1e3 * statistics.median(times), size, pixels)


def _decide(policy: Policy, observation: Tree, glimpses: int) -> None:
    """An episode about one picture."""
    actor = Actor(policy, Unchanging(observation, policy.action_space), deterministic=True)
    for _ in range(glimpses):
        actor.step()


def _counted(policy: Policy, observation: Tree, glimpses: int) -> float:
    """Multiply–adds of an episode; torch's fused recurrent kernels hide theirs, so they are switched off."""
    with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
        _decide(policy, observation, glimpses)
    return counter.get_total_flops() / 2
