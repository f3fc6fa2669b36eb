"""Content addressing of the items of a source as of a memory: a key, what of it counts, and how sharply."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ....errors import check_range
from ..cores.addressing import oneplus
from ..cores.base import Source
from .content import content_weights, cosine_similarity, masked_cosine_similarity, weighted_sum
from .items import ItemAttention, Reading

SHARP = 10.0  # the strength that heads begin with: at 1 a cosine hardly tells twelve items apart


class KeyedRows(NamedTuple):
    """The items as rows of a memory.

    Attributes:
        keys: what rows are found by, (B, L, D).
        values: what they say, (B, L, D); the keys themselves without a split.
        there: which there are, bool (B, L).
    """

    keys: Tensor
    values: Tensor
    there: Tensor


class KeyedItems(ItemAttention[KeyedRows]):
    """Each head emits a key k, a mask m of it and a strength β, as heads of a DNC do.

    w = softmax(β D(k ⊙ m, M ⊙ m)), D the cosine: eqs. 5 and 6 of Graves et al. 2014 with the mask of Csordás &
    Schmidhuber 2019, eq. 9, so that rows are found by a part of what they are like, whatever else they are.

    Args:
        item_size: of an annotation.
        state_size: of the controller's state.
        key: size of a key and of what is read; 0 for annotations as they are, in both places.
        heads: keys at a time.
        masked: whether a key has a mask; without, all of it counts.
        split: whether keys and values are separate projections of the annotations.

    Source:
        Csordás & Schmidhuber 2019, "Improving differentiable neural computers through memory masking, de-allocation,
        and link distribution sharpness control".
    """

    def __init__(
        self,
        item_size: int,
        state_size: int,
        key: int = 64,
        heads: int = 1,
        masked: bool = True,
        split: bool = True,
    ):
        super().__init__()
        check_range("key", key, 0)
        self.heads, self.masked = check_range("heads", heads, 1), masked
        self.key = key or item_size
        self.emitted_size, self.reading_size = heads * (self.key * (1 + masked) + 1), heads * self.key
        self.to_key = nn.Linear(item_size, key) if key else nn.Identity()
        self.to_value = nn.Linear(item_size, key) if key and split else None

    def initial(self) -> Tensor:
        first = torch.zeros(self.heads, self.emitted_size // self.heads)
        first[:, -1] = SHARP - 1
        return first.flatten()

    def prepare(self, source: Source) -> KeyedRows:
        known = source.answering()
        keys = self.to_key(known.items)
        return KeyedRows(keys, keys if self.to_value is None else self.to_value(known.items), known.mask())

    def look(self, prepared: KeyedRows, emitted: Tensor) -> Reading:
        each = emitted.unflatten(-1, (self.heads, -1))  # (B, heads, E)
        key, strength = each[..., : self.key], oneplus(each[..., -1])
        if self.masked:
            similarity = masked_cosine_similarity(key, each[..., self.key : -1].sigmoid(), prepared.keys)
        else:
            similarity = cosine_similarity(key, prepared.keys)
        # finite: the strength's gradient multiplies it by a weight of zero
        similarity = similarity.masked_fill(~prepared.there[:, None], torch.finfo(similarity.dtype).min)
        weights = self.counted(content_weights(similarity, strength))  # (B, heads, L)
        return Reading(weighted_sum(weights, prepared.values).flatten(1), weights)
