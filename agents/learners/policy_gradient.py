"""One policy-gradient learner: REINFORCE, A2C or PPO, for any core and any mix of action parts.

Its face is Stable-Baselines3's: `learn`, `predict`, callbacks, logger, `evaluate_policy`, TensorBoard. Its rollouts
are its own: tensors stay on the device, episodes are whole, and the core's state is a tree of tensors.
"""

import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import safe_mean
from torch import Tensor

from ...errors import FoveateError
from ..policy import Policy
from .losses import clipped_loss, cross_entropy, masked_mean, reinforce_loss, supervised_parts
from .options import LearnerOptions
from .returns import advantages, explained_variance, likelihood_gains
from .rollout import Player, Rollout
from .vec_env import GymVecEnv
from .worlds import Moment, worlds_of


class PolicyGradient(BaseAlgorithm):
    """REINFORCE, A2C or PPO on whole episodes or fixed horizons.

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

    def __init__(
        self,
        policy: str | type[Policy] | Policy,
        env: Any,
        options: LearnerOptions | None = None,
        *,
        policy_kwargs: dict[str, Any] | None = None,
        seed: int | None = None,
        device: torch.device | str = "auto",
        tensorboard_log: str | None = None,
        verbose: int = 0,
        observation_space: spaces.Space | None = None,
        action_space: spaces.Space | None = None,
    ):
        self.options = options or LearnerOptions()
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
        self.optimizer = torch.optim.AdamW(self.policy.parameters(), lr=options.lr, weight_decay=options.weight_decay)
        self.player: Player | None = None
        if self.env is not None:
            self.player = Player(worlds_of(self.env, self.device), self.policy, options.horizon)

    def set_env(self, env: Any, force_reset: bool = True) -> None:
        """Go on in other worlds with the same spaces."""
        if self.env is None:  # loaded to predict: any number of worlds will do
            self.n_envs = getattr(env, "num_envs", 1)
        super().set_env(GymVecEnv(env) if isinstance(env, VectorEnv) else env, force_reset)
        assert self.env is not None
        self.player = Player(worlds_of(self.env, self.device), self.policy, self.options.horizon)

    # ---- the loop ----

    def learn(  # type: ignore[override]
        self,
        total_timesteps: int,
        callback: Any = None,
        log_interval: int = 50,
        tb_log_name: str = "run",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> "PolicyGradient":
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
        if self.player is None:
            raise FoveateError("this learner has no env: give one to the constructor, to `load` or to `set_env`.")
        if not self._resumed and reset_num_timesteps:
            self.iterations = 0
        self._last_obs = ()  # type: ignore[assignment]  # the worlds are the player's to reset
        fresh = reset_num_timesteps and not self._resumed
        if fresh and self.env is not None:
            self.player.begin(self.seed)
        total, callback = self._prepare(total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar)
        self._resumed = False
        callback.on_training_start(locals(), globals())
        while self.num_timesteps < total:
            callback.on_rollout_start()

            def on_step(moment: Moment) -> bool:
                self.num_timesteps += self.n_envs
                if self.device.type == "cpu":  # on a GPU the copy would cost every step
                    dones = (moment.terminated | moment.truncated).numpy()
                    infos = [{} for _ in dones]
                    callback.update_locals({"rewards": moment.reward.numpy(), "dones": dones, "infos": infos})
                return callback.on_step()

            self.policy.eval()  # what is played is the policy itself, without dropout
            played = self.player.play(self.greedy_parts(), on_step)
            if played is None:
                break
            rollout, episodes = played
            self._count(episodes)
            callback.on_rollout_end()
            self._update_current_progress_remaining(min(self.num_timesteps, total), total)
            figures = self.train(rollout)
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

    def greedy_parts(self) -> frozenset[str]:
        """The parts that cross-entropy trains: they are played greedily, since sampling would only add noise."""
        assert self.player is not None
        if not self.options.hybrid:
            return frozenset()
        return frozenset(supervised_parts(self.player.now().target, self.policy))

    def _count(self, episodes: Any) -> None:
        assert self.ep_info_buffer is not None
        assert self.ep_success_buffer is not None
        now = round((time.time_ns() - self.start_time) / 1e9, 3)
        keep = self.ep_info_buffer.maxlen or 100
        rows = list(zip(episodes.returns, episodes.lengths, episodes.scores, strict=True))[-keep:]
        self.ep_info_buffer.extend({"r": r, "l": n, "t": now, "score": s} for r, n, s in rows)
        self._episode_num += len(episodes.returns)

    # ---- the update ----

    def train(self, rollout: Rollout) -> dict[str, Tensor]:  # type: ignore[override]
        """Update the weights from one rollout; returns figures for the log, as tensors on the device."""
        options = self.options
        self.policy.train()
        self._set_rate()
        advantage, returns = self._advantage(rollout)
        spread = explained_variance(rollout.value.flatten(), returns.flatten())
        if options.normalize_advantage:
            mean = masked_mean(advantage, rollout.valid)
            std = masked_mean((advantage - mean) ** 2, rollout.valid).sqrt()
            advantage = (advantage - mean) / (std + 1e-8)
        if options.objective != "ppo":
            figures = self._update(rollout, advantage, returns)
            return {**figures, "explained_variance": spread}
        figures = {}
        worlds = rollout.reward.shape[1]
        for _ in range(options.epochs):
            order = torch.randperm(worlds, device=self.device)
            for part in order.chunk(options.minibatches):
                figures = self._update(_choose(rollout, part), advantage[:, part], returns[:, part])
        return {**figures, "explained_variance": spread}

    def _advantage(self, rollout: Rollout) -> tuple[Tensor, Tensor]:
        """How much better than expected each choice was, and what the critic should have said, each (T, B)."""
        options = self.options
        if options.hybrid and options.likelihood_reward and rollout.told is not None:
            gains = likelihood_gains(rollout.told, rollout.ended)
            return gains - rollout.value, gains
        advantage = advantages(
            rollout.reward,
            rollout.value,
            rollout.v_last,
            rollout.ended,
            rollout.v_cut,
            options.gamma,
            options.gae_lambda,
        )
        return advantage, advantage + rollout.value

    def _update(self, rollout: Rollout, advantage: Tensor, returns: Tensor) -> dict[str, Tensor]:
        options = self.options
        judged = self.policy.evaluate(rollout.observation, rollout.choices, rollout.state, rollout.starts)
        targets = supervised_parts(rollout.target, self.policy) if options.hybrid else {}
        chosen = [name for name in judged.log_prob if name not in targets]
        figures: dict[str, Tensor] = {}
        loss = options.value_coef * masked_mean((judged.value - returns) ** 2, rollout.valid)
        figures["value_loss"] = loss.detach() / max(options.value_coef, 1e-12)
        if chosen:
            log_prob = torch.stack([judged.log_prob[name] for name in chosen]).sum(0)
            entropy = masked_mean(torch.stack([judged.entropy[name] for name in chosen]).sum(0), rollout.valid)
            if options.objective == "ppo":
                old = torch.stack([rollout.log_prob[name] for name in chosen]).sum(0)
                policy_loss = clipped_loss(log_prob, old, advantage, options.clip_range, rollout.valid)
                with torch.no_grad():
                    change = log_prob - old
                    figures["approx_kl"] = masked_mean(change.exp() - 1 - change, rollout.valid)
                    outside = ((change.exp() - 1).abs() > options.clip_range).float()
                    figures["clip_fraction"] = masked_mean(outside, rollout.valid)
            else:
                policy_loss = reinforce_loss(log_prob, advantage, rollout.valid)
            loss = loss + options.policy_coef * policy_loss - options.entropy_coef * entropy
            figures |= {"policy_loss": policy_loss.detach(), "entropy": entropy.detach()}
        if targets:
            mask = rollout.valid
            if not options.hybrid_everywhere and rollout.target_mask is not None:
                mask = rollout.target_mask if mask is None else rollout.target_mask & mask
            figures["cross_entropy"] = cross_entropy(self.policy, judged, targets, mask)
            loss = loss + figures["cross_entropy"]
            figures["cross_entropy"] = figures["cross_entropy"].detach()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.policy.parameters(), options.max_grad_norm)
        self.optimizer.step()
        self._n_updates += 1
        return {**figures, "loss": loss.detach(), "grad_norm": norm.detach()}

    def _set_rate(self) -> None:
        rate = self.lr_schedule(self._current_progress_remaining)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

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
        from ..checkpoint import save

        save(self, Path(path))

    @classmethod
    def load(cls, path: Any, env: Any = None, device: Any = "auto", **_: Any) -> "PolicyGradient":  # type: ignore[override]
        """Read a checkpoint folder; with an env, `learn` goes on from there."""
        from ..checkpoint import load

        return load(Path(path), env, device)

    def options_dict(self) -> dict[str, Any]:
        """The options as plain data."""
        return dataclasses.asdict(self.options)


def _choose(rollout: Rollout, worlds: Tensor) -> Rollout:
    """The sequences of some worlds."""

    def pick(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: pick(item) for key, item in value.items()}
        return None if value is None else value[:, worlds]

    kept = {name: pick(getattr(rollout, name)) for name in Rollout._fields if name not in ("state", "v_last")}
    state = type(rollout.state)(*(part[worlds] for part in rollout.state))
    return Rollout(**kept, state=state, v_last=rollout.v_last[worlds])
