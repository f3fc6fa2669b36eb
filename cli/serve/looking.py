"""An agent that looks at an image glimpse by glimpse: a test image, or one that was drawn."""

from typing import NamedTuple

import numpy as np
import torch

from ...agents import Algorithm
from ...envs.glimpse.classification import Classification
from ...envs.glimpse.scene import ImageScene
from ...envs.protocols import world_of
from ...envs.registry import make_one
from ...envs.sequence.things import CLOTHES
from ...errors import FoveateError, check_range
from ...viz.canvas import enlarge
from ...viz.glimpses import SIDE, draw_outlines, draw_path
from ...viz.palette import OKABE_ITO
from ...wrappers.saliency.follower import Follower
from ...wrappers.saliency.policy_views import view_of
from .shelf import Agent

MOST_SEED = 2**31 - 1


class Glimpse(NamedTuple):
    """One look.

    Attributes:
        picture: the whole image with the path so far and the outlines of the patches, uint8 (H, W, 3).
        patches: what the network sees at each scale, the finest first, uint8 (p, p, 3) each.
        odds: the probability of each class afterwards, float (C,).
        answer: the class that was said.
        place: where it looked, (x, y) in [-1, 1], from the left and from the top.
    """

    picture: np.ndarray
    patches: list[np.ndarray]
    odds: np.ndarray
    answer: int
    place: tuple[float, float]


class Look(NamedTuple):
    """An episode.

    Attributes:
        glimpses: one after the other.
        names: of the classes.
        truth: the right class; None where nobody knows.
        sides: how many pixels of the image a patch covers, at each scale.
    """

    glimpses: list[Glimpse]
    names: list[str]
    truth: int | None
    sides: list[int]


def look(agent: Agent, learner: Algorithm, image: int, place: int, drawn: np.ndarray | None = None) -> Look:
    """Let an agent look at an image.

    Args:
        agent: who looks.
        learner: the same, loaded.
        image: which test image, modulo their number.
        place: the seed of where it lies, what else lies there and where the first glimpse falls.
        drawn: an image instead of the test image, uint8, as large as the data's; None shows the test image.

    Raises:
        FoveateError: the image is of another size, or the agent's world can't be made here.
    """
    check_range("image", image, 0, MOST_SEED)
    check_range("place", place, 0, MOST_SEED)
    env = make_one(agent.env_id, {**agent.env, "split": "test", "order": "each"}, "rgb_array")
    world = world_of(env)
    assert isinstance(world, Classification)
    assert isinstance(world.scene, ImageScene)
    scene = world.scene
    if drawn is not None:
        height, width = scene.images.shape[1:]
        if drawn.shape != (height, width):
            raise FoveateError(f"{agent.name} looks at images of {height}x{width} pixels, this one has {drawn.shape}.")
        # the first of all images; the others stay, since clutter is made of pieces of them
        scene.images = torch.cat([torch.from_numpy(drawn)[None], scene.images])
        scene.labels = torch.cat([scene.labels[:1], scene.labels])
        image = 0
    count = len(scene.images)  # with order="each" a seed s shows image s modulo their number
    observation, _ = env.reset(seed=place * count + image % count)
    picture = world.picture(world.state)[0].numpy()
    follower, glimpses = Follower(view_of(learner)), []
    outputs, state, over = follower.begin(observation), None, False
    while not over:
        seen = world.glimpse(world.state)[0].numpy()
        outlines = world.sensor.outlines(world.state, world.picture_size)[0].numpy()
        path = world.state["trail"][0, : len(glimpses) + 1].numpy()
        action, state = learner.predict(observation, state, deterministic=True)
        odds = outputs.parameters["label"][0].softmax(-1).numpy(force=True)
        gaze = (float(path[-1][0]), float(path[-1][1]))
        patches = [enlarge((patch * 255).astype(np.uint8), *patch.shape[:2]) for patch in seen]
        glimpses.append(Glimpse(_drawn(picture, outlines, path), patches, odds, int(action["label"]), gaze))
        observation, _, terminated, truncated, _ = env.step(action)
        over = terminated or truncated
        if not over:
            outputs = follower.go_on(observation)
    truth = int(world.state["label"][0]) if drawn is None else None
    sides = [world.sensor.patch * 2**k for k in range(world.sensor.scales)]
    env.close()
    return Look(glimpses, class_names(agent, len(glimpses[0].odds)), truth, sides)


def class_names(agent: Agent, count: int) -> list[str]:
    """What the classes are called."""
    return list(CLOTHES) if agent.env.get("data") == "fashion-mnist" else [str(label) for label in range(count)]


def _drawn(picture: np.ndarray, outlines: np.ndarray, path: np.ndarray) -> np.ndarray:
    panel = enlarge(picture, SIDE, SIDE)
    draw_outlines(panel, outlines, picture.shape[:2], OKABE_ITO)
    draw_path(panel, path)
    return panel
