"""The face that every learner shares: Stable-Baselines3's, with rollouts of its own.

`learn`, `predict`, callbacks, logger, `evaluate_policy` and TensorBoard are Stable-Baselines3's. Collecting is not:
tensors stay on the device, episodes are whole, and the core's state is a tree of tensors.
"""

import abc
import dataclasses
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any, ClassVar

import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import safe_mean
from torch import Tensor

from ...errors import FoveateError
from ..policies.policy import Policy
from .rollout import Episodes
from .vec_env import GymVecEnv


class Learner(BaseAlgorithm):
    """Collects experience, updates the policy, in turns.

    A subclass makes a collector (`make_collector`), collects with it (`collect`) and updates the weights (`train`).

    Args:
        policy: an agent's name (see `foveate.agents.AGENTS`), a Policy subclass, or a Policy.
        env: a Gymnasium vector environment or environment, an id, or a Stable-Baselines3 VecEnv; None to predict only.
        options: how to learn.
        policy_kwargs: the agent's options, if `policy` is a name or a class.
        seed: seeds the weights, the sampling and the worlds.
        device: "auto", "cpu", "cuda", …
        tensorboard_log: folder of TensorBoard events; None for none.
        verbose: 1 prints a table at each dump.
    """

    policy: Policy  # type: ignore[assignment]
    options_class: ClassVar[type[Any]]

    def __init__(
        self,
        policy: str | type[Policy] | Policy,
        env: Any,
        options: Any = None,
        *,
        policy_kwargs: dict[str, Any] | None = None,
        seed: int | None = None,
        device: torch.device | str = "auto",
        tensorboard_log: str | None = None,
        verbose: int = 0,
        observation_space: spaces.Space | None = None,
        action_space: spaces.Space | None = None,
    ):
        self.options = options or self.options_class()
        from .. import agent_class

        made = policy if isinstance(policy, Policy) else None
        chosen = agent_class(policy) if isinstance(policy, str) else policy
        super().__init__(
            policy=type(made) if made is not None else chosen,  # type: ignore[arg-type]
            env=GymVecEnv(env) if isinstance(env, VectorEnv) else env,
            learning_rate=self._rate,
            policy_kwargs=policy_kwargs,
            tensorboard_log=tensorboard_log,
            verbose=verbose,
            device=device,
            seed=seed,
            support_multi_env=True,
            stats_window_size=200,
        )
        if self.env is None:
            if observation_space is None or action_space is None:
                raise FoveateError("without an env the observation_space and the action_space must be given.")
            self.observation_space, self.action_space, self.n_envs = observation_space, action_space, 0
        self.iterations = 0
        self._resumed = False
        self._setup_model(made)

    def _rate(self, progress_remaining: float) -> float:
        end = self.options.lr_end
        return self.options.lr * (end + (1 - end) * progress_remaining)

    def _setup_model(self, made: Policy | None = None) -> None:
        self._setup_lr_schedule()
        self.set_random_seed(self.seed)
        if made is None:
            made = self.policy_class(self.observation_space, self.action_space, **self.policy_kwargs)  # type: ignore[assignment]
        self.policy = made.to(self.device)  # type: ignore[union-attr]
        options = self.options
        groups = [{"params": part, "share": share} for share, part in self.policy.rates().items()]
        self.optimizer = torch.optim.AdamW(
            groups, lr=options.lr, weight_decay=options.weight_decay, eps=options.adam_eps
        )
        self.collector: Any = self.make_collector() if self.env is not None else None

    def set_env(self, env: Any, force_reset: bool = True) -> None:
        """Go on in other worlds with the same spaces."""
        if self.env is None:  # loaded to predict: any number of worlds will do
            self.n_envs = getattr(env, "num_envs", 1)
        super().set_env(GymVecEnv(env) if isinstance(env, VectorEnv) else env, force_reset)
        self.collector = self.make_collector()

    # ---- the loop ----

    def learn(  # type: ignore[override]
        self,
        total_timesteps: int,
        callback: Any = None,
        log_interval: int = 50,
        tb_log_name: str = "run",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> Any:
        """Train for a number of environment steps; arguments as in Stable-Baselines3.

        Args:
            total_timesteps: steps of all worlds together (a lower bound: rollouts are finished).
            callback: Stable-Baselines3 callbacks; `on_rollout_start` is the moment between two updates. Their `locals`
                hold `rewards`, `dones` and (empty) `infos` of each step, on the CPU.
            log_interval: rollouts between two rows of the log.
            tb_log_name: name of the run for TensorBoard.
            reset_num_timesteps: False goes on counting (and with the same schedule, if the total stays).
            progress_bar: show Stable-Baselines3's progress bar.
        """
        if self.collector is None:
            raise FoveateError("this learner has no env: give one to the constructor, to `load` or to `set_env`.")
        if not self._resumed and reset_num_timesteps:
            self.iterations = 0
        self._last_obs = ()  # type: ignore[assignment]  # the worlds are the collector's to reset
        if not self._resumed and (reset_num_timesteps or not self.collector.begun):
            self.collector.begin(self.seed)
        total, callback = self._prepare(total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar)
        self._resumed = False
        callback.on_training_start(locals(), globals())
        while self.num_timesteps < total:
            callback.on_rollout_start()

            self.policy.eval()  # what is played is the policy itself, without dropout
            collected = self.collect(callback)
            if collected is None:
                break
            callback.on_rollout_end()
            self._update_current_progress_remaining(min(self.num_timesteps, total), total)
            figures = self.train(collected)
            self.iterations += 1
            if self.iterations % log_interval == 0:
                self._log(figures)
        callback.on_training_end()
        return self

    def _prepare(self, total: int, callback: Any, reset: bool, name: str, bar: bool) -> tuple[int, Any]:
        """Stable-Baselines3's set-up, without its reset of the worlds."""
        env_reset = self.env.reset  # type: ignore[union-attr]
        try:
            self.env.reset = lambda: ()  # type: ignore[union-attr, method-assign, assignment, return-value]
            return self._setup_learn(total, callback, reset, name, bar)
        finally:
            self.env.reset = env_reset  # type: ignore[union-attr, method-assign]

    # ---- what a subclass writes ----

    @abc.abstractmethod
    def make_collector(self) -> Any:
        """What collects in `self.env`."""

    @abc.abstractmethod
    def collect(self, callback: Any) -> Any:
        """Experience for one update, counted in `num_timesteps`; None if a callback asks to stop."""

    @abc.abstractmethod
    def train(self, collected: Any) -> dict[str, Tensor]:  # type: ignore[override]
        """Update the weights; returns figures for the log, as tensors on the device."""

    # ---- for subclasses ----

    def announce(self, callback: Any, reward: Tensor, ended: Tensor) -> bool:
        """Tell the callbacks what a step brought; False if they ask to stop."""
        if self.device.type == "cpu":  # on a GPU the copy would cost every step
            infos = [{} for _ in range(len(ended))]
            callback.update_locals({"rewards": reward.numpy(), "dones": ended.numpy(), "infos": infos})
        return callback.on_step()

    def recent_score(self) -> tuple[float, int]:
        """The mean of the task's own figure over the latest episodes, and how many they are."""
        scores = [row["score"] for row in self.ep_info_buffer or [] if "score" in row and row["score"] == row["score"]]
        return safe_mean(scores), len(scores)

    def forget_episodes(self) -> None:
        """Begin the figures of the latest episodes anew."""
        self.ep_info_buffer = deque(maxlen=self._stats_window_size)

    def count(self, episodes: Episodes) -> None:
        """Remember the figures of ended episodes for the log."""
        assert self.ep_info_buffer is not None
        now = round((time.time_ns() - self.start_time) / 1e9, 3)
        keep = self.ep_info_buffer.maxlen or 100
        rows = list(zip(episodes.returns, episodes.lengths, episodes.scores, strict=True))[-keep:]
        self.ep_info_buffer.extend({"r": r, "l": n, "t": now, "score": s} for r, n, s in rows)
        self._episode_num += len(episodes.returns)

    def _set_rate(self) -> None:
        rate = self.lr_schedule(self._current_progress_remaining)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]

    def _log(self, figures: dict[str, Tensor]) -> None:
        seconds = max((time.time_ns() - self.start_time) / 1e9, sys.float_info.epsilon)
        record = self.logger.record
        buffer = self.ep_info_buffer or []
        record("rollout/ep_rew_mean", safe_mean([e["r"] for e in buffer]))
        record("rollout/ep_len_mean", safe_mean([e["l"] for e in buffer]))
        scores = [e["score"] for e in buffer if e.get("score", float("nan")) == e.get("score")]
        if scores:
            record("rollout/score", safe_mean(scores))
        for name, value in figures.items():
            record(f"train/{name}", value.item())
        record("train/learning_rate", self.optimizer.param_groups[0]["lr"])
        record("train/n_updates", self._n_updates, exclude="tensorboard")
        record("time/fps", int((self.num_timesteps - self._num_timesteps_at_start) / seconds))
        record("time/time_elapsed", int(seconds), exclude="tensorboard")
        record("time/total_timesteps", self.num_timesteps, exclude="tensorboard")
        self.logger.dump(self.num_timesteps)

    # ---- playing and keeping ----

    def predict(  # type: ignore[override]
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """The action for an observation, and the state for the next call; see `Policy.predict`."""
        return self.policy.predict(observation, state, episode_start, deterministic)

    def save(self, path: Any, *_: Any, **__: Any) -> None:  # type: ignore[override]
        """Write a checkpoint folder (weights.safetensors, run.json, …): atomic, and nothing in it is code."""
        from .checkpoint import save

        save(self, Path(path))

    @classmethod
    def load(cls, path: Any, env: Any = None, device: Any = "auto", **_: Any) -> Any:  # type: ignore[override]
        """Read a checkpoint folder; with an env, `learn` goes on from there."""
        from .checkpoint import load

        return load(Path(path), env, device)

    def options_dict(self) -> dict[str, Any]:
        """The options as plain data."""
        return dataclasses.asdict(self.options)
