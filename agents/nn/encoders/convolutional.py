"""Encoders of items by convolution: each annotation sees so many items to either side, all annotations at once."""

import torch
from torch import Tensor, nn

from ....errors import check_odd, check_range
from ..cores.bytenet import DILATIONS, DilatedBlock
from ..places import place_code
from .items import ItemEncoder, real


class ConvolutionItems(ItemEncoder):
    """Convolutions with gates and residuals, over items and a code of their places.

    Args:
        size: of an item.
        units: of each layer.
        layers: number of layers.
        kernel: items that a layer sees at a time, an odd number.

    Source:
        Gehring et al. 2016, "A convolutional encoder model for neural machine translation", and their gated units.
    """

    def __init__(self, size: int, units: int = 128, layers: int = 3, kernel: int = 3):
        super().__init__()
        _check(units, layers, kernel)
        self.embed = nn.Linear(size, units)
        self.layers = nn.ModuleList(nn.Conv1d(units, 2 * units, kernel, padding=kernel // 2) for _ in range(layers))
        self.annotation_size = units

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        there = real(items, length).mT  # (B, 1, L)
        x = self.embed(items)
        x = (x + place_code(torch.arange(x.shape[1], device=x.device), x.shape[2], x.dtype)).mT  # (B, units, L)
        for layer in self.layers:
            x = x + nn.functional.glu(layer(x * there), 1)
        return x.mT


class BytenetItems(ItemEncoder):
    """Residual blocks of convolutions whose reach doubles from block to block.

    Args:
        size: of an item.
        units: of the residual stream; inside a block there are half as many.
        layers: blocks; their dilations are 1, 2, 4, 8, 16, 1, 2, ….
        kernel: items that a block sees at a time, an odd number.

    Source:
        Kalchbrenner et al. 2016, "Neural machine translation in linear time", section 3.6: the encoder, whose
        convolutions see both sides.
    """

    def __init__(self, size: int, units: int = 128, layers: int = 5, kernel: int = 3):
        super().__init__()
        _check(units, layers, kernel)
        self.embed = nn.Linear(size, units)
        dilations = [DILATIONS[i % len(DILATIONS)] for i in range(layers)]
        self.blocks = nn.ModuleList(DilatedBlock(units, kernel, dilation) for dilation in dilations)
        self.annotation_size = units

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        there = real(items, length)  # (B, L, 1)
        x = self.embed(items)
        for block in self.blocks:
            assert isinstance(block, DilatedBlock)
            side = block.across.dilation[0] * (block.across.kernel_size[0] // 2)
            seen = nn.functional.pad((block.inside(x) * there).mT, (side, side))  # (B, H, L + 2 side)
            x = x + block.outside(block.across(seen).mT)
        return x


def _check(units: int, layers: int, kernel: int) -> None:
    check_range("units", units, 1)
    check_range("layers", layers, 1)
    check_odd("kernel", kernel)
