"""Encoders: from an observation of any common space to a vector, (N, …) -> (N, output_size)."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import FoveateError, check_choice


class FlatEncoder(nn.Module):
    """An observation as one flat vector; no parameters. Bytes are scaled to [0, 1], numbers become one-hot.

    Args:
        space: Box, Discrete, MultiDiscrete, MultiBinary or a Dict of them.
    """

    def __init__(self, space: spaces.Space):
        super().__init__()
        self.space = space
        self.output_size = _flat_size(space)

    def forward(self, observation: Any) -> Tensor:
        return _flatten(self.space, observation)


def _flat_size(space: spaces.Space) -> int:
    if isinstance(space, spaces.Dict):
        return sum(_flat_size(sub) for sub in space.spaces.values())
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.sum())
    if isinstance(space, (spaces.Box, spaces.MultiBinary)):
        return math.prod(space.shape)
    raise FoveateError(f"no encoder for observations of type {type(space).__name__}.")


def _flatten(space: spaces.Space, value: Any) -> Tensor:
    if isinstance(space, spaces.Dict):
        return torch.cat([_flatten(sub, value[key]) for key, sub in space.spaces.items()], -1)
    if isinstance(space, spaces.Discrete):
        return F.one_hot(value.long() - int(space.start), int(space.n)).float()
    if isinstance(space, spaces.MultiDiscrete):
        hot = [
            F.one_hot(v.long(), int(n)).float()
            for v, n in zip(value.flatten(1).unbind(-1), space.nvec.flat, strict=True)
        ]
        return torch.cat(hot, -1)
    flat = value.flatten(1)
    return flat.float() / 255 if flat.dtype == torch.uint8 else flat.float()


def as_image(space: spaces.Space) -> tuple[int, int, int]:
    """The (C, H, W) of a channels-first image space, or a FoveateError."""
    if not isinstance(space, spaces.Box) or len(space.shape) != 3:
        raise FoveateError(
            f'this agent needs whole images, Box of shape (C, H, W), got {space}. For Glimpse worlds use view="image".'
        )
    return space.shape  # type: ignore[return-value]


class MLP(nn.Module):
    """Fully connected layers with ReLU on the flat observation.

    Args:
        space: any space that `FlatEncoder` takes.
        layers: units of each layer.
    """

    def __init__(self, space: spaces.Space, layers: Sequence[int]):
        super().__init__()
        self.flat = FlatEncoder(space)
        sizes = [self.flat.output_size, *layers]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.output_size = sizes[-1]

    def forward(self, observation: Any) -> Tensor:
        x = self.flat(observation)
        for layer in self.layers:
            x = F.relu(layer(x))
        return x  # (N, output_size)


class ConvNet(nn.Module):
    """A convolutional network on whole images.

    Args:
        space: Box (C, H, W).
        architecture: "paper" (the baseline of Mnih et al. 2014, section 4: one layer of 8 filters of 10x10 with stride
            5, then 256 units) or "modern" (four 3x3 layers with group normalisation, average and maximum over places).
    """

    def __init__(self, space: spaces.Space, architecture: str):
        super().__init__()
        check_choice("architecture", architecture, ["paper", "modern"])
        channels, height, width = as_image(space)
        self.paper = architecture == "paper"
        if self.paper:
            if min(height, width) < 10:
                raise FoveateError(f"architecture='paper' needs images of at least 10x10, got {height}x{width}.")
            places = ((height - 10) // 5 + 1) * ((width - 10) // 5 + 1)
            self.body = nn.Sequential(
                nn.Conv2d(channels, 8, 10, 5), nn.ReLU(), nn.Flatten(), nn.Linear(8 * places, 256), nn.ReLU()
            )
            self.output_size = 256
            return
        blocks: list[nn.Module] = []
        for before, after, stride in ((channels, 32, 2), (32, 64, 2), (64, 128, 2), (128, 128, 1)):
            blocks += [nn.Conv2d(before, after, 3, stride, 1), nn.GroupNorm(8, after), nn.ReLU()]
        self.body = nn.Sequential(*blocks)
        self.output_size = 256

    def forward(self, observation: Tensor) -> Tensor:
        image = observation.float() / 255 if observation.dtype == torch.uint8 else observation
        x = self.body(image)
        if self.paper:
            return x
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], -1)  # (N, 256)
