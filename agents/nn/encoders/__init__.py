"""Encoders: of an observation at each moment, and of a whole source once an episode."""

from typing import TYPE_CHECKING, Literal

from ....envs.spaces import to_floats
from ....errors import check_choice
from ....introspect import constructor_options
from .convolutional import BytenetItems, ConvolutionItems
from .items import GRUItems, ItemEncoder, PlainItems, PositionItems, TransformerItems
from .observations import MLP, ConvNet, Encoder, FlatEncoder, SourceEncoder, as_image, shrunk
from .passage import PassageEncoder

# from items to annotations, each by its name
ITEM_ENCODERS: dict[str, type[ItemEncoder]] = {
    "embedding": PlainItems,
    "positions": PositionItems,
    "gru": GRUItems,
    "convolution": ConvolutionItems,
    "bytenet": BytenetItems,
    "transformer": TransformerItems,
}
if TYPE_CHECKING:
    AnyItemEncoder = str
else:  # what an option of an agent may be
    AnyItemEncoder = Literal[tuple(ITEM_ENCODERS)]


def make_item_encoder(name: str, size: int, **options: object) -> ItemEncoder:
    """The encoder of items of this name.

    Args:
        name: one of `ITEM_ENCODERS`.
        size: of an item.
        **options: the encoder's own; one that this encoder doesn't have is left out (`directions` of "bytenet", say).
    """
    check_choice("encoder", name, ITEM_ENCODERS)
    known = constructor_options(ITEM_ENCODERS[name])
    return ITEM_ENCODERS[name](size, **{key: value for key, value in options.items() if key in known})


__all__ = [
    "ITEM_ENCODERS",
    "MLP",
    "AnyItemEncoder",
    "ConvNet",
    "Encoder",
    "FlatEncoder",
    "ItemEncoder",
    "PassageEncoder",
    "SourceEncoder",
    "as_image",
    "make_item_encoder",
    "shrunk",
    "to_floats",
]


def __dir__() -> list[str]:
    return sorted(__all__)
