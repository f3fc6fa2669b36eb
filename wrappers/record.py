"""Playing an agent for the camera."""

from collections.abc import Callable
from typing import Any, Protocol

import gymnasium as gym
import numpy as np

from ..errors import FoveateError


class Player(Protocol):
    """Anything that plays as Stable-Baselines3's algorithms do."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """The action and the next state."""
        ...


def record_episodes(
    env: gym.Env | gym.vector.VectorEnv,
    player: Player,
    episodes: int,
    seed: int = 0,
    deterministic: bool = True,
    on_episode: Callable[[int], object] | None = None,
) -> list[list[np.ndarray]]:
    """The frames of some episodes, one list each: after the reset and after every step.

    Args:
        env: made with render_mode="rgb_array"; also a vector environment whose rows are the agents of one world.
        player: who plays.
        episodes: how many.
        seed: of the first; the others follow from it.
        deterministic: take the most likely actions.
        on_episode: called after each episode with the number so far.
    """
    if env.render_mode != "rgb_array":
        raise FoveateError(f'recording needs render_mode="rgb_array", got {env.render_mode!r}.')
    recorded = []
    for episode in range(episodes):
        observation, _ = env.reset(seed=seed if episode == 0 else None)
        frames, state, ended = [_frame(env)], None, False
        while not ended:
            start = np.full(getattr(env, "num_envs", 1), state is None)
            action, state = player.predict(observation, state, start, deterministic)
            observation, _, terminated, truncated, _ = env.step(action)
            frames.append(_frame(env))
            ended = bool(np.any(terminated) or np.any(truncated))
        recorded.append(frames)
        if on_episode is not None:
            on_episode(episode + 1)
    return recorded


def _frame(env: gym.Env | gym.vector.VectorEnv) -> np.ndarray:
    shown = env.render()
    return np.asarray(shown[0] if isinstance(shown, tuple) else shown, dtype=np.uint8)
