"""Encoders: of an observation at each moment, and of a whole source once an episode."""

from typing import TYPE_CHECKING, Literal

from gymnasium import spaces
from torch import nn

from ....envs.spaces import to_floats
from ....errors import check_choice
from ....introspect import constructor_options
from .convolutional import BytenetItems, ConvolutionItems
from .items import GRUItems, ItemEncoder, PlainItems, PositionItems, TransformerItems
from .observations import MLP, ConvNet, Encoder, FlatEncoder, SourceEncoder, as_image, shrunk
from .passage import NumbersEncoder, PassageEncoder, has_numbers, numbers_of, symbols_of

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


def make_passage_encoder(
    space: spaces.Space, embedding: int, encoder: AnyItemEncoder, **options: object
) -> PassageEncoder:
    """The encoder of the passages in observations, of symbols or of numbers.

    Args:
        space: of observations, a Dict with a part `source`.
        embedding: numbers that stand for an item.
        encoder: the name of the encoder of items.
        **options: as of `make_item_encoder`.
    """
    if has_numbers(space):
        made: tuple[type[PassageEncoder], nn.Module] = NumbersEncoder, nn.Linear(numbers_of(space)[1], embedding)
    else:
        made = PassageEncoder, nn.Embedding(symbols_of(space)[1], embedding, padding_idx=0)
    return made[0](space, made[1], make_item_encoder(encoder, embedding, **options))


__all__ = [
    "ITEM_ENCODERS",
    "MLP",
    "AnyItemEncoder",
    "ConvNet",
    "Encoder",
    "FlatEncoder",
    "ItemEncoder",
    "NumbersEncoder",
    "PassageEncoder",
    "SourceEncoder",
    "as_image",
    "make_item_encoder",
    "make_passage_encoder",
    "shrunk",
    "to_floats",
]


def __dir__() -> list[str]:
    return sorted(__all__)
