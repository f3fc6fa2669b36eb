"""Glimpses of pictures that were never drawn: what lies on them is enough, on a CPU."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...tree import outside_inference
from ..buffers import Buffers
from ..kernels import kernel
from .retina import NUDGE


class Layers(NamedTuple):
    """What a batch of pictures shows on black; where things overlap the brighter pixel counts.

    Attributes:
        sprites: uint8, (B, n, h, w).
        corners: int64, (B, n, 2), row and column of their top left pixels.
        picture_size: height and width of the pictures.
        divide: whether brightness is a byte divided by 255, or multiplied by 1/255, which differ in the last bit.
        library: uint8, (N, h', w'), what pieces are cut from.
        pieces: int64, (B, m, 5), as `canvas.draw_pieces` says; one with a negative row on the picture isn't there.
        piece: their side.
    """

    sprites: Tensor
    corners: Tensor
    picture_size: tuple[int, int]
    divide: bool = True
    library: Tensor = torch.zeros(1, 1, 1, dtype=torch.uint8)
    pieces: Tensor | None = None
    piece: int = 0

    @classmethod
    def of(cls, pictures: Tensor) -> "Layers":
        """Pictures that are drawn already, uint8 (B, H, W), as their own only layer."""
        corners = _nowhere(len(pictures))
        return cls(pictures[:, None], corners, (pictures.shape[1], pictures.shape[2]))


@cache
@outside_inference
def _nowhere(count: int) -> Tensor:
    return torch.zeros(count, 1, 2, dtype=torch.int64)


@cache
def _no_pieces(count: int) -> np.ndarray:
    return np.zeros((count, 0, 5), np.int64)


def look(
    layers: Layers,
    place: Tensor,
    size: int,
    scales: int,
    columns: tuple[int, int] | None = None,
    buffers: Buffers | None = None,
) -> Tensor:
    """The patches around a place, bit for bit those of `retina.look` on the whole picture.

    Args:
        layers: on the CPU.
        place: float32, (B, 2), (x, y) in [-1, 1].
        size: the side of each patch in its own pixels.
        scales: K.
        columns: the first column that can be seen, and the one behind the last; what is beside them is black.
        buffers: memory for the patches; None takes new memory.

    Returns:
        float32, (B, K, size, size), the finest scale first.
    """
    patches = (buffers or Buffers()).empty((len(place), scales, size, size), torch.float32, place.device)
    pieces = _no_pieces(len(place)) if layers.pieces is None else layers.pieces.contiguous().numpy()
    kernel("glimpses")(
        layers.sprites.contiguous().numpy(),
        layers.corners.contiguous().numpy(),
        layers.library.numpy(),
        pieces,
        layers.piece,
        place.contiguous().numpy(),
        layers.picture_size,
        columns or (0, layers.picture_size[1]),
        layers.divide,
        np.float32(NUDGE),
        patches.numpy(),
    )
    return patches
