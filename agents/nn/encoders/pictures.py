"""Encoders of pictures: their cells are items, which a convolution annotates where they lie, and others in a row."""

from typing import NamedTuple

import torch
from gymnasium import spaces
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ....envs.spaces import to_floats
from ....errors import FoveateError, check_range
from ....tree import Tree
from ..places import centres, strided_layers
from .items import ItemEncoder
from .observations import begin_at_he
from .passage import SOURCE, PassageEncoder

HALVINGS = 3
CELL = 2**HALVINGS  # pixels of a cell's side


class Grid(NamedTuple):
    """The cells of a picture.

    Attributes:
        channels: of the picture.
        rows: of cells; at the lower and the right border they may have pixels that the picture lacks, which are 0.
        columns: of cells.
    """

    channels: int
    rows: int
    columns: int

    @property
    def size(self) -> int:
        """Numbers of a cell."""
        return self.channels * CELL**2


def has_picture(space: spaces.Space) -> bool:
    """Whether what is read in observations of a space is a picture."""
    part = space.spaces.get(SOURCE) if isinstance(space, spaces.Dict) else None
    return isinstance(part, spaces.Box) and len(part.shape) == 3


def grid_of(space: spaces.Space) -> Grid:
    """The cells of the pictures in observations of a space.

    Raises:
        FoveateError: there is nothing beside the picture.
    """
    assert isinstance(space, spaces.Dict)
    if len(space.spaces) < 2:
        raise FoveateError(
            f"this agent writes about a picture: observations must have other parts beside it, got {space}."
        )
    channels, height, width = space.spaces[SOURCE].shape or (1, 1, 1)
    return Grid(channels, -(-height // CELL), -(-width // CELL))


class PictureEncoder(PassageEncoder):
    """Annotates the cells of a picture, 8x8 pixels each, row by row; arguments as in `PassageEncoder`.

    The encoder gets the cells as items, (B, rows · columns, channels · 64).
    """

    @staticmethod
    def room(space: spaces.Space) -> int:
        grid = grid_of(space)
        return grid.rows * grid.columns

    @staticmethod
    def items(observation: Tree) -> tuple[Tensor, Tensor]:
        cells = F.unfold(padded(to_floats(observation[SOURCE])), CELL, stride=CELL).mT  # (B, S, channels · 64)
        return cells, torch.full((len(cells),), cells.shape[1], dtype=torch.int64, device=cells.device)


def padded(
    pictures: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels rows columns"]:
    """Pictures (B, C, H, W) with sides that cells divide: black at the lower and the right border."""
    height, width = pictures.shape[2:]
    return F.pad(pictures, (0, -width % CELL, 0, -height % CELL)) if height % CELL or width % CELL else pictures


class PictureConvolution(ItemEncoder):
    """A convolutional network, whose last layers have a place for each cell and know where it is.

    Args:
        grid: of cells.
        units: of an annotation.
        layers: 3x3 convolutions over the annotations, which make each one know its neighbours.

    Source:
        Xu et al. 2015, "Show, attend and tell", section 3.1.1: annotations are the places of a lower layer. The network
        is ours, and so are the coordinates beside what it sees (Liu et al. 2018, "CoordConv").
    """

    def __init__(self, grid: Grid, units: int = 128, layers: int = 2):
        super().__init__()
        check_range("units", units, 1)
        check_range("layers", layers, 1)
        self.grid, self.annotation_size = grid, units
        self.features = nn.Sequential(*strided_layers([grid.channels, -(-units // 4), -(-units // 2), units]))
        sizes = [units + 2, *[units] * (layers - 1)]
        self.layers = nn.ModuleList(nn.Conv2d(size, units, 3, padding=1) for size in sizes)
        begin_at_he(self)

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        shape = (self.grid.rows, self.grid.columns)
        pictures = F.fold(items.mT, (shape[0] * CELL, shape[1] * CELL), CELL, stride=CELL)  # (B, C, H, W)
        seen = self.features(pictures)  # (B, units, rows, columns)
        where = centres(shape, items.device, items.dtype).mT.unflatten(1, shape).expand(len(items), -1, -1, -1)
        seen = torch.cat([seen, where], 1)
        for layer in self.layers:
            seen = layer(seen).relu()
        return seen.flatten(2).mT  # (B, S, units)
