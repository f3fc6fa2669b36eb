"""A vision transformer that sees the whole image at once."""

from gymnasium import spaces

from ..nn.cores import AnyCore, make_core
from ..nn.encoders import VisionTransformer
from .policy import Policy


class ViTAgent(Policy):
    """A transformer on the tiles of whole images.

    Args:
        observation_space: Box (C, H, W).
        action_space: any mix of parts.
        tile: pixels of a tile's side.
        units: of the residual stream.
        layers: of self-attention.
        attention_heads: of each layer.
        core: a recurrent core on top, or "none".
        hidden: units of that core.

    Source:
        Dosovitskiy et al. 2021, "An image is worth 16x16 words".
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        tile: int = 6,
        units: int = 64,
        layers: int = 4,
        attention_heads: int = 4,
        core: AnyCore = "none",
        hidden: int = 256,
    ):
        encoder = VisionTransformer(observation_space, tile, units, layers, attention_heads)
        super().__init__(observation_space, action_space, encoder, make_core(core, encoder.output_size, hidden))
