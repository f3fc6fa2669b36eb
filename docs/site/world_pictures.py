"""A film of one episode of an environment, played by the oracle of its certified scale."""

import io
from collections.abc import Iterator

import gymnasium as gym
import numpy as np
from PIL import Image

from foveate.envs import BatchWorld
from foveate.envs.protocols import world_of
from foveate.viz.canvas import as_picture

SEED = 3
MOST_STEPS = 120
MOST_FRAMES = 14
COLOURS = 48
LAST = 2000  # milliseconds that the last frame stays


def film(env_id: str) -> bytes:
    """A GIF of an episode's beginning, of at most `MOST_FRAMES` frames.

    Args:
        env_id: of the environment.

    Raises:
        FoveateError: its data are not on this machine.
    """
    env = gym.make_vec(env_id, num_envs=1, autoreset_mode="Disabled", render_mode="rgb_array", output="torch")
    steps = sum(1 for _ in _moments(env))
    chosen = set(np.linspace(0, steps - 1, min(steps, MOST_FRAMES)).round().astype(int).tolist())
    frames = [_drawn(env) for moment in _moments(env) if moment in chosen]  # to draw takes longer than to play twice
    fps = _world(env).render_fps
    env.close()
    pictures = [Image.fromarray(frame) for frame in frames]
    palette = max(pictures, key=lambda picture: picture.height).quantize(COLOURS)
    drawn = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    milliseconds = [max(1000 // fps, 200)] * (len(drawn) - 1) + [LAST]
    file = io.BytesIO()
    drawn[0].save(file, "gif", save_all=True, append_images=drawn[1:], duration=milliseconds, loop=0)
    return file.getvalue()


def _moments(env: gym.vector.VectorEnv) -> Iterator[int]:
    """Play, and count."""
    world = _world(env)
    env.reset(seed=SEED)
    moment = 0
    yield moment
    while moment < MOST_STEPS and not bool(world.over.all()):
        world.step(world.oracle())  # the world itself: an oracle's action needs no reading
        moment += 1
        yield moment


def _drawn(env: gym.vector.VectorEnv) -> np.ndarray:
    frame = env.render()
    return as_picture(frame[0] if isinstance(frame, (tuple, list)) else frame)


def _world(env: gym.vector.VectorEnv) -> BatchWorld:
    world = world_of(env)
    assert world is not None, f"{env} is none of ours"
    return world
