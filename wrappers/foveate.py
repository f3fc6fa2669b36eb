"""The retina of the glimpse worlds, around any Gymnasium environment with image observations."""

from typing import SupportsFloat

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..envs.glimpse import retina
from ..envs.protocols import Gaze, Info
from ..errors import FoveateError, check_choice, check_range
from ..tree import Tree
from ..viz.glimpses import glimpse_frame


class Foveate(gym.Wrapper):
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

    def __init__(self, env: gym.Env, patch: int = 12, scales: int = 3, first: str = "random"):
        super().__init__(env)
        patch = check_range("patch", patch, 1, 1000)
        scales = check_range("scales", scales, 1, 8)
        first = check_choice("first", first, ["random", "centre"])
        self.layout = _layout(env.observation_space)
        self.patch, self.scales, self.first = patch, scales, first
        own = env.action_space
        if isinstance(own, spaces.Dict) and "location" in own.spaces:
            raise FoveateError("the environment's action has a part called 'location' already.")
        self._bare = not isinstance(own, spaces.Dict)
        look = spaces.Box(-1.0, 1.0, (2,), np.float32)
        parts = own.spaces if isinstance(own, spaces.Dict) else {"action": own}
        self.action_space = spaces.Dict({"location": look, **parts})
        channels = _as_channels_first(env.observation_space.sample(), self.layout).shape[1]
        self.channels = channels
        self.observation_space = spaces.Dict(
            {"glimpse": spaces.Box(0.0, 1.0, (scales * channels, patch, patch), np.float32), "location": look}
        )
        self._random = np.random.default_rng()
        self._image = torch.zeros(1, channels, 1, 1)
        self._trail: list[np.ndarray] = []

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[dict[str, np.ndarray], Info]:
        """Begin an episode with the gaze at its first place."""
        if seed is not None:
            self._random = np.random.default_rng(seed)
        observation, info = self.env.reset(seed=seed, options=options)
        place = np.zeros(2) if self.first == "centre" else self._random.uniform(-1, 1, 2)
        self._trail = []
        return self._see(observation, place), info

    def step(self, action: dict[str, Tree]) -> tuple[dict[str, np.ndarray], SupportsFloat, bool, bool, Info]:
        """Act in the environment, and look elsewhere.

        Raises:
            FoveateError: the location is not two numbers.
        """
        place = np.asarray(action["location"], dtype=np.float64)
        if place.shape != (2,) or np.isnan(place).any():
            raise FoveateError(f"action['location'] must be two numbers, got {action['location']!r}.")
        own = action["action"] if self._bare else {k: v for k, v in action.items() if k != "location"}
        observation, reward, terminated, truncated, info = self.env.step(own)
        return self._see(observation, place.clip(-1, 1)), reward, terminated, truncated, info

    def _see(self, observation: np.ndarray, place: np.ndarray) -> dict[str, np.ndarray]:
        self._image = _as_channels_first(observation, self.layout)  # (1, C, H, W)
        self._trail.append(place.astype(np.float32))
        fields = retina.pool(self._image, self.scales)
        glimpse = retina.look(fields, torch.from_numpy(self._trail[-1])[None], self.patch)[0]
        return {"glimpse": glimpse.numpy().clip(0, 1), "location": self._trail[-1].copy()}

    def gaze(self) -> Gaze:
        """The whole picture, uint8 (1, H, W[, 3]), and the outlines of the patches on it, float (1, scales, 4)."""
        picture = (self._image * 255).round().to(torch.uint8).permute(0, 2, 3, 1)  # (1, H, W, C)
        size = (self._image.shape[2], self._image.shape[3])
        outlines = retina.boxes(torch.from_numpy(self._trail[-1])[None], self.patch, self.scales, size)
        return Gaze(picture[..., :3] if self.channels >= 3 else picture[..., 0], outlines)

    def render(self) -> object:
        """What the agent sees and where, as one picture; other render modes are the environment's."""
        if self.render_mode != "rgb_array" or not self._trail:
            return self.env.render()
        picture, outlines = (part[0].numpy() for part in self.gaze())
        place = torch.from_numpy(self._trail[-1])[None]
        patches = retina.look(retina.pool(self._image, self.scales), place, self.patch)[0].numpy()
        patches = patches.reshape(self.scales, self.channels, self.patch, self.patch)
        shown = patches[:, :3].transpose(0, 2, 3, 1) if self.channels >= 3 else patches[:, 0]
        path = np.stack(self._trail[-8:])  # the last few: a game lasts for thousands of steps
        return glimpse_frame(picture, f"step {len(self._trail) - 1}", shown, outlines, path)


def _layout(space: spaces.Space) -> str:
    """How an image observation is laid out: "HW", "HWC" or "CHW"."""
    shape = list(space.shape or ())
    is_bytes = space.dtype == np.uint8
    unit = isinstance(space, spaces.Box) and space.low.min() >= 0 and space.high.max() <= 1
    if not isinstance(space, spaces.Box) or len(shape) not in (2, 3) or not (is_bytes or unit):
        raise FoveateError(
            f"Foveate needs images, uint8 or floats in [0, 1], of shape (H, W[, C]) or (C, H, W), got {space}."
        )
    if len(shape) == 2:
        return "HW"
    return "HWC" if shape[-1] < shape[0] else "CHW"


def _as_channels_first(image: np.ndarray, layout: str) -> Tensor:
    """An observation as float (1, C, H, W) in [0, 1]."""
    array = np.asarray(image)
    tensor = torch.from_numpy(array.astype(np.float32))
    if array.dtype == np.uint8:
        tensor = tensor / 255
    if layout == "HW":
        return tensor[None, None]
    return tensor.permute(2, 0, 1)[None] if layout == "HWC" else tensor[None]
