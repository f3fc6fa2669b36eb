"""What `Foveate` and `FoveateVector` share: how pictures are laid out, and what a retina sees of them."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ..envs.glimpse import retina
from ..envs.observations import ObservationReader
from ..envs.spaces import to_floats
from ..errors import FoveateError, check_choice, check_range, shortened
from ..tree import Tree

First = Literal["random", "centre"]


class Eye:
    """A retina for the pictures of an environment.

    Args:
        observations: the space of one picture.
        actions: the space of one of the environment's own actions.
        patch: side of each patch in pixels.
        scales: number of patches, each twice as wide as the one before.
        first: where an episode's first glimpse is, "random" or "centre".

    Attributes:
        layout: "HW", "HWC" or "CHW".
        channels: of a picture.
        observation_space: what the agent sees.
        action_space: what it does.

    Raises:
        FoveateError: these are no pictures, or the action has a location already.
    """

    def __init__(self, observations: spaces.Space, actions: spaces.Space, patch: int, scales: int, first: str):
        self.patch, self.scales = check_range("patch", patch, 1, 1000), check_range("scales", scales, 1, 8)
        self.first = check_choice("first", first, ["random", "centre"])
        self.layout = _layout(observations)
        self._read, self._picture = ObservationReader(observations), observations
        if isinstance(actions, spaces.Dict) and "location" in actions.spaces:
            raise FoveateError("the environment's action has a part called 'location' already.")
        self._bare = not isinstance(actions, spaces.Dict)
        look = spaces.Box(-1.0, 1.0, (2,), np.float32)
        parts = actions.spaces if isinstance(actions, spaces.Dict) else {"action": actions}
        self.action_space = spaces.Dict({"location": look, **parts})
        self.channels = 1 if self.layout == "HW" else (observations.shape or (1,))[-1 if self.layout == "HWC" else 0]
        seen = (self.scales * self.channels, self.patch, self.patch)
        self.observation_space = spaces.Dict({"glimpse": spaces.Box(0.0, 1.0, seen, np.float32), "location": look})

    def first_place(self, random: np.random.Generator) -> np.ndarray:
        """Where an episode's first glimpse is, float32 (2,)."""
        place = np.zeros(2) if self.first == "centre" else random.uniform(-1, 1, 2)
        return place.astype(np.float32)

    def divide(self, action: Tree, shape: tuple[int, ...]) -> tuple[Tree, np.ndarray]:
        """The environment's own part of an action, and where to look.

        Args:
            action: a mapping.
            shape: of the location, (2,) or (B, 2).

        Raises:
            FoveateError: there is no location, or it is no such numbers.
        """
        wanted = self.action_space.spaces.keys()
        if not isinstance(action, Mapping) or action.keys() != wanted:
            raise FoveateError(f"action must be a mapping with the keys {sorted(wanted)}, got {shortened(action)}.")
        try:
            place = np.asarray(action["location"], dtype=np.float64)
        except (TypeError, ValueError):
            place = np.full((), np.nan)
        if place.shape != shape or np.isnan(place).any():
            raise FoveateError(
                f"action['location'] must be two numbers, of shape {shape}, got {shortened(action['location'])}."
            )
        own = action["action"] if self._bare else {k: v for k, v in action.items() if k != "location"}
        return own, place.clip(-1, 1).astype(np.float32)

    def images(self, observations: np.ndarray) -> Tensor:
        """Pictures (B, …) as float (B, C, H, W) in [0, 1]; white is the space's, whatever type they come in.

        Raises:
            FoveateError: they have another shape, or numbers that the space doesn't have.
        """
        pictures = to_floats(self._read(observations))
        if not bool(((pictures >= 0) & (pictures <= 1)).all()):
            raise FoveateError(f"pictures of {self._picture} must not go from {pictures.min()} to {pictures.max()}.")
        if self.layout == "HW":
            return pictures[:, None]
        return pictures.permute(0, 3, 1, 2) if self.layout == "HWC" else pictures

    def look(self, images: Tensor, places: np.ndarray) -> dict[str, np.ndarray]:
        """What the agent sees of pictures (B, C, H, W) at places (B, 2), as fresh arrays (B, …)."""
        fields = retina.pool(images, self.scales)
        glimpses = retina.look(fields, torch.from_numpy(places), self.patch)
        return {"glimpse": glimpses.numpy().clip(0, 1), "location": places.copy()}


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
