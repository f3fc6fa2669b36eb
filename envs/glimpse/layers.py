"""Glimpses of pictures that were never drawn: what lies on them is enough, on a CPU."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...tree import outside_inference
from ..buffers import Buffers
from ..kernels import arrays, kernel
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


class Eye:
    """Looks at pictures again and again: what of them depends on no place, as the kernel wants it.

    Args:
        layers: on the CPU; what is written into their tensors afterwards is seen if they are contiguous.
        size: the side of each patch in its own pixels.
        scales: K.
        columns: of each who looks the first column that can be seen, and the one behind the last; what is beside them
            is black. None for one who sees all.
    """

    def __init__(self, layers: Layers, size: int, scales: int, columns: Sequence[tuple[int, int]] | None = None):
        count = len(layers.sprites)
        pieces = (_no_pieces(count),) if layers.pieces is None else arrays((layers.pieces,))
        shown = arrays((layers.sprites, layers.corners, layers.library))
        seen = np.array(columns or [(0, layers.picture_size[1])], np.int64)
        self.shape, self.shown = (count, len(seen), scales, size, size), (*shown, *pieces, layers.piece)
        self.how = layers.picture_size, seen, layers.divide, np.float32(NUDGE)

    def look(self, place: np.ndarray, buffers: Buffers) -> Tensor:
        """The patches around places, float32 (B, A, K, size, size).

        Args:
            place: float32, (B, A, 2), (x, y) in [-1, 1], one for each who looks.
            buffers: memory for the patches.
        """
        patches = buffers.empty(self.shape, torch.float32, torch.device("cpu"))
        kernel("glimpses")(*self.shown, place, *self.how, patches.numpy())
        return patches


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
    eye = Eye(layers, size, scales, None if columns is None else [columns])
    return eye.look(place[:, None].contiguous().numpy(), buffers or Buffers())[:, 0]
