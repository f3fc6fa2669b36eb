"""The retina of the glimpse worlds, around any Gymnasium environment with image observations."""

from typing import SupportsFloat

import gymnasium as gym
import numpy as np
import torch

from ..envs.glimpse import retina
from ..envs.protocols import Gaze, Info
from ..tree import Tree
from ..viz.glimpses import glimpse_frame
from .eye import Eye, First


class Foveate(gym.Wrapper, gym.utils.RecordConstructorArgs):
    """Hard attention for any image environment: the agent looks at it through a retina that it moves.

    Observation space:
        ``Dict(glimpse=Box(0, 1, (scales·C, patch, patch)), location=Box(-1, 1, (2,)))``: the patches of the current
        frame around the gaze, finest scale first and within a scale channel by channel, and where the gaze is, (x, y).

    Action space:
        ``Dict(action=<the environment's own>, location=Box(-1, 1, (2,)))``, where the environment's own parts stand
        beside `location` if it is a Dict already. The gaze moves to `location` (clipped) before it looks at the next
        frame.

    Everything else (rewards, ends, info) is the environment's. ``render()`` shows the frame, the outlines of the
    patches and the path of the gaze, beside what the retina passes on.

    Args:
        env: with observations (H, W), (H, W, C) or (C, H, W), bytes or floats in [0, 1].
        patch: side of each patch in pixels.
        scales: number of patches, each twice as wide as the one before.
        first: where an episode's first glimpse is, "random" or "centre".

    Source:
        Mnih et al. 2014, "Recurrent Models of Visual Attention", section 3.
    """

    def __init__(self, env: gym.Env, patch: int = 12, scales: int = 3, first: First = "random"):
        gym.utils.RecordConstructorArgs.__init__(self, patch=patch, scales=scales, first=first)
        gym.Wrapper.__init__(self, env)
        self.eye = Eye(env.observation_space, env.action_space, patch, scales, first)
        self.observation_space, self.action_space = self.eye.observation_space, self.eye.action_space
        self._random = np.random.default_rng()
        self._image = torch.zeros(1, self.eye.channels, 1, 1)
        self._trail: list[np.ndarray] = []

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[dict[str, np.ndarray], Info]:
        """Begin an episode with the gaze at its first place."""
        if seed is not None:
            self._random = np.random.default_rng(seed)
        observation, info = self.env.reset(seed=seed, options=options)
        self._trail = []
        return self._see(observation, self.eye.first_place(self._random)), info

    def step(self, action: dict[str, Tree]) -> tuple[dict[str, np.ndarray], SupportsFloat, bool, bool, Info]:
        """Act in the environment, and look elsewhere.

        Raises:
            FoveateError: the location is not two numbers.
        """
        own, place = self.eye.divide(action, (2,))
        observation, reward, terminated, truncated, info = self.env.step(own)
        return self._see(observation, place), reward, terminated, truncated, info

    def _see(self, observation: np.ndarray, place: np.ndarray) -> dict[str, np.ndarray]:
        self._image = self.eye.images(np.asarray(observation)[None])  # (1, C, H, W)
        self._trail.append(place)
        return {name: value[0] for name, value in self.eye.look(self._image, place[None]).items()}

    def gaze(self) -> Gaze:
        """The whole picture, uint8 (1, H, W[, 3]), and the outlines of the patches on it, float (1, scales, 4)."""
        picture = (self._image * 255).round().to(torch.uint8).permute(0, 2, 3, 1)  # (1, H, W, C)
        size = (self._image.shape[2], self._image.shape[3])
        outlines = retina.boxes(torch.from_numpy(self._trail[-1])[None], self.eye.patch, self.eye.scales, size)
        return Gaze(picture[..., :3] if self.eye.channels >= 3 else picture[..., 0], outlines)

    def render(self) -> object:
        """What the agent sees and where, as one picture; other render modes are the environment's."""
        if self.render_mode != "rgb_array" or not self._trail:
            return self.env.render()
        picture, outlines = (part[0].numpy() for part in self.gaze())
        eye = self.eye
        seen = eye.look(self._image, self._trail[-1][None])["glimpse"][0]
        patches = seen.reshape(eye.scales, eye.channels, eye.patch, eye.patch)
        shown = patches[:, :3].transpose(0, 2, 3, 1) if eye.channels >= 3 else patches[:, 0]
        path = np.stack(self._trail[-8:])  # the last few: a game lasts for thousands of steps
        return glimpse_frame(picture, f"step {len(self._trail) - 1}", shown, outlines, path)
