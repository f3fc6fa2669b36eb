"""Baselines that see the whole image at once."""

from typing import Literal

from gymnasium import spaces

from .cores import AnyCore, make_core
from .encoders import MLP, ConvNet
from .policy import Policy


class CNNAgent(Policy):
    """A convolutional network on whole images.

    Args:
        observation_space: Box (C, H, W).
        action_space: any mix of parts.
        architecture: "modern" (four 3x3 layers, 256 features) or "paper" (the baseline of Mnih et al. 2014).
        core: a recurrent core on top, or "none".
        hidden: units of that core.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        architecture: Literal["modern", "paper"] = "modern",
        core: AnyCore = "none",
        hidden: int = 256,
    ):
        encoder = ConvNet(observation_space, architecture)
        super().__init__(observation_space, action_space, encoder, make_core(core, encoder.output_size, hidden))


class MLPAgent(Policy):
    """Fully connected layers on the flat observation; the paper's baseline has two of 256.

    Args:
        observation_space: any mix of common spaces.
        action_space: any mix of parts.
        layers: units of each layer.
        core: a recurrent core on top, or "none".
        hidden: units of that core.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        layers: tuple[int, ...] = (256, 256),
        core: AnyCore = "none",
        hidden: int = 256,
    ):
        encoder = MLP(observation_space, layers)
        super().__init__(observation_space, action_space, encoder, make_core(core, encoder.output_size, hidden))
