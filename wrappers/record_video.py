"""Filming whatever an environment shows."""

from pathlib import Path
from typing import SupportsFloat

import gymnasium as gym

from ..envs.protocols import Info
from ..errors import FoveateError
from ..tree import Tree
from ..viz.canvas import as_picture
from ..viz.pictures import fitted
from ..viz.video import VideoWriter
from .instrument import Instrument


class RecordVideo(Instrument, gym.utils.RecordConstructorArgs):
    """Films whatever an environment's ``render()`` shows, instruments included, into one .mp4 file.

    Frames are encoded as they come, so an episode may be as long as it likes. A picture that grows (a memory's trace)
    is fitted into the size of the first. ``close()`` finishes the file, and so does the end of the program. Whatever an
    instrument inside offers (`maps`, `trace`) is reached through it.

    Args:
        env: with render_mode="rgb_array", or an instrument around any.
        path: the file.
        fps: frames a second; None is the environment's own.
        episodes: how many to film; None films all.
    """

    def __init__(self, env: gym.Env, path: str | Path, fps: int | None = None, episodes: int | None = None):
        gym.utils.RecordConstructorArgs.__init__(self, path=path, fps=fps, episodes=episodes)
        Instrument.__init__(self, env)
        if env.render_mode != "rgb_array":
            raise FoveateError(f'recording needs render_mode="rgb_array", got {env.render_mode!r}.')
        self.writer = VideoWriter(path, fps or int(env.metadata.get("render_fps") or 30))
        self.episodes, self._begun = episodes, 0
        self._size: tuple[int, int] | None = None

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Tree, Info]:
        """Begin an episode, and film its first moment."""
        result = self.env.reset(seed=seed, options=options)
        self._begun += 1
        self._film()
        return result

    def step(self, action: Tree) -> tuple[Tree, SupportsFloat, bool, bool, Info]:
        """Step the environment, and film what it shows."""
        result = self.env.step(action)
        self._film()
        return result

    def _film(self) -> None:
        if self.episodes is None or self._begun <= self.episodes:
            frame = as_picture(self.env.render())
            self._size = self._size or frame.shape[:2]
            self.writer.add(fitted(frame, *self._size))

    def close(self) -> None:
        """Finish the file, and close the environment."""
        self.writer.close()
        super().close()
