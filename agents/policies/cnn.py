"""A convolutional network that sees the whole image at once."""

from typing import Literal

from gymnasium import spaces

from ...errors import check_range
from ..nn.cores import AnyCore, make_core
from ..nn.encoders import ConvNet
from .policy import Policy


class CNNAgent(Policy):
    """A convolutional network on whole images.

    Args:
        observation_space: Box (C, H, W).
        action_space: any mix of parts.
        architecture: "modern" (four 3x3 layers, 256 features), "paper" (the baseline of Mnih et al. 2014) or "nature"
            (Mnih et al. 2015, for Atari frames).
        features: with architecture="nature", units behind the convolutions.
        shrink: average blocks of shrink x shrink pixels first.
        core: a recurrent core on top, or "none".
        hidden: units of that core.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        architecture: Literal["modern", "paper", "nature"] = "modern",
        features: int = 512,
        shrink: int = 1,
        core: AnyCore = "none",
        hidden: int = 256,
    ):
        check_range("features", features, 1)
        encoder = ConvNet(observation_space, architecture, shrink, features)
        super().__init__(observation_space, action_space, encoder, make_core(core, encoder.output_size, hidden))
