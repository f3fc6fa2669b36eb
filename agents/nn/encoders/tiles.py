"""Whole images as sentences of tiles, read by self-attention: a vision transformer."""

import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional as F

from ....envs.spaces import to_floats
from ....errors import FoveateError, check_range
from .observations import Encoder, as_image


class VisionTransformer(Encoder):
    """Self-attention between the tiles of an image, and a token that gathers what it shows.

        z_0 = [x_class; x_p^1 E; x_p^2 E; …; x_p^N E] + E_pos                            (1)
        z'_l = MSA(LN(z_{l-1})) + z_{l-1},  l = 1 … L                                    (2)
        z_l = MLP(LN(z'_l)) + z'_l                                                       (3)
        y = LN(z_L^0)                                                                    (4)

    Args:
        space: Box (C, H, W); black is added below and at the right where tiles don't divide it.
        tile: pixels of a tile's side.
        units: of the residual stream.
        layers: number of layers, L.
        attention_heads: of each layer.

    Raises:
        FoveateError: a number is out of its range.

    Source:
        Dosovitskiy et al. 2021, "An image is worth 16x16 words", section 3.1.
    """

    def __init__(self, space: spaces.Space, tile: int = 6, units: int = 64, layers: int = 4, attention_heads: int = 4):
        super().__init__()
        for name, value in (("tile", tile), ("units", units), ("layers", layers), ("attention_heads", attention_heads)):
            check_range(name, value, 1)
        if units % attention_heads:
            raise FoveateError(f"units={units} is not allowed: it must be a multiple of {attention_heads} heads.")
        channels, height, width = as_image(space)
        self.tile, self.output_size = tile, units
        self.rows, self.columns = -(-height // tile), -(-width // tile)
        self.embed = nn.Linear(channels * tile * tile, units)
        self.token = nn.Parameter(torch.zeros(1, 1, units))
        self.places = nn.Parameter(0.02 * torch.randn(1, 1 + self.rows * self.columns, units))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                units, attention_heads, 4 * units, 0.0, F.gelu, batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(units)

    def forward(self, observation: Tensor) -> Tensor:
        z = self.embed(self.tiles(to_floats(observation)))  # (B, N, units)
        z = torch.cat([self.token.expand(len(z), -1, -1), z], 1) + self.places  # eq. 1
        for block in self.blocks:
            z = block(z)  # eqs. 2 and 3
        return self.norm(z[:, 0])  # eq. 4, (B, units)

    def tiles(self, image: Tensor) -> Tensor:
        """The tiles of images (B, C, H, W), row by row, (B, N, C · tile²)."""
        height, width = image.shape[2:]
        image = F.pad(image, (0, -width % self.tile, 0, -height % self.tile))
        return F.unfold(image, self.tile, stride=self.tile).mT
