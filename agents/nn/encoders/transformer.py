"""Self-attention between the items of a source (Vaswani et al. 2017)."""

import math

import torch
from jaxtyping import Int
from torch import Tensor, nn

from ....errors import FoveateError, check_range
from .. import noise
from ..places import place_code
from .items import ItemEncoder, real


class CodedItems(ItemEncoder):
    """What encoders by self-attention share: a stream of vectors, and codes of places that may be shifted.

    Args:
        size: of an item.
        units: of the residual stream.
        attention_heads: heads of each block of self-attention.
        places: whether a code of its place is added to each item; without, the items are a set.
        offset: places by which the codes of a source may be shifted while learning, drawn for each one (Dehghani et al.
            2019, appendix), so that codes of more places are known than sources have; 0 for none.
    """

    def __init__(self, size: int, units: int, attention_heads: int, places: bool, offset: int):
        super().__init__()
        check_range("units", units, 1)
        check_range("attention_heads", attention_heads, 1)
        check_range("offset", offset, 0, 10**6)
        if units % attention_heads:
            raise FoveateError(f"units={units} is not allowed: it must be a multiple of {attention_heads} heads.")
        if offset and not places:
            raise FoveateError(f"offset={offset} is not allowed with places=False: there is no code to be shifted.")
        self.embed = nn.Linear(size, units)
        self.annotation_size, self.places, self.offset = units, places, offset

    @property
    def noisy(self) -> bool:
        return self.offset > 0

    def codes(self, x: Tensor) -> Tensor:
        """The codes of the places of vectors (B, L, D): (B, L, D), or (1, L, D) where all sources have the same."""
        place = self._first(len(x), x.device) + torch.arange(x.shape[1], device=x.device)  # (B, L), or (1, L)
        return place_code(place, x.shape[2], x.dtype)

    def _first(self, rows: int, device: torch.device) -> Int[Tensor, "rows 1"]:
        """The place of each source's first item, int64 (B, 1)."""
        if self.noisy and noise.present():
            share = noise.uniform("offset")
        elif self.noisy and self.training:
            share = noise.drawn(lambda count: torch.rand(count, device=device), rows)
        else:
            return torch.zeros(1, 1, dtype=torch.int64, device=device)
        return (share * (self.offset + 1)).long()[:, None]


class TransformerItems(CodedItems):
    """Self-attention between all items, layer after layer (Vaswani et al. 2017, section 3.1, normalised first).

    Args:
        size: of an item.
        units: of the residual stream.
        layers: blocks of attention and a feed-forward layer.
        attention_heads: heads of each block of self-attention.
        places: whether a code of its place is added to each item; without, the items are a set.
        offset: places by which the codes of a source may be shifted while learning, drawn for each one (Dehghani et al.
            2019, appendix), so that codes of more places are known than sources have; 0 for none.
    """

    def __init__(
        self,
        size: int,
        units: int = 128,
        layers: int = 2,
        attention_heads: int = 4,
        places: bool = True,
        offset: int = 0,
    ):
        check_range("layers", layers, 1)
        super().__init__(size, units, attention_heads, places, offset)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(units, attention_heads, 4 * units, 0.0, batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(units)

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        x = self.embed(items)
        if self.places:
            # the paper's embeddings begin √D times smaller than its codes, and are scaled by that (section 3.4). Ours
            # begin as large as codes, and alone so scaled would drown them; with both large, layers begin gently
            x = math.sqrt(x.shape[-1]) * (x + self.codes(x))
        hidden = real(items, length.clamp(min=1))[..., 0] == 0  # of an empty source something must be attended to
        for block in self.blocks:
            x = block(x, src_key_padding_mask=hidden)
        return self.norm(x)
