"""Encoders: from an observation of any common space to a vector, (N, …) -> (N, output_size)."""

import itertools
import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from gymnasium import spaces
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ....envs.observations import seen_space
from ....envs.spaces import flat_size, flatten, to_floats
from ....errors import FoveateError, check_choice, check_range
from ....tree import Tree
from ..cores.base import Source


class Encoder(nn.Module):
    """From observations to vectors.

    Attributes:
        output_size: of a vector.
        over_time: whether it takes whole sequences: ``encoder(observation, starts)`` with tensors (T, B, …) and
            bool (T, B), returning (T, B, output_size). Else time is as good as batch: ``encoder(observation)`` with
            tensors (N, …), returning (N, output_size).
    """

    output_size: int
    over_time: ClassVar[bool] = False


class SourceEncoder(nn.Module):
    """Reads a whole source when an episode starts: observations (B, …) -> `Source`.

    Attributes:
        max_length: L, to which every source is padded.
        item_size: D, numbers of an item.
        query_size: U, numbers of what is asked about a source; 0 where nothing is.
        ponders: whether it says how long it thought about each item.
    """

    max_length: int
    item_size: int
    query_size: int = 0
    ponders: bool = False

    def forward(self, observation: Tree) -> Source:
        """What is read of the source in observations (B, …)."""
        raise NotImplementedError

    def costs(self, source: Source) -> dict[str, Tensor]:
        """What reading a source costs by itself, by name, (B,), already weighted; due once, when an episode starts."""
        return {}

    def empty(self, batch: int, device: torch.device | str = "cpu") -> Source:
        """What stands in the state before anything was read; its items are a view of one number."""
        nothing = torch.zeros((), device=device, dtype=torch.float32)
        items = nothing.expand(batch, self.max_length, self.item_size)
        query = torch.zeros(batch, self.query_size, device=device, dtype=torch.float32) if self.query_size else None
        ponder = nothing.expand(batch, self.max_length) if self.ponders else None
        return Source(items, torch.zeros(batch, dtype=torch.int64, device=device), query, ponder)


class FlatEncoder(Encoder):
    """An observation as one flat vector; no parameters. Bytes are scaled to [0, 1], numbers become one-hot.

    Args:
        space: Box, Discrete, MultiDiscrete, MultiBinary or a Dict of them.
    """

    def __init__(self, space: spaces.Space):
        super().__init__()
        self.space = space
        self.output_size = flat_size(space)

    def forward(self, observation: Tree) -> Tensor:
        return flatten(self.space, observation)


def as_image(space: spaces.Space) -> tuple[int, int, int]:
    """The (C, H, W) of an image space, as a policy sees it.

    Raises:
        FoveateError: the space is no Box with three dimensions.
    """
    space = seen_space(space)
    if not isinstance(space, spaces.Box) or len(space.shape) != 3:
        raise FoveateError(
            f'this agent needs whole images, Box of shape (C, H, W), got {space}. For Glimpse worlds use view="image".'
        )
    channels, height, width = space.shape
    return channels, height, width


class MLP(Encoder):
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

    def forward(self, observation: Tree) -> Tensor:
        x = self.flat(observation)
        for layer in self.layers:
            x = F.relu(layer(x))
        return x  # (N, output_size)


class ConvNet(Encoder):
    """A convolutional network on whole images.

    Args:
        space: Box (C, H, W).
        architecture: "paper" (the baseline of Mnih et al. 2014, section 4: one layer of 8 filters of 10x10 with stride
            5, then 256 units), "modern" (four 3x3 layers with group normalisation, average and maximum over places) or
            "nature" (the three layers of Mnih et al. 2015 for Atari frames).
        shrink: average blocks of shrink x shrink pixels first.
        hidden: "nature": units of a fully connected layer behind the convolutions (512 in the paper), 0 for none.
    """

    def __init__(self, space: spaces.Space, architecture: str, shrink: int = 1, hidden: int = 512):
        super().__init__()
        check_choice("architecture", architecture, ["paper", "modern", "nature"])
        check_range("shrink", shrink, 1)
        check_range("hidden", hidden, 0)
        channels, height, width = as_image(space)
        height, width = height // shrink, width // shrink
        self.architecture, self.shrink = architecture, shrink
        least = {"paper": 10, "modern": 1, "nature": 36}[architecture]
        if min(height, width) < least:
            raise FoveateError(
                f"architecture={architecture!r} needs images of at least {least}x{least}, got {height}x{width}."
            )
        self.output_size = 256
        if architecture == "paper":
            places = ((height - 10) // 5 + 1) * ((width - 10) // 5 + 1)
            convolution, layer = nn.Conv2d(channels, 8, 10, 5), nn.Linear(8 * places, 256)
            self.body = nn.Sequential(convolution, _relu(), nn.Flatten(), layer, _relu())
        elif architecture == "modern":
            blocks: list[nn.Module] = []
            for before, after, stride in ((channels, 32, 2), (32, 64, 2), (64, 128, 2), (128, 128, 1)):
                blocks += [nn.Conv2d(before, after, 3, stride, 1), nn.GroupNorm(8, after), _relu()]
            self.body = nn.Sequential(*blocks)
            begin_at_he(self.body)
        else:
            self.body = _nature(channels, height, width, hidden)
            with torch.no_grad():
                self.output_size = self.body(torch.zeros(1, channels, height, width)).shape[1]

    def forward(self, observation: Tensor) -> Tensor:
        image = to_floats(observation)
        if self.shrink > 1:
            image = shrunk(image, self.shrink)
        x = self.body(image)
        if self.architecture == "modern":
            return torch.cat([x.mean((2, 3)), x.amax((2, 3))], -1)
        return x  # (N, output_size)


def _relu() -> nn.Module:
    """Writes over what a layer says, which nobody else reads: fresh memory costs more than the arithmetic."""
    return nn.ReLU(inplace=True)


def shrunk(image: Float[Tensor, "batch channels height width"], by: int) -> Float[Tensor, "batch channels _ _"]:
    """The averages of blocks of by x by pixels, (N, C, H // by, W // by); on a CPU ten times as fast as avg_pool2d."""
    height, width = (size // by * by for size in image.shape[2:])
    parts = [image[..., i:height:by, j:width:by] for i in range(by) for j in range(by)]
    return sum(parts[1:], parts[0]) / by**2


def begin_at_he(body: nn.Module) -> None:
    """He et al. 2015's weights, and biases of zero.

    A normalised layer says the same at any scale of its weights, so their scale decides how fast they turn. At
    PyTorch's default, which is smaller, Adam's first steps at the usual rate of 0.001 turn them so far that the
    features become the same for all images, and stay it.
    """
    for layer in body.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _nature(channels: int, height: int, width: int, hidden: int) -> nn.Sequential:
    """The network of Mnih et al. 2015, with the orthogonal weights that policy gradients like."""
    layers: list[nn.Module] = []
    for before, after, size, stride in ((channels, 32, 8, 4), (32, 64, 4, 2), (64, 64, 3, 1)):
        layers += [nn.Conv2d(before, after, size, stride), _relu()]
        height, width = (height - size) // stride + 1, (width - size) // stride + 1
    layers.append(nn.Flatten())
    if hidden:
        layers += [nn.Linear(64 * height * width, hidden), _relu()]
    for layer in layers:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.orthogonal_(layer.weight, math.sqrt(2))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)
