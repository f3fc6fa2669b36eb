"""One policy-gradient learner: REINFORCE, A2C or PPO, for any core and any mix of action parts."""

from typing import Any

import torch
from torch import Tensor

from .environments import environments_of
from .learner import Learner
from .losses import clipped_loss, cross_entropy, masked_mean, reinforce_loss, supervised_parts
from .options import LearnerOptions
from .returns import advantages, explained_variance, likelihood_gains
from .rollout import Collector, Rollout


class PolicyGradient(Learner):
    """REINFORCE, A2C or PPO on whole episodes or fixed horizons; arguments as in `Learner`."""

    options: LearnerOptions
    options_class = LearnerOptions

    def make_collector(self) -> Collector:
        assert self.env is not None
        options = self.options
        forcing = options.teacher_forcing and bool(options.hybrid)
        environments = environments_of(self.env, self.device)
        # the parts that cross-entropy trains are played greedily, since sampling would only add noise
        return Collector(environments, self.policy, options.horizon, forcing, greedy_parts=bool(options.hybrid))

    def collect(self, callback: Any) -> Rollout | None:
        def on_step(reward: Tensor, ended: Tensor) -> bool:
            self.num_timesteps += self.n_envs
            return self.announce(callback, reward, ended)

        played = self.collector.collect(on_step)
        if played is None:
            return None
        rollout, episodes = played
        self.count(episodes)
        return rollout

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
                figures = self._update(rollout.rows(part), advantage[:, part], returns[:, part])
        return {**figures, "explained_variance": spread}

    def _advantage(self, rollout: Rollout) -> tuple[Tensor, Tensor]:
        """How much better than expected each choice was, and what the critic should have said, each (T, B)."""
        options = self.options
        if options.hybrid and options.likelihood_reward and rollout.target_log_prob is not None:
            gains = likelihood_gains(rollout.target_log_prob, rollout.ended, options.gamma)
            return gains - rollout.value, gains
        advantage = advantages(
            rollout.reward,
            rollout.value,
            rollout.last_value,
            rollout.ended,
            rollout.truncation_value,
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
            figures["cross_entropy"] = cross_entropy(self.policy, judged.parameters, targets, mask)
            loss = loss + figures["cross_entropy"]
            figures["cross_entropy"] = figures["cross_entropy"].detach()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.policy.parameters(), options.max_grad_norm)
        self.optimizer.step()
        self._n_updates += 1
        return {**figures, "loss": loss.detach(), "grad_norm": norm.detach()}
