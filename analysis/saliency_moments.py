"""Moments of play, and the truth about them: what every method of saliency is measured on."""

from typing import NamedTuple

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from .. import tree
from ..agents.learning.actor import Actor
from ..agents.learning.environments import environments_of
from ..agents.learning.players import policy_of
from ..envs.protocols import Gaze, TakesInterventions, world_of
from ..tree import Tree
from ..wrappers.saliency.pictures import gaze_of
from ..wrappers.saliency.undisturbed import undisturbed
from ..wrappers.saliency.views import Inputs, View


class Moments(NamedTuple):
    """N moments of play, and what is known about them.

    Attributes:
        inputs: what the policy is given, (N, …).
        gaze: pictures and outlines of the patches, of worlds that are seen through a retina, else None.
        relevant: the truth by name ("relevance", and "relevance_value" where a world tells it apart), bool (N, H, W).
        objects: where the world's objects are, bool (N, H, W) by name.
        changed: the observations after something was done to an object, prepared, by the object's name, (N, …).
    """

    inputs: Inputs
    gaze: Gaze | None
    relevant: dict[str, Tensor]
    objects: dict[str, Tensor]
    changed: dict[str, Tree]


def collect(view: View, env: VectorEnv, count: int, every: int, seed: int) -> Moments:
    """Play, and keep moments.

    Args:
        view: the policy, which plays its most likely actions.
        env: worlds with tensors out and relevance, reset at the same step, or any other vector environment.
        count: how many moments.
        every: steps between two that are kept in one world; the first keeping is after so many steps.
        seed: of the worlds.
    """
    kept: list[Moments] = []
    with undisturbed(view), torch.no_grad():
        actor = Actor(policy_of(view.player), environments_of(env, view.device), deterministic=True)
        actor.reset(seed)
        step = 0
        while len(kept) * env.num_envs < count:
            if step % every == every - 1:
                now = actor.now()
                kept.append(_moments(view, env, view.next(now.observation, actor.state, actor.starts), now.info))
            actor.step()
            step += 1
    return tree.index(tree.cat(kept), torch.arange(count))


def _moments(view: View, env: VectorEnv, inputs: Inputs, info: object) -> Moments:
    """The present moment of each world, and what the world says about it."""
    world = world_of(env)
    said = info if isinstance(info, dict) else {}
    relevant = {
        name: torch.as_tensor(value)
        for name, value in said.items()
        if name.startswith("relevance") and np.ndim(value) == 3
    }
    objects, changed = {}, {}
    if isinstance(world, TakesInterventions):
        objects = {name: mask.clone() for name, mask in world.objects(world.state).items()}
        for done in world.interventions:
            if done.name in objects and done.name not in changed:  # the first that the world lists
                after = world.intervene(world.state, done.kind, done.name)
                changed[done.name] = view.prepare(world.observe(after))
    return Moments(inputs, gaze_of(env), relevant, objects, changed)
