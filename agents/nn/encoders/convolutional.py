"""Encoders of items by convolution: each annotation sees so many items to either side, all annotations at once."""

from torch import Tensor, nn

from ....errors import FoveateError, check_range
from .items import ItemEncoder, position_code, real


class ConvolutionItems(ItemEncoder):
    """Convolutions with gates and residuals, over items and a code of their places.

    Args:
        size: of an item.
        units: of each layer.
        layers: how many.
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
        x = (x + position_code(x.shape[1], x.shape[2], x.device, x.dtype)).mT  # (B, units, L)
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
        self.blocks = nn.ModuleList(_Block(units, kernel, 2 ** (i % 5)) for i in range(layers))
        self.annotation_size = units

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        there = real(items, length)  # (B, L, 1)
        x = self.embed(items)
        for block in self.blocks:
            x = x + block(x, there)
        return x


class _Block(nn.Module):
    """1x1, dilated, 1x1, each after normalisation and a ReLU (figure 3, left)."""

    def __init__(self, units: int, kernel: int, dilation: int):
        super().__init__()
        half = max(1, units // 2)
        self.norms = nn.ModuleList(nn.LayerNorm(n) for n in (units, half, half))
        self.narrow, self.widen = nn.Linear(units, half), nn.Linear(half, units)
        self.across = nn.Conv1d(half, half, kernel, padding=dilation * (kernel // 2), dilation=dilation)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        x = self.narrow(self.norms[0](x).relu())
        x = self.across((self.norms[1](x).relu() * there).mT).mT
        return self.widen(self.norms[2](x).relu())


def _check(units: int, layers: int, kernel: int) -> None:
    check_range("units", units, 1)
    check_range("layers", layers, 1)
    check_range("kernel", kernel, 1)
    if kernel % 2 == 0:
        raise FoveateError(f"kernel={kernel} is not allowed: it must be odd, to see as far to both sides.")
