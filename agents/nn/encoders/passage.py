"""The encoder of a passage: the parts `source` and `query` of an observation, read once an episode."""

from collections import OrderedDict
from typing import NamedTuple

import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional as F

from ....errors import FoveateError
from ....tree import Tree
from ..cores.base import Source, used_room
from .items import ItemEncoder
from .observations import SourceEncoder
from .sentences import QueryEncoder, sentence_codes

SOURCE, QUERY, LENGTH = "source", "query", "length"  # the parts of an observation that are read


class PassageEncoder(SourceEncoder):
    """Embeds the symbols of a passage, and annotates its items; likewise the query, if there is one.

    An item of several symbols, a sentence, is embedded as their sum, weighted by a code of their places, unless the
    encoder reads words.

    Args:
        space: of observations, see `symbols_of`.
        embedding: what makes numbers of symbols; its first is of no symbol.
        encoder: from what is embedded to annotations.
        asked: from an embedded query to what is asked; None where there is no query.
        codes: of each symbol, which stand side by side in its embedding.
    """

    def __init__(
        self,
        space: spaces.Space,
        embedding: nn.Module,
        encoder: ItemEncoder,
        asked: QueryEncoder | None = None,
        codes: int = 1,
    ):
        super().__init__()
        self.max_length = -(-self.room(space) // encoder.shrink)
        self.embedding, self.encoder, self.codes = embedding, encoder, codes
        if encoder.reads_words and (has_numbers(space) or not symbols_of(space).words):
            raise FoveateError(
                "this encoder reads sentences word by word: observations must have a part 'source' of sentences, "
                f'MultiDiscrete (L, W), got {space}. Sequence/Document and Sequence/Stories have, with view="whole".'
            )
        if encoder.reads_query and (has_numbers(space) or not symbols_of(space).query):
            raise FoveateError(
                "this encoder reads a passage together with a question: observations must have a part 'query' beside "
                f"'source', got {space}. Sequence/Cloze and Sequence/Stories have, with view=\"whole\"."
            )
        self.item_size = encoder.annotation_size
        self.asked = asked
        self.query_size = 0 if asked is None else asked.output_size
        self.ponders = encoder.ponders
        self.embedded = nn.Identity()  # through which embedded items go: instruments ask here for derivatives

    @staticmethod
    def room(space: spaces.Space) -> int:
        """How many items observations have room for."""
        return symbols_of(space)[0]

    @staticmethod
    def items(observation: Tree) -> tuple[Tensor, Tensor]:
        """The items of the source, (B, L, …), and how many they are, (B,)."""
        symbols = observation[SOURCE].long()  # (B, L), or (B, L, W) of sentences
        return symbols, (symbols.any(-1) if symbols.ndim == 3 else symbols != 0).sum(1)

    def forward(self, observation: Tree) -> Source:
        items, length = self.items(observation)
        longest = used_room(length, items.shape[1])  # nothing is computed for the room behind it
        words = [self.embedding(observation[QUERY].long())] if self.asked or self.encoder.reads_query else []
        embedded = self.embedded(self.embed(items[:, :longest]))
        annotations, ponder = self.encoder.annotated(embedded, length, *words * self.encoder.reads_query)
        query = None if self.asked is None else self.asked(*words)
        padding = self.max_length - annotations.shape[1]
        ponder = None if ponder is None else F.pad(ponder, (0, padding))
        return Source(F.pad(annotations, (0, 0, 0, padding)), -(-length // self.encoder.shrink), query, ponder)

    def costs(self, source: Source) -> dict[str, Tensor]:
        return {} if source.ponder is None else {"source_ponder": self.encoder.penalty * source.ponder.sum(1)}

    def by_item(self, weights: Tensor, length: Tensor) -> Tensor:
        """What annotations count for, (…, B, heads, ⌈R / shrink⌉), by item, (…, B, heads, R): each has an equal share.

        Args:
            weights: of the annotations.
            length: how many items there are, (B,).
        """
        shrink = self.encoder.shrink
        if shrink == 1:
            return weights
        first = torch.arange(weights.shape[-1], device=weights.device) * shrink
        many = (length[:, None] - first).clamp(1, shrink)[:, None]  # (B, 1, ⌈R / shrink⌉), the last may have fewer
        return (weights / many).repeat_interleave(shrink, -1)

    def embed(self, items: Tensor) -> Tensor:
        """Items (B, L, …) as numbers, (B, L, E), or (B, L, W, E) for an encoder that reads words."""
        embedded = self.embedding(items)
        if embedded.ndim < 4 or self.encoder.reads_words:
            return embedded
        return sentence_codes(embedded, (items != 0).sum(-1), self.codes)


class NumbersEncoder(PassageEncoder):
    """Embeds items that are vectors of numbers, and annotates them; arguments as in `PassageEncoder`."""

    @staticmethod
    def room(space: spaces.Space) -> int:
        return numbers_of(space)[0]

    @staticmethod
    def items(observation: Tree) -> tuple[Tensor, Tensor]:
        return observation[SOURCE].float(), observation[LENGTH].long()


def has_numbers(space: spaces.Space) -> bool:
    """Whether the passages in observations of a space are of vectors of numbers."""
    return isinstance(space, spaces.Dict) and isinstance(space.spaces.get(SOURCE), spaces.Box)


def parts_beside(space: spaces.Space) -> "OrderedDict[str, spaces.Space]":
    """What is observed beside the passage."""
    assert isinstance(space, spaces.Dict)
    read = (SOURCE, LENGTH) if has_numbers(space) else (SOURCE, QUERY)
    return OrderedDict((name, part) for name, part in space.spaces.items() if name not in read)


def numbers_of(space: spaces.Space) -> tuple[int, int]:
    """How long the passages of numbers in observations of a space can be, and how many numbers an item has.

    Raises:
        FoveateError: observations don't say how long a passage is, or have nothing beside it.
    """
    parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {}
    part, length = parts.get(SOURCE), parts.get(LENGTH)
    if not isinstance(part, spaces.Box) or len(part.shape) != 2 or not isinstance(length, spaces.Discrete):
        raise FoveateError(
            "this agent reads items of numbers: observations must be a Dict with a part 'source', Box of shape (L, D), "
            f"a part 'length', Discrete, and others, got {space}. For Sequence worlds use view=\"whole\"."
        )
    return part.shape[0], part.shape[1]


class Symbols(NamedTuple):
    """What passages in observations of a space are made of.

    Attributes:
        room: items that they have room for.
        count: symbols, that for none included.
        words: symbols of each item; 0 where an item is a symbol.
        query: symbols of the query; 0 where there is none.
    """

    room: int
    count: int
    words: int
    query: int


def symbols_of(space: spaces.Space) -> Symbols:
    """What the passages in observations of a space are made of.

    Raises:
        FoveateError: observations have no part `source` of symbols.
    """
    parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {}
    part, query = parts.get(SOURCE), parts.get(QUERY)
    if not _of_symbols(part, 1, 2) or len(parts) < 2 or not (query is None or _of_symbols(query, 1)):
        raise FoveateError(
            "this agent reads a passage: observations must be a Dict with a part 'source', MultiDiscrete from 0 on "
            "(0 for no symbol), of symbols or of sentences, and perhaps one 'query' of symbols, beside others, got "
            f'{space}. For Sequence worlds use view="whole".'
        )
    assert isinstance(part, spaces.MultiDiscrete)
    words = part.nvec.shape[1] if part.nvec.ndim == 2 else 0
    if not isinstance(query, spaces.MultiDiscrete):
        return Symbols(len(part.nvec), int(part.nvec.max()), words, 0)
    return Symbols(len(part.nvec), int(max(part.nvec.max(), query.nvec.max())), words, len(query.nvec))


def _of_symbols(part: spaces.Space | None, *dimensions: int) -> bool:
    return isinstance(part, spaces.MultiDiscrete) and part.nvec.ndim in dimensions and not part.start.any()
