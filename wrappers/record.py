"""Playing an agent for the camera."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import gymnasium as gym
import numpy as np

from ..agents.learning.actor import Actor
from ..agents.learning.environments import environments_of
from ..agents.learning.players import Player, policy_of
from ..agents.policies.modes import at_play
from ..agents.policies.policy import Policy
from ..errors import FoveateError
from ..viz.canvas import as_picture


class Frame(NamedTuple):
    """A picture of play.

    Attributes:
        picture: uint8 (H, W, 3).
        last: whether it is of an episode's end.
    """

    picture: np.ndarray
    last: bool


def film_play(
    env: gym.Env | gym.vector.VectorEnv, player: Policy | Player, seed: int = 0, deterministic: bool = True
) -> Iterator[Frame]:
    """The frames of play, episode after episode: after each reset and after each step.

    Args:
        env: with render_mode="rgb_array"; also a vector environment whose rows are the agents of one world, with
            ``autoreset_mode="Disabled"``.
        player: who plays.
        seed: of the first episode; the others follow from it.
        deterministic: take the most likely actions.

    Raises:
        FoveateError: the environment draws nothing.
    """
    if env.render_mode != "rgb_array":
        raise FoveateError(f'recording needs render_mode="rgb_array", got {env.render_mode!r}.')
    policy = policy_of(player)
    device = policy.device if isinstance(policy, Policy) else "cpu"
    actor = Actor(policy, environments_of(env, device, autoreset=False), deterministic)
    first: int | None = seed
    while True:
        with at_play(policy):
            if actor.due:
                actor.reset(first)
            else:
                actor.step()
        first = None
        yield Frame(_drawn(env), actor.due)


def record_episodes(
    env: gym.Env | gym.vector.VectorEnv,
    player: Policy | Player,
    episodes: int,
    seed: int = 0,
    deterministic: bool = True,
    on_episode: Callable[[int], object] | None = None,
) -> list[list[np.ndarray]]:
    """The frames of some episodes, one list each: after the reset and after every step.

    Args:
        env: see `film_play`.
        player: who plays.
        episodes: how many.
        seed: of the first; the others follow from it.
        deterministic: take the most likely actions.
        on_episode: called after each episode with the number so far.

    Raises:
        FoveateError: the environment draws nothing.
    """
    recorded: list[list[np.ndarray]] = []
    frames: list[np.ndarray] = []
    play = film_play(env, player, seed, deterministic)
    while len(recorded) < episodes:
        frame = next(play)
        frames.append(frame.picture)
        if frame.last:
            recorded.append(frames)
            frames = []
            if on_episode is not None:
                on_episode(len(recorded))
    return recorded


def _drawn(env: gym.Env | gym.vector.VectorEnv) -> np.ndarray:
    picture = env.render()
    return as_picture(picture[0] if isinstance(picture, tuple) else picture)
