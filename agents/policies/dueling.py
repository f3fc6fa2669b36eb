"""The dueling network: value and advantage in two streams (Wang et al. 2016)."""

from typing import Literal

from gymnasium import spaces
from torch import Tensor

from ...errors import FoveateError, check_range
from ..nn.cores import AnyCore, make_core
from ..nn.encoders import ConvNet
from ..nn.heads import AdvantageHead, make_critic
from .policy import WHOLE, Policy


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
        Wang et al. 2016, "Dueling network architectures for deep reinforcement learning" (streams of 512 units). Its
        figures are of double DQN, which the preset takes with ``--learner dqn``.
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
        on_top = make_core(core, encoder.output_size, hidden)
        head = AdvantageHead(on_top.output_size, action_space, stream)
        critic = make_critic(on_top.output_size, stream)
        super().__init__(observation_space, action_space, encoder, on_top, {WHOLE: head}, critic=critic)

    def q_values(self, parameters: Tensor, value: Tensor) -> Tensor:
        """Q of every action from both streams, (…, n)."""
        return value[..., None] + parameters  # Wang et al. 2016, eq. 9; the head has subtracted the mean
