"""What is called while a learner learns."""

from torch import Tensor

from .environments import Info


class Hooks:
    """Is called while a learner learns; a subclass overrides what it wants to know."""

    def on_rollout_start(self) -> None:
        """Between two updates."""

    def on_step(self, reward: Tensor, ended: Tensor, infos: list[Info] | None = None) -> bool:
        """A step was made; False ends the training.

        Args:
            reward: (B,).
            ended: bool, (B,), where an episode ended.
            infos: what Stable-Baselines3 says of each row, where it did the step.
        """
        return True

    def on_rollout_end(self) -> None:
        """Experience for an update is there."""

    def on_update(self, figures: dict[str, Tensor]) -> None:
        """The weights were updated; the figures are for the log, on the device."""


class Patient(Hooks):
    """Hears of the steps for hooks that may end the training, until all processes can end it at once."""

    def __init__(self, hooks: Hooks):
        self.hooks, self.stopped = hooks, False

    def on_step(self, reward: Tensor, ended: Tensor, infos: list[Info] | None = None) -> bool:
        self.stopped = not self.hooks.on_step(reward, ended, infos) or self.stopped
        return True
