"""Double DQN (van Hasselt et al. 2016), as the figures of the dueling network were made (Wang et al. 2016)."""

from typing import Any

import torch
from stable_baselines3 import DQN
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from torch import Tensor, nn
from torch.nn import functional as F


class DoubleDQN(DQN):
    """Stable-Baselines3's DQN, whose online network chooses the next action and whose target network judges it.

    Args:
        trunk: what both streams of a dueling network stand on.
        trunk_gradient: what the gradients of the trunk's weights are multiplied by. That is the same as multiplying
            what enters the trunk from above, since all of them are linear in it.
        *args: of Stable-Baselines3's DQN.
        **kwargs: of Stable-Baselines3's DQN.
    """

    def __init__(self, *args: Any, trunk: nn.Module, trunk_gradient: float, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.trunk, self.trunk_gradient = trunk, trunk_gradient

    def targets(self, data: ReplayBufferSamples) -> Tensor:
        """What the values of the actions that were taken should be, float32 (B, 1).

        Args:
            data: transitions, of which rewards and dones are (B, 1).
        """
        with torch.no_grad():
            chosen = self.q_net(data.next_observations).argmax(1, keepdim=True)  # (B, 1)
            worth = self.q_net_target(data.next_observations).gather(1, chosen)  # (B, 1)
            # van Hasselt et al. 2016, eq. 4
            return data.rewards + self.gamma * (1 - data.dones) * worth

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Make some updates from the replay memory.

        Args:
            gradient_steps: how many.
            batch_size: B, transitions of each.
        """
        assert self.replay_buffer is not None
        self.policy.set_training_mode(True)
        optimizer = self.policy.optimizer
        self._update_learning_rate(optimizer)
        losses = []
        for _ in range(gradient_steps):
            data = self.replay_buffer.sample(batch_size)
            value = self.q_net(data.observations).gather(1, data.actions.long())  # (B, 1)
            loss = F.smooth_l1_loss(value, self.targets(data))
            optimizer.zero_grad()
            loss.backward()
            self._scale_trunk()
            nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
            optimizer.step()
            losses.append(loss.detach())
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", float(torch.stack(losses).mean()))

    def _scale_trunk(self) -> None:
        """Let both streams together move the trunk as much as one would (Wang et al. 2016, section 4.2: 1/√2)."""
        for weight in self.trunk.parameters():
            if weight.grad is not None:
                weight.grad.mul_(self.trunk_gradient)
