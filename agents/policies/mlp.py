"""Fully connected layers on the whole observation at once."""

from gymnasium import spaces

from ..nn.cores import AnyCore, make_core
from ..nn.encoders import MLP
from .policy import Policy


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
