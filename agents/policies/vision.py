"""Agents that see the whole image at once."""

from typing import Literal

from gymnasium import spaces
from torch import Tensor

from ...errors import FoveateError, check_range
from ..nn.cores import AnyCore, make_core
from ..nn.encoders import MLP, ConvNet
from ..nn.heads import AdvantageHead, make_critic
from .policy import WHOLE, Policy


class CNNAgent(Policy):
    """A convolutional network on whole images.

    Args:
        observation_space: Box (C, H, W).
        action_space: any mix of parts.
        architecture: "modern" (four 3x3 layers, 256 features), "paper" (the baseline of Mnih et al. 2014) or "nature"
            (Mnih et al. 2015, for Atari frames).
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
        shrink: int = 1,
        core: AnyCore = "none",
        hidden: int = 256,
    ):
        encoder = ConvNet(observation_space, architecture, shrink)
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


class DuelingAgent(Policy):
    """Two streams on one convolutional network: what the state is worth, and what each action adds to that.

    Under a policy gradient the advantages, A - mean A, are the logits of the policy and V is its critic. As a
    Q-network (``--learner dqn``) their sum is Q (Wang et al. 2016, equation 9).

    Args:
        observation_space: Box (C, H, W).
        action_space: Discrete.
        architecture: of the convolutions, "nature" (Mnih et al. 2015), "modern" or "paper".
        shrink: average blocks of shrink x shrink pixels first.
        core: a recurrent core between the convolutions and the streams, or "none".
        hidden: units of that core.
        stream: hidden units of each stream.

    Source:
        Wang et al. 2016, "Dueling network architectures for deep reinforcement learning" (streams of 512 units).
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        architecture: Literal["nature", "modern", "paper"] = "nature",
        shrink: int = 1,
        core: AnyCore = "none",
        hidden: int = 256,
        stream: int = 512,
    ):
        if not isinstance(action_space, spaces.Discrete):
            raise FoveateError(f"a dueling network needs a Discrete action space, got {action_space}.")
        check_range("stream", stream, 1)
        encoder = ConvNet(observation_space, architecture, shrink, hidden=0)
        made = make_core(core, encoder.output_size, hidden)
        head = AdvantageHead(made.output_size, action_space, stream)
        critic = make_critic(made.output_size, stream)
        super().__init__(observation_space, action_space, encoder, made, {WHOLE: head}, critic=critic)

    def q_values(self, parameters: Tensor, value: Tensor) -> Tensor:
        """Q of every action from both streams, (…, n)."""
        return value[..., None] + parameters  # Wang et al. 2016, eq. 9; the head has subtracted the mean
