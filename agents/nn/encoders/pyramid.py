"""A pyramid of bidirectional LSTMs: each layer has half as many annotations as the one below."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ....errors import check_range
from .items import ItemEncoder, LSTMItems, real


class PyramidItems(ItemEncoder):
    """Bidirectional LSTMs on top of each other; from layer to layer neighbours are put together.

        h_i^j = pBLSTM(h_{i-1}^j, [h_{2i}^{j-1}, h_{2i+1}^{j-1}])          (5)

    So `stack` · 2^`halvings` items of a long source, a sound, have one annotation, and attention has fewer to choose
    from.

    Args:
        size: of an item.
        units: of each direction of each layer.
        halvings: layers above the bottom one, each with half as many annotations.
        stack: items that are put side by side before the bottom reads them, which makes it faster.

    Source:
        Chan, Jaitly, Le & Vinyals 2016, "Listen, attend and spell", section 3.1; three halvings there, and no stack.
    """

    def __init__(self, size: int, units: int = 128, halvings: int = 2, stack: int = 1):
        super().__init__()
        check_range("units", units, 1)
        check_range("halvings", halvings, 0, 10)
        check_range("stack", stack, 1, 64)
        below = [stack * size, *(4 * units for _ in range(halvings))]
        self.layers = torch.nn.ModuleList(LSTMItems(each, units) for each in below)
        self.together = [stack, *(2 for _ in range(halvings))]
        self.shrink = stack * 2**halvings
        self.annotation_size = 2 * units

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        for layer, count in zip(self.layers, self.together, strict=True):
            items = side_by_side(torch.where(real(items, length) > 0, items, 0.0), count)
            length = -(-length // count)
            items = layer(items, length)
        return items


def side_by_side(items: Float[Tensor, "batch length size"], count: int) -> Float[Tensor, "batch fewer together"]:
    """So many neighbours as one item: (B, L, D) -> (B, ⌈L / count⌉, count · D), with zeros where one is missing."""
    padded = F.pad(items, (0, 0, 0, -items.shape[1] % count))
    return padded.unflatten(1, (-1, count)).flatten(2)
