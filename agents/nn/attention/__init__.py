"""Attention models: data and parameters in, a glimpse out."""

from typing import TYPE_CHECKING, Literal

from ....errors import check_choice
from ....introspect import constructor_options
from .base import VisualAttention
from .content_map import ContentAttention
from .draw import DrawAttention
from .location import LocationAttention
from .spatial_transformer import SpatialTransformer
from .tiles import TileAttention

ATTENTIONS: dict[str, type[VisualAttention]] = {
    "location": LocationAttention,
    "tiles": TileAttention,
    "draw": DrawAttention,
    "spatial-transformer": SpatialTransformer,
    "content": ContentAttention,
}
if TYPE_CHECKING:
    AnyAttention = str
else:  # what an option of an agent may be
    AnyAttention = Literal[tuple(ATTENTIONS)]


def make_attention(name: str, image: tuple[int, int, int], **options: object) -> VisualAttention:
    """The attention model of this name.

    Args:
        name: one of `ATTENTIONS`.
        image: (C, H, W) of the images.
        **options: the model's own; one that this model doesn't have is left out (`tiles` of "draw", say).
    """
    check_choice("attention", name, ATTENTIONS)
    known = constructor_options(ATTENTIONS[name])
    return ATTENTIONS[name](image, **{key: value for key, value in options.items() if key in known})


__all__ = ["ATTENTIONS", "AnyAttention", "VisualAttention", "make_attention"]


def __dir__() -> list[str]:
    return sorted(__all__)
