"""DRAW's attention: a grid of Gaussian filters, to read and to write (Gregor et al. 2015, section 3.2)."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ....errors import check_range
from ..bounds import bounded
from .base import Glimpse, ImageAttention

WIDTH = 0.35  # of a filter at the beginning, in strides: neighbours overlap a little


class Grid(NamedTuple):
    """The parameters of a grid of filters, each (B,), in pixels.

    Attributes:
        centre_x: g_X, counted from 1 as in the paper.
        centre_y: g_Y.
        variance: σ².
        stride: δ, between neighbouring filters.
        intensity: γ.
    """

    centre_x: Tensor
    centre_y: Tensor
    variance: Tensor
    stride: Tensor
    intensity: Tensor


def grid(emitted: Float[Tensor, "batch 5"], filters: int, width: int, height: int) -> Grid:
    """The grid that five emitted numbers stand for (eqs. 21 to 24).

    Args:
        emitted: (B, 5): g̃_X, g̃_Y, log σ², log δ̃, log γ.
        filters: N, the grid has N x N.
        width: A, of the image.
        height: B.
    """
    g_x, g_y, log_variance, log_stride, log_intensity = emitted.unbind(-1)  # eq. 21
    return Grid(
        (width + 1) / 2 * (g_x + 1),  # eq. 22
        (height + 1) / 2 * (g_y + 1),  # eq. 23
        bounded(log_variance).exp(),
        (max(width, height) - 1) / max(filters - 1, 1) * bounded(log_stride).exp(),  # eq. 24
        bounded(log_intensity).exp(),
    )


def filter_bank(
    centre: Float[Tensor, " batch"],
    stride: Float[Tensor, " batch"],
    variance: Float[Tensor, " batch"],
    filters: int,
    size: int,
) -> Float[Tensor, "batch {filters} {size}"]:
    """Gaussian filters along one axis, F[i, a], (B, N, size); each sums to 1 (eqs. 19, 20, 25 and 26).

    Args:
        centre: (B,), counted from 1.
        stride: (B,).
        variance: (B,).
        filters: N.
        size: pixels of the axis.
    """
    number = torch.arange(1, filters + 1, device=centre.device, dtype=centre.dtype)
    mean = centre[:, None] + (number - filters / 2 - 0.5) * stride[:, None]  # (B, N), eqs. 19 and 20
    pixel = torch.arange(1, size + 1, device=centre.device, dtype=centre.dtype)
    exponent = -((pixel - mean[..., None]) ** 2) / (2 * variance[:, None, None])  # (B, N, size)
    # the softmax is exp / Z, and stays finite where a whole filter lies outside the image
    return torch.softmax(exponent, -1)  # eqs. 25 and 26


def banks(
    where: Grid, filters: int, width: int, height: int
) -> tuple[Float[Tensor, "batch {filters} {width}"], Float[Tensor, "batch {filters} {height}"]]:
    """The filters of both axes: F_X (B, N, width) and F_Y (B, N, height).

    Args:
        where: the grid.
        filters: N, along each axis.
        width: of the image, in pixels.
        height: of the image, in pixels.
    """
    return (
        filter_bank(where.centre_x, where.stride, where.variance, filters, width),
        filter_bank(where.centre_y, where.stride, where.variance, filters, height),
    )


def read(
    image: Float[Tensor, "batch channels height width"], where: Grid, filters: int
) -> Float[Tensor, "batch channels {filters} {filters}"]:
    """γ F_Y x F_Xᵀ for every channel, (B, C, N, N) (eq. 27, without the concatenation of two images)."""
    f_x, f_y = banks(where, filters, image.shape[-1], image.shape[-2])
    return where.intensity[:, None, None, None] * (f_y[:, None] @ image @ f_x[:, None].mT)


def write(
    patch: Float[Tensor, "batch channels filters filters"], where: Grid, width: int, height: int
) -> Float[Tensor, "batch channels {height} {width}"]:
    """1/γ F_Yᵀ w F_X for every channel: a patch (B, C, N, N) spread on a canvas (B, C, height, width) (eq. 29).

    Args:
        patch: w, (B, C, N, N).
        where: the grid.
        width: of the canvas, in pixels.
        height: of the canvas, in pixels.
    """
    f_x, f_y = banks(where, patch.shape[-1], width, height)
    return (f_y[:, None].mT @ patch @ f_x[:, None]) / where.intensity[:, None, None, None]


class DrawAttention(ImageAttention):
    """Reads an N x N glimpse through a grid of Gaussian filters whose place and width are emitted.

    At first the grid covers the middle of the image, and the glimpse is amplified: blurred strokes are
    faint, and a faint glimpse teaches slowly.

    Args:
        image: (C, H, W) of the images.
        filters: N.
        reach: share of the image's width that the grid begins with.
        intensity: γ to begin with.
    """

    emitted_size = where_size = 5

    def __init__(self, image: tuple[int, int, int], filters: int = 12, reach: float = 0.6, intensity: float = 7.0):
        super().__init__()
        check_range("filters", filters, 1)
        check_range("reach", reach, 1e-3)
        check_range("intensity", intensity, 1e-3)
        self.channels, self.height, self.width = image
        self.filters, self.reach, self.intensity = filters, reach, intensity
        self.glimpse_size = self.channels * filters**2

    def initial(self) -> Tensor:
        stride = (max(self.width, self.height) - 1) / max(self.filters - 1, 1) * self.reach
        width = WIDTH * stride  # σ of each filter, in pixels
        return torch.tensor([0.0, 0.0, 2 * math.log(width), math.log(self.reach), math.log(self.intensity)])

    def grid(self, emitted: Tensor) -> Grid:
        """The grid that is emitted, in pixels."""
        return grid(self._bounded(emitted), self.filters, self.width, self.height)

    def look(self, prepared: Tensor, emitted: Float[Tensor, "batch emitted"]) -> Glimpse:
        return Glimpse(read(prepared, self.grid(emitted), self.filters).flatten(1), self._bounded(emitted))

    def _bounded(self, emitted: Tensor) -> Tensor:
        """The five numbers with bounds; a centre beyond the image no gradient would bring back."""
        return torch.cat([emitted[:, :2].tanh(), bounded(emitted[:, 2:])], -1)
