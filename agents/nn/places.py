"""Places: of an image, each seen by a small network, and in a row. What encoders, attention and cores share."""

import itertools
from collections.abc import Sequence

import torch
from jaxtyping import Float, Shaped
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


def place_code(
    place: Shaped[Tensor, "*places"], size: int, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "*places size"]:
    """sin and cos of places in a row, at wave lengths from 2 π to 10000 · 2 π (Vaswani et al. 2017, section 3.5).

    Args:
        place: whole numbers, (…).
        size: numbers of each code.
        dtype: of the codes.
    """
    number = torch.arange(size, device=place.device)
    angle = place[..., None].to(dtype) * (10000.0 ** (-(number // 2 * 2).to(dtype) / size))  # (…, size)
    return torch.where(number % 2 == 0, angle.sin(), angle.cos())
