"""The same weights in another form: on whole images instead of glimpses, or on images of another size."""

from typing import Any

import torch
from gymnasium import spaces
from torch import Tensor

from ...agents import agent_class
from ...agents.learning.actor import Actor
from ...agents.learning.environments import Unchanging
from ...agents.policies.policy import WHOLE, Policy
from ...envs.registry import env_options, make_worlds
from ...errors import FoveateError
from ...introspect import constructor_options
from .gather import Run

_RETINA = ("patch", "scales", "location", "tiles", "overview")  # what a world's retina and an agent's own share


def image_arguments(run: Run, **changed: object) -> dict[str, Any]:
    """The arguments of a run's world, seen as whole images."""
    return {**run.env, "view": "image", **changed}


def in_images(run: Run, **changed: object) -> Policy:
    """A run's network on whole images, on the CPU: one that looks by acting takes the same glimpses itself.

    Args:
        run: whose weights.
        **changed: arguments of the world that differ (a larger `size`).

    Raises:
        FoveateError: its weights fit no such images.
    """
    options = dict(run.config["agent_options"])
    kind = agent_class(run.config["agent"])
    if isinstance(run.learner.observation_space, spaces.Dict):
        if run.env.get("location") == "moves" or run.env.get("zoom") or run.env.get("first", "random") != "random":
            raise FoveateError(
                "moves, zoom and a first glimpse at the centre are the world's; no agent has them inside"
            )
        known = constructor_options(kind)
        options |= {k: run.env[k] for k in _RETINA if k in run.env and k in known}
    worlds = make_worlds(run.env_id, 1, "cpu", image_arguments(run, **changed))
    try:
        policy = kind(worlds.single_observation_space, worlds.single_action_space, **options)
        missing = policy.load_state_dict(_renamed(run, policy), strict=False)
    except RuntimeError as error:
        raise FoveateError("its weights fit no images of this size") from error
    if missing.missing_keys or missing.unexpected_keys:
        raise FoveateError(f"its weights don't fit on whole images: {missing.missing_keys or missing.unexpected_keys}")
    return policy.eval()


def _renamed(run: Run, policy: Policy) -> dict[str, Tensor]:
    """The weights, with the answer's head under the name that it has where it is the whole action."""
    state = run.policy.state_dict()
    if WHOLE not in policy.heads:
        return state
    return {name.replace(f"heads.{run.answer}.", f"heads.{WHOLE}."): value for name, value in state.items()}


def answer_part(run: Run, policy: Policy) -> str:
    """The name of the part of the action that is the answer."""
    return WHOLE if WHOLE in policy.heads else run.answer


def episode(run: Run, policy: Policy, image: Tensor, deterministic: bool = True) -> tuple[Tensor, Tensor]:
    """One episode on images that stay, differentiable in them.

    Args:
        run: whose glimpses to take.
        policy: its network on whole images.
        image: float, (B, C, H, W) in [0, 1].
        deterministic: look at the most likely places, else sample.

    Returns:
        The parameters of the last answer, (B, n), and the log-probability of all places looked at, (B,).
    """
    actor = Actor(policy, Unchanging(image, policy.action_space), deterministic)
    outputs = [actor.step().output for _ in range(run.glimpses)]
    places = torch.zeros(len(image), device=image.device)
    for output in outputs[:-1]:  # no glimpse follows the last choice
        if "location" in output.log_prob:
            places = places + output.log_prob["location"]
    return outputs[-1].parameters[answer_part(run, policy)], places


def can_change(run: Run, name: str) -> bool:
    """Whether a run's world has an argument."""
    return name in env_options(run.env_id)
