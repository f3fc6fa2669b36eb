"""The decoder of a transformer: every layer attends to what was written, and then to what is read."""

import math
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from ..attention.content import scaled_dot, weighted_sum
from ..places import place_code
from .base import CoreOutput, Source
from .transformer import Transformer, TransformerState, split_heads


class TransformerDecoder(Transformer):
    """Layers of causal self-attention, attention to the annotations of a source, and a feed-forward network.

    All moments of a text are computed at once where it is known, as in training.

    Args:
        input_size: size of x, that of a query among it.
        item_size: of an annotation.
        hidden: D, the size of the residual stream.
        layers: blocks of attention and a feed-forward layer.
        attention_heads: of each attention.
        context: moments that are remembered, this one included.

    Source:
        Vaswani et al. 2017, "Attention is all you need", sections 3.1 to 3.5; normalised first, as our encoder is, and
        without dropout.
    """

    needs_source: ClassVar[bool] = True

    def __init__(
        self,
        input_size: int,
        item_size: int,
        hidden: int = 128,
        *,
        layers: int = 2,
        attention_heads: int = 4,
        context: int = 128,
    ):
        super().__init__(input_size, hidden, layers=layers, heads=attention_heads, context=context)
        self.readings = nn.ModuleList(_Reading(hidden, item_size, attention_heads) for _ in range(layers))

    def forward(
        self,
        x: Float[Tensor, "time batch features"],
        state: TransformerState,
        starts: Bool[Tensor, "time batch"],
        record: bool = False,
        source: Source | None = None,
    ) -> CoreOutput[TransformerState]:
        """Run over a sequence; arguments as in `Core.forward`, and the source of the episodes.

        Beside what a `Transformer` records, `source_weights` says how much each item counted for each head of each
        layer, (T, B, layers * heads, L).
        """
        assert source is not None
        room, source = source.items.shape[1], source.compact().answering()
        if source.query is not None:
            x = torch.cat([x, source.query.expand(len(x), -1, -1)], -1)
        there = source.mask()[:, None, None]  # (B, 1, 1, L)
        known = [reading.known(source.items) for reading in self._readings()]
        weights: list[Tensor] = []

        def beside(layer: int, h: Tensor) -> Tensor:
            what, each = self._readings()[layer](h, known[layer], there)
            weights.append(each)
            return what

        said = self._run(x, state, starts, record, beside)
        if not record:
            return said
        read = torch.cat(weights, 1).movedim(2, 0)  # (T, B, layers * heads, S)
        read = F.pad(read, (0, room - source.items.shape[1]))
        return said._replace(records={**said.records, "source_weights": read})

    def _readings(self) -> list["_Reading"]:
        return [reading for reading in self.readings if isinstance(reading, _Reading)]

    def _embedded(self, x: Tensor, clock: Tensor) -> Tensor:
        # √D, so that the code doesn't drown what was written (section 3.4)
        return self.embed(x) * math.sqrt(self.output_size) + place_code(clock, self.output_size, x.dtype)

    def _rotate(self, x: Tensor, clock: Tensor) -> Tensor:
        return x  # places are in the code


class Known(NamedTuple):
    """What a layer knows of each item.

    Attributes:
        keys: (B, heads, L, D / heads).
        values: the same.
    """

    keys: Tensor
    values: Tensor


class _Reading(nn.Module):
    """A layer's attention to the annotations, of several heads (section 3.2.2)."""

    def __init__(self, size: int, item_size: int, heads: int):
        super().__init__()
        self.heads, self.norm = heads, nn.LayerNorm(size)
        self.ask, self.tell, self.mix = nn.Linear(size, size), nn.Linear(item_size, 2 * size), nn.Linear(size, size)

    def known(self, items: Tensor) -> Known:
        """What is known of items, (B, L, A)."""
        return Known(*(split_heads(part, self.heads) for part in self.tell(items).chunk(2, -1)))

    def forward(self, h: Tensor, known: Known, there: Tensor) -> tuple[Tensor, Tensor]:
        """What is read at each moment, (B, T, D), and how much each item counted, (B, heads, T, L).

        Args:
            h: the residual stream, (B, T, D).
            known: of the items.
            there: which there are, bool (B, 1, 1, L).
        """
        fits = scaled_dot(split_heads(self.ask(self.norm(h)), self.heads), known.keys)  # (B, heads, T, L)
        weights = torch.softmax(fits.masked_fill(~there, -torch.inf), -1)  # eq. 1
        return self.mix(weighted_sum(weights, known.values).transpose(1, 2).flatten(2)), weights
