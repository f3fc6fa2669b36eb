"""From the items of a source to annotations: what each is among the others (Bahdanau et al. 2014, section 3.2)."""

import math
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ....errors import FoveateError, check_range
from .. import noise
from ..cores.recurrent import run_gru
from ..places import place_code


class ItemEncoder(nn.Module):
    """Reads all items of a source at once.

    The constructor takes the size of an item, then options. What stands behind a source's end is never read into an
    annotation of an item before it; annotations behind the end may be anything.

    Attributes:
        annotation_size: A, numbers of an annotation.
        shrink: how many neighbouring items have one annotation; the last one may have fewer.
        reads_words: whether items that are sentences are read word by word, (B, L, W, D), and not as one vector each.
        reads_query: whether items are read together with the question about them: `forward` then also gets its words,
            (B, Q, D), and annotations are all that knows them.
    """

    annotation_size: int
    shrink: int = 1
    reads_words: ClassVar[bool] = False
    reads_query: ClassVar[bool] = False

    def forward(
        self, items: Float[Tensor, "batch length size"], length: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch annotations annotation"]:
        """The annotations of items (B, L, D), of which `length`, (B,), are real: (B, ⌈L / shrink⌉, A)."""
        raise NotImplementedError


def real(items: Float[Tensor, "batch length size"], length: Int[Tensor, " batch"]) -> Float[Tensor, "batch length 1"]:
    """1 for each real item, 0 behind the end, (B, L, 1)."""
    there = torch.arange(items.shape[1], device=items.device) < length[:, None]
    return there[..., None].to(items.dtype)


class PlainItems(ItemEncoder):
    """The items themselves: no annotation knows of the others, nor of its place."""

    def __init__(self, size: int):
        super().__init__()
        self.annotation_size = size

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        return items


class PositionItems(ItemEncoder):
    """The items beside a code of their places."""

    def __init__(self, size: int):
        super().__init__()
        self.annotation_size = 2 * size

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        code = place_code(torch.arange(items.shape[1], device=items.device), items.shape[2], items.dtype)
        return torch.cat([items, code.expand(len(items), -1, -1)], -1)


class DirectedItems(ItemEncoder):
    """A recurrent network over the items, and another from the end to the beginning: what an item is in its context.

    Args:
        size: of an item.
        units: of each direction; an annotation has both.
        directions: 2, or 1 for the one that reads forwards only.

    Attributes:
        network: of each direction.
    """

    network: ClassVar[type[nn.GRU | nn.LSTM]]

    def __init__(self, size: int, units: int = 128, directions: Literal[1, 2] = 2):
        super().__init__()
        check_range("units", units, 1)
        check_range("directions", directions, 1, 2)
        self.directions = directions
        self.ahead = self.network(size, units)
        self.back = self.network(size, units) if directions == 2 else None
        self.annotation_size = directions * units

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        items = items.transpose(0, 1)  # (L, B, D)
        ahead = self.run(self.ahead, items)  # (L, B, units)
        if self.back is None:
            return ahead.transpose(0, 1)
        turn = turned(length, len(items)).mT[..., None]  # (L, B, 1)
        back = self.run(self.back, items.gather(0, turn.expand_as(items)))
        return torch.cat([ahead, back.gather(0, turn.expand_as(back))], -1).transpose(0, 1)

    def run(
        self, network: nn.Module, items: Float[Tensor, "length batch size"]
    ) -> Float[Tensor, "length batch annotation"]:
        """What one direction's network says of items that it reads in their order."""
        y, _ = network(items)
        return y


class GRUItems(DirectedItems):
    """GRUs, as in Bahdanau et al. 2014."""

    network = nn.GRU

    def run(self, network: nn.Module, items: Tensor) -> Tensor:
        assert isinstance(network, nn.GRU)
        before = items.new_zeros(1, items.shape[1], network.hidden_size)
        return run_gru(network, items, before)[0]


class LSTMItems(DirectedItems):
    """LSTMs, as in Hermann et al. 2015."""

    network = nn.LSTM


def turned(length: Int[Tensor, " batch"], count: int) -> Int[Tensor, "batch count"]:
    """Where each item is found in its source read backwards, int64 (B, count); what is behind the end stays there."""
    place = torch.arange(count, device=length.device)[None]
    return torch.where(place < length[:, None], length[:, None] - 1 - place, place)


class MemoryItems(ItemEncoder):
    """The items, each with a learned code of how long ago it was, the newest first: T of section 4.1.

    Args:
        size: of an item.
        ages: codes; what is older has the last one.

    Source:
        Sukhbaatar et al. 2015, "End-to-end memory networks".
    """

    def __init__(self, size: int, ages: int = 64):
        super().__init__()
        check_range("ages", ages, 1)
        self.code = nn.Embedding(ages, size)
        nn.init.normal_(self.code.weight, std=0.1)  # as the paper begins all weights
        self.annotation_size = size

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        place = torch.arange(items.shape[1], device=items.device)
        age = (length[:, None] - 1 - place).clamp(0, self.code.num_embeddings - 1)
        return items + self.code(age)


class TransformerItems(ItemEncoder):
    """Self-attention between all items, layer after layer (Vaswani et al. 2017, section 3.1, normalised first).

    Args:
        size: of an item.
        units: of the residual stream.
        layers: blocks of attention and a feed-forward layer.
        attention_heads: of each block.
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
        super().__init__()
        for name, value in (("units", units), ("layers", layers), ("attention_heads", attention_heads)):
            check_range(name, value, 1)
        check_range("offset", offset, 0, 10**6)
        if units % attention_heads:
            raise FoveateError(f"units={units} is not allowed: it must be a multiple of {attention_heads} heads.")
        if offset and not places:
            raise FoveateError(f"offset={offset} is not allowed with places=False: there is no code to be shifted.")
        self.embed = nn.Linear(size, units)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(units, attention_heads, 4 * units, 0.0, batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(units)
        self.annotation_size, self.places, self.offset = units, places, offset

    @property
    def noisy(self) -> bool:
        return self.offset > 0

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        x = self.embed(items)
        if self.places:
            place = self._first(len(x), x.device) + torch.arange(x.shape[1], device=x.device)  # (B, L), or (1, L)
            # the paper's embeddings begin √D times smaller than its codes, and are scaled by that (section 3.4). Ours
            # begin as large as codes, and alone so scaled would drown them; with both large, layers begin gently
            x = math.sqrt(x.shape[-1]) * (x + place_code(place, x.shape[2], x.dtype))
        hidden = real(items, length.clamp(min=1))[..., 0] == 0  # of an empty source something must be attended to
        for block in self.blocks:
            x = block(x, src_key_padding_mask=hidden)
        return self.norm(x)

    def _first(self, rows: int, device: torch.device) -> Int[Tensor, "rows 1"]:
        """The place of each source's first item, int64 (B, 1)."""
        if self.noisy and noise.present():
            share = noise.uniform("offset")
        elif self.noisy and self.training:
            share = noise.drawn(lambda count: torch.rand(count, device=device), rows)
        else:
            return torch.zeros(1, 1, dtype=torch.int64, device=device)
        return (share * (self.offset + 1)).long()[:, None]
