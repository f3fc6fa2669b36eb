"""Attention models: data and parameters in, a glimpse out."""

from typing import Annotated

from ....errors import check_choice
from ....introspect import OneOf, own_arguments
from .base import Glimpse, VisualAttention
from .content_map import ContentAttention
from .draw import DrawAttention
from .graph import GraphItems
from .hops import HopItems
from .items import ContentItems, DiagonalItems, ItemAttention, LastItem, NoItems, UniformItems
from .keyed import KeyedItems
from .location import LocationAttention
from .spatial_transformer import SpatialTransformer
from .tiles import TileAttention
from .window import WindowItems

ATTENTIONS: dict[str, type[VisualAttention]] = {
    "location": LocationAttention,
    "tiles": TileAttention,
    "draw": DrawAttention,
    "spatial-transformer": SpatialTransformer,
    "content": ContentAttention,
}
# of the items of a source
ITEM_ATTENTIONS: dict[str, type[ItemAttention]] = {
    "content": ContentItems,
    "last": LastItem,
    "diagonal": DiagonalItems,
    "uniform": UniformItems,
    "none": NoItems,
    "hops": HopItems,
    "window": WindowItems,
    "graph": GraphItems,
    "keyed": KeyedItems,
}
# what an option of an agent may be
AnyAttention = Annotated[str, OneOf(ATTENTIONS)]
AnyItemAttention = Annotated[str, OneOf(ITEM_ATTENTIONS)]


def make_attention(name: str, image: tuple[int, int, int], **options: object) -> VisualAttention:
    """The attention model of this name.

    Args:
        name: one of `ATTENTIONS`.
        image: (C, H, W) of the images.
        **options: the model's own; one that this model doesn't have is left out (`tiles` of "draw", say).
    """
    check_choice("attention", name, ATTENTIONS)
    return ATTENTIONS[name](image, **own_arguments(ATTENTIONS[name], options))


def make_item_attention(name: str, item_size: int, state_size: int, **options: object) -> ItemAttention:
    """The attention model to items of this name.

    Args:
        name: one of `ITEM_ATTENTIONS`.
        item_size: of an annotation.
        state_size: of the controller's state.
        **options: the model's own; one that this model doesn't have is left out.
    """
    check_choice("attention", name, ITEM_ATTENTIONS)
    return ITEM_ATTENTIONS[name](item_size, state_size, **own_arguments(ITEM_ATTENTIONS[name], options))


__all__ = [
    "ATTENTIONS",
    "ITEM_ATTENTIONS",
    "AnyAttention",
    "AnyItemAttention",
    "Glimpse",
    "ItemAttention",
    "VisualAttention",
    "make_attention",
    "make_item_attention",
]


def __dir__() -> list[str]:
    return sorted(__all__)
