"""Encoders: of an observation at each moment, and of a whole source once an episode."""

from typing import Annotated

from gymnasium import spaces
from torch import nn

from ....envs.spaces import to_floats
from ....errors import check_choice
from ....introspect import OneOf, own_arguments
from .convolutional import BytenetItems, ConvolutionItems
from .flow import FlowItems
from .hierarchical import HierarchicalItems
from .items import (
    DirectedItems,
    GRUItems,
    ItemEncoder,
    LSTMItems,
    MemoryItems,
    PlainItems,
    PositionItems,
)
from .observations import MLP, ConvNet, Encoder, FlatEncoder, SourceEncoder, as_image, shrunk
from .passage import NumbersEncoder, PassageEncoder, has_numbers, numbers_of, symbols_of
from .pictures import PictureConvolution, PictureEncoder, grid_of, has_picture
from .pyramid import PyramidItems
from .sentences import BagQuery, DirectedQuery
from .tiles import VisionTransformer
from .transformer import TransformerItems
from .universal import UniversalItems

# from items to annotations, each by its name
ITEM_ENCODERS: dict[str, type[ItemEncoder]] = {
    "embedding": PlainItems,
    "positions": PositionItems,
    "gru": GRUItems,
    "lstm": LSTMItems,
    "pyramid": PyramidItems,
    "words": MemoryItems,
    "hierarchical": HierarchicalItems,
    "convolution": ConvolutionItems,
    "bytenet": BytenetItems,
    "transformer": TransformerItems,
    "universal": UniversalItems,
    "flow": FlowItems,
}
# the same, of the cells of a picture, for those that must know how they lie: they take a `Grid` in place of a size
PICTURE_ENCODERS: dict[str, type[ItemEncoder]] = {"convolution": PictureConvolution}
AnyItemEncoder = Annotated[str, OneOf(ITEM_ENCODERS)]  # what an option of an agent may be


def make_item_encoder(name: str, size: int, **options: object) -> ItemEncoder:
    """The encoder of items of this name.

    Args:
        name: one of `ITEM_ENCODERS`.
        size: of an item.
        **options: the encoder's own; one that this encoder doesn't have is left out (`directions` of "bytenet", say).
    """
    check_choice("encoder", name, ITEM_ENCODERS)
    return ITEM_ENCODERS[name](size, **own_arguments(ITEM_ENCODERS[name], options))


def make_passage_encoder(
    space: spaces.Space, embedding: int, encoder: AnyItemEncoder, codes: int = 1, **options: object
) -> PassageEncoder:
    """The encoder of the passages in observations, of symbols, of numbers or pictures, and of queries about them.

    Args:
        space: of observations, a Dict with a part `source`.
        embedding: numbers that stand for an item.
        encoder: the name of the encoder of items.
        codes: of so many numbers for each item, side by side.
        **options: as of `make_item_encoder`.
    """
    size = codes * embedding
    if has_picture(space):
        grid = grid_of(space)
        if encoder in PICTURE_ENCODERS:
            kind = PICTURE_ENCODERS[encoder]
            return PictureEncoder(space, nn.Identity(), kind(grid, **own_arguments(kind, options)))
        return PictureEncoder(space, nn.Linear(grid.size, size), make_item_encoder(encoder, size, **options))
    if has_numbers(space):
        numbers = nn.Linear(numbers_of(space)[1], size)
        return NumbersEncoder(space, numbers, make_item_encoder(encoder, size, **options))
    known = symbols_of(space)
    symbols = nn.Embedding(known.count, size, padding_idx=0)
    items = make_item_encoder(encoder, size, **options)
    asked = BagQuery(embedding) if known.query and not items.reads_query else None
    if known.query and isinstance(items, DirectedItems):
        asked = DirectedQuery(size, items.annotation_size // items.directions, items.network)
    return PassageEncoder(space, symbols, items, asked, codes)


__all__ = [
    "ITEM_ENCODERS",
    "MLP",
    "AnyItemEncoder",
    "ConvNet",
    "Encoder",
    "FlatEncoder",
    "HierarchicalItems",
    "ItemEncoder",
    "NumbersEncoder",
    "PassageEncoder",
    "PictureEncoder",
    "SourceEncoder",
    "VisionTransformer",
    "as_image",
    "make_item_encoder",
    "make_passage_encoder",
    "shrunk",
    "to_floats",
]


def __dir__() -> list[str]:
    return sorted(__all__)
