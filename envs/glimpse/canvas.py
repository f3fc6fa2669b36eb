"""Putting small images on large ones: where their pixels go, clutter, and small distortions."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ..counter_rng import CounterRNG


def pixels_at(corner: Tensor, shape: tuple[int, int], width: int) -> Tensor:
    """Where on a flattened canvas the pixels of an image lie.

    Args:
        corner: int64, (…, 2), row and column of its top left pixel.
        shape: its height and width.
        width: of the canvas.

    Returns:
        int64, (…, h·w).
    """
    rows = corner[..., 0, None] + torch.arange(shape[0], device=corner.device)
    columns = corner[..., 1, None] + torch.arange(shape[1], device=corner.device)
    return (rows[..., :, None] * width + columns[..., None, :]).flatten(-2)


def draw_pieces(
    rng: CounterRNG, number: int, piece: int, images: tuple[int, int, int], canvas: tuple[int, int]
) -> Tensor:
    """Which pieces of other images lie where, int64 (B, number, 5).

    Args:
        rng: random numbers.
        number: of pieces.
        piece: side of each in pixels.
        images: how many images there are, their height and width.
        canvas: its height and width.

    Returns:
        For each piece which image, where in it (row, column) and where on the canvas (row, column).
    """
    count, height, width = images
    return torch.stack(
        [
            rng.integers("piece image", count, number),
            rng.integers("piece row", height - piece + 1, number),
            rng.integers("piece column", width - piece + 1, number),
            rng.integers("canvas row", canvas[0] - piece + 1, number),
            rng.integers("canvas column", canvas[1] - piece + 1, number),
        ],
        -1,
    )


def piece_pixels(images: Tensor, pieces: Tensor, piece: int, width: int) -> tuple[Tensor, Tensor]:
    """The pixels of all pieces, uint8, and where they go on a flattened canvas, each (B, number·piece²).

    Args:
        images: uint8, (N, h, w).
        pieces: from `draw_pieces`.
        piece: side of each.
        width: of the canvas.
    """
    image, row, column, canvas_row, canvas_column = pieces[..., None, None].unbind(2)  # (B, number, 1, 1) each
    y = torch.arange(piece, device=images.device)[:, None]
    x = torch.arange(piece, device=images.device)
    source = images[image, row + y, column + x]  # (B, number, piece, piece)
    place = (canvas_row + y) * width + canvas_column + x
    return source.flatten(1), place.flatten(1)


def overlaid(canvas: Tensor, sprites: Tensor, corners: Tensor, width: int) -> Tensor:
    """A flattened canvas (B, H·W) with sprites on it; the brighter pixel counts.

    Args:
        canvas: uint8 or bool, (B, H·W); written to.
        sprites: the same type, (B, n, h, w).
        corners: int64, (B, n, 2).
        width: of the canvas.
    """
    place = pixels_at(corners, (sprites.shape[-2], sprites.shape[-1]), width).flatten(1)  # (B, n·h·w)
    if canvas.dtype == torch.bool:
        return overlaid(canvas.byte(), sprites.byte(), corners, width).bool()
    return canvas.scatter_reduce_(1, place, sprites.flatten(1), "amax")


def disturbed(canvas: Tensor, grain: Tensor | None, noise: float, contrast: float) -> Tensor:
    """A flattened canvas (B, P), uint8, with another contrast and with Gaussian noise.

    Args:
        canvas: the pixels.
        grain: int64, (B,), the seed of each picture's noise; None for no noise.
        noise: its standard deviation, as a share of white.
        contrast: what brightness is multiplied by, about the middle grey.
    """
    if grain is None and contrast == 1.0:
        return canvas
    bright = (canvas.float() / 255 - 0.5) * contrast + 0.5
    if grain is not None:
        still = torch.zeros_like(grain)
        u = CounterRNG(grain, still, still).uniform("noise", 2, canvas.shape[1])  # (B, 2, P)
        radius = (-2 * (1 - u[:, 0]).log()).sqrt()  # Box & Muller 1958; 1 - u is never 0
        bright = bright + noise * radius * (2 * math.pi * u[:, 1]).cos()
    return (bright.clamp(0, 1) * 255).round().to(torch.uint8)


def warped(images: Tensor, warp: Tensor) -> Tensor:
    """Images turned, stretched and sheared about their centres, uint8 (B, h, w).

    Args:
        images: uint8, (B, h, w).
        warp: float, (B, 4) in [-1, 1]: the turn in units of 20°, the stretch of x and of y and the shear in fifths.
    """
    turn = warp[:, 0] * (math.pi / 9)
    stretch_x, stretch_y, shear = (warp[:, 1:] * 0.2).unbind(1)
    cos, sin, zero = turn.cos(), turn.sin(), torch.zeros_like(turn)
    # from places in the result to places in the source: turn · shear · stretch
    top = torch.stack([cos * (1 + stretch_x), (cos * shear - sin) * (1 + stretch_y), zero], -1)
    bottom = torch.stack([sin * (1 + stretch_x), (sin * shear + cos) * (1 + stretch_y), zero], -1)
    shape = [len(images), 1, *images.shape[1:]]
    grid = F.affine_grid(torch.stack([top, bottom], 1), shape, align_corners=False)  # (B, h, w, 2)
    return F.grid_sample(images[:, None].float(), grid, align_corners=False)[:, 0].round().to(torch.uint8)
