"""Attention over an image by content: a key against what a small network sees at each place."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from ....errors import check_range
from ..places import centres, strided_layers
from .base import Glimpse, VisualAttention
from .by_content import ByContent, Places
from .content import make_score, weighted_sum


class ContentAttention(ByContent, VisualAttention[Places]):
    """Keys and values of every place; each head's query, which is emitted, chooses among them.

    Args:
        image: (C, H, W) of the images.
        score: how a query fits a key: "additive", "dot", "scaled-dot", "bilinear" or "cosine".
        heads: queries at a time.
        key: size of a key, a query and a value.
        gumbel: choose one place at a time (straight-through Gumbel-softmax) instead of the mean over all.
    """

    places = True

    def __init__(
        self,
        image: tuple[int, int, int],
        score: Literal["additive", "dot", "scaled-dot", "bilinear", "cosine"] = "scaled-dot",
        heads: int = 4,
        key: int = 32,
        gumbel: bool = False,
    ):
        super().__init__()
        check_range("heads", heads, 1)
        check_range("key", key, 1)
        self.heads, self.query_size, self.gumbel = heads, key, gumbel
        self.emitted_size = self.glimpse_size = heads * key
        self.where_size = 2 * heads
        self.features = nn.Sequential(*strided_layers([image[0], 16, 32, 64]))
        # the place itself is part of what a place is like
        self.to_key, self.to_value = nn.Linear(64 + 2, key), nn.Linear(64 + 2, heads * key)
        self.score = make_score(score, key, key)

    def prepare(self, image: Float[Tensor, "batch channels height width"]) -> Places:
        features = self.features(image)  # (B, 64, h, w)
        shape = (features.shape[2], features.shape[3])
        where = centres(shape, image.device, image.dtype).expand(len(image), -1, -1)  # (B, N, 2)
        known = torch.cat([features.flatten(2).mT, where], -1)  # (B, N, 66)
        values = self.to_value(known).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, N, D)
        return self.places_of(self.to_key(known), values, shape)

    def look(self, prepared: Places, emitted: Float[Tensor, "batch emitted"]) -> Glimpse:
        weights = self.chosen(prepared, emitted)  # (B, heads, N)
        what = self.expected(prepared, weights)  # (B, heads·D)
        where = weighted_sum(weights, centres(prepared.shape, emitted.device, emitted.dtype))  # (B, heads, 2)
        return Glimpse(what, where.flatten(1))

    def pixel_weights(
        self, image: Float[Tensor, "batch channels height width"], emitted: Float[Tensor, "batch emitted"]
    ) -> Float[Tensor, "batch height width"]:
        """The mean of the heads' weights, each place's spread over the pixels that it stands for, (B, H, W)."""
        with torch.no_grad():
            prepared = self.prepare(image)
            weights = torch.softmax(self.logits(prepared, emitted), -1).mean(1)  # (B, N)
            return F.interpolate(weights.unflatten(1, prepared.shape)[:, None], image.shape[2:], mode="nearest")[:, 0]
