"""What Stable-Baselines3's callbacks and log hear of a learner of ours."""

import sys
import time
from typing import TYPE_CHECKING

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import safe_mean
from torch import Tensor

from .environments import Info
from .hooks import Hooks

if TYPE_CHECKING:
    from .algorithm import Algorithm


class CallbackHooks(Hooks):
    """A learner's hooks as Stable-Baselines3's callbacks and rows of its log."""

    def __init__(self, algorithm: "Algorithm", callback: BaseCallback, log_interval: int):
        self.algorithm, self.callback, self.log_interval = algorithm, callback, log_interval

    def on_rollout_start(self) -> None:
        self.callback.on_rollout_start()

    def on_step(self, reward: Tensor, ended: Tensor, infos: list[Info] | None = None) -> bool:
        self.algorithm.take_counts()
        if reward.device.type == "cpu":  # on a GPU the copy would cost every step
            infos = [{} for _ in range(len(ended))] if infos is None else infos
            self.callback.update_locals({"rewards": reward.numpy(), "dones": ended.numpy(), "infos": infos})
        return self.callback.on_step()

    def on_rollout_end(self) -> None:
        self.algorithm.take_counts()
        self.callback.on_rollout_end()

    def on_update(self, figures: dict[str, Tensor]) -> None:
        self.algorithm.take_counts()
        if self.algorithm.learner.counts.iterations % self.log_interval == 0:
            self._log(figures)

    def _log(self, figures: dict[str, Tensor]) -> None:
        algorithm, learner = self.algorithm, self.algorithm.learner
        seconds = max((time.time_ns() - algorithm.start_time) / 1e9, sys.float_info.epsilon)
        record = algorithm.logger.record
        record("rollout/ep_rew_mean", safe_mean([row["r"] for row in learner.recent]))
        record("rollout/ep_len_mean", safe_mean([row["l"] for row in learner.recent]))
        scores = learner.recent_scores()
        if len(scores):
            record("rollout/score", float(scores.mean()))
        for name, value in figures.items():
            record(f"train/{name}", value.item())
        record("train/learning_rate", learner.optimizer.param_groups[0]["lr"])
        record("train/n_updates", learner.counts.updates, exclude="tensorboard")
        record("time/fps", int((learner.counts.steps - algorithm._num_timesteps_at_start) / seconds))
        record("time/time_elapsed", int(seconds), exclude="tensorboard")
        record("time/total_timesteps", learner.counts.steps, exclude="tensorboard")
        algorithm.logger.dump(learner.counts.steps)
