"""The places of an image, each seen by a small network: what encoders of pictures and attention to images share."""

import itertools
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


def strided_layers(channels: Sequence[int]) -> list[nn.Module]:
    """3x3 convolutions with ReLUs, each halving the sides (up, where they are odd).

    Args:
        channels: of the image, then of each layer.
    """
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(channels):
        layers += [nn.Conv2d(before, after, 3, 2, 1), nn.ReLU()]
    return layers


def centres(shape: tuple[int, int], device: torch.device, dtype: torch.dtype) -> Float[Tensor, "places 2"]:
    """The middles (x, y) of rows and columns of places in [-1, 1]², row by row, (N, 2).

    Args:
        shape: rows and columns.
        device: where the tensor lives.
        dtype: of it.
    """
    rows, columns = ((2 * torch.arange(n, device=device, dtype=dtype) + 1) / n - 1 for n in shape)
    return torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1).flatten(0, 1)
