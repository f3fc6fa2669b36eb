"""One policy-gradient learner: REINFORCE, A2C or PPO, for any core and any mix of action parts."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ... import tree
from ...errors import FoveateError
from ...tree import Tree
from ..nn.cores.base import State
from ..nn.finite import check
from ..nn.noise import keyed
from ..policies.outputs import PolicyEvaluation
from .actor import NOISE
from .distributed import Share
from .hooks import Hooks
from .inner_choices import choosing_core
from .learner import Learner
from .losses import added, clipped_loss, counted, cross_entropy, masked_mean, reinforce_loss, supervised_parts
from .options import LearnerOptions
from .returns import advantages, explained_variance, likelihood_gains, question_ends
from .rollout import Collector, Rollout

Figures = dict[str, Tensor]


class _Batch(NamedTuple):
    """What an update learns from: of a `Rollout` what it reads, and what each choice was worth, (T, B)."""

    observation: Tree
    choices: dict[str, Tensor]
    log_prob: dict[str, Tensor]
    starts: Tensor
    valid: Tensor | None
    target: dict[str, Tensor] | None
    target_mask: Tensor | None
    target_set: dict[str, Tensor] | None
    state: State
    advantage: Tensor
    returns: Tensor

    def rows(self, which: Tensor | None) -> "_Batch":
        """The sequences of some rows; of all for None."""
        if which is None:
            return self
        over_time = tree.index(self._replace(state=None), which, dim=1)
        return over_time._replace(state=tree.index(self.state, which))


class PolicyGradientLearner(Learner[Collector, Rollout]):
    """REINFORCE, A2C or PPO on whole episodes or fixed horizons; arguments as in `Learner`."""

    options: LearnerOptions
    options_class = LearnerOptions

    def make_collector(self, env: object) -> Collector:
        options = self.options
        forcing = options.teacher_forcing and bool(options.hybrid)
        environments = self.adapted(env)
        environments.says_targets = bool(options.hybrid)
        # the parts that cross-entropy trains are played greedily, since sampling would only add noise
        return Collector(environments, self.policy, options.horizon, forcing, greedy_parts=bool(options.hybrid))

    def _check_heads(self) -> None:
        """Refuse to learn by pieces what is known of whole episodes only, and readings that need targets.

        Raises:
            FoveateError: there is such a head, and the options ask for it; or a policy samples what it reads.
        """
        options = self.options
        if choosing_core(self.policy) is not None:
            raise FoveateError(
                "hard=True is learned by back-propagation: take objective=backprop, or an environment in which looking "
                'is an action (view="glimpse").'
            )
        ragged = [name for name in self.policy.heads if self.policy.head(name).ragged]
        if ragged and options.horizon is not None:
            kind = type(self.policy.head(ragged[0])).__name__
            raise FoveateError(
                f"{kind}, the head of {ragged[0]!r}, says more of longer sources, so pieces of episodes can't be put "
                f"together: take objective=backprop, or whole episodes, horizon=None; got horizon={options.horizon}."
            )
        whole = [name for name in self.policy.heads if self.policy.head(name).whole_episodes]
        if whole and options.hybrid and (options.horizon is not None or options.likelihood_reward):
            kind = type(self.policy.head(whole[0])).__name__
            raise FoveateError(
                f"{kind}, the head of {whole[0]!r}, says what whole episodes cost, not single steps: take horizon=None "
                f"and likelihood_reward=False, or hybrid=False; got horizon={options.horizon} and "
                f"likelihood_reward={options.likelihood_reward}."
            )

    def collect(self, hooks: Hooks) -> Rollout | None:
        assert self.collector is not None
        self._check_heads()
        rows = self.collector.environments.num_envs * self.processes.size

        def on_step(reward: Tensor, ended: Tensor) -> bool:
            self.counts.steps += rows
            return hooks.on_step(reward, ended)

        left = -(-(self.total - self.counts.steps) // rows)
        played = self.collector.collect(on_step, left if left > 0 else None)
        if played is None:
            return None
        rollout, episodes = played
        self.count(episodes)
        return rollout

    def update(self, collected: Rollout) -> Figures:
        """Update the weights from one rollout; returns figures for the log, as tensors on the device."""
        options = self.options
        check(
            {
                "observation": collected.observation,
                "reward": collected.reward,
                "value": collected.value,
                "log-probability of a choice": collected.log_prob,
            }
        )
        self.as_played()
        self.set_rate()
        advantage, returns = self._advantage(collected)
        spread = explained_variance(collected.value, returns, collected.valid)
        if options.normalize_advantage:
            mean = masked_mean(advantage, collected.valid)
            std = masked_mean((advantage - mean) ** 2, collected.valid).sqrt()
            advantage = (advantage - mean) / (std + 1e-8)
        if not options.hybrid:  # nobody asks for targets, where there are any: they need not be cut with the rest
            collected = collected._replace(target=None, target_mask=None, target_set=None)
        read = {name: getattr(collected, name) for name in _Batch._fields if name in Rollout._fields}
        batch = _Batch(**read, advantage=advantage, returns=returns)
        if options.objective != "ppo":
            return {**self._step(batch), "explained_variance": spread}
        steps = []
        for _ in range(options.epochs):
            order = torch.randperm(collected.reward.shape[1], device=self.device)
            steps += [self._step(batch.rows(part)) for part in order.chunk(options.minibatches)]
        means = {name: torch.stack([step[name] for step in steps]).mean() for name in steps[0]}
        return {**means, "explained_variance": spread}

    def as_played(self) -> None:
        """Put the policy into the mode that it plays in, but so that it can be trained.

        Noise of our own comes back by its keys. What a user's own modules do otherwise in training (dropout, the
        statistics of a batch) would be another policy than the one that played, so it is left out.
        """
        if self.policy.training:
            self.policy.eval()
        for module in self.policy.modules() if self.device.type == "cuda" else ():
            if isinstance(module, nn.RNNBase) and not module.dropout:
                module.train()  # nothing changes, but cuDNN has no gradients of one in evaluation

    def _advantage(self, rollout: Rollout) -> tuple[Tensor, Tensor]:
        """How much better than expected each choice was, and what the critic should have said, each (T, B)."""
        options = self.options
        if options.hybrid and options.likelihood_reward and rollout.target_log_prob is not None:
            ends = question_ends(rollout.target, rollout.target_mask, rollout.ended)
            gains = likelihood_gains(rollout.target_log_prob, ends, options.gamma, options.likelihood_mean)
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

    def judge(self, played: Rollout | _Batch) -> PolicyEvaluation:
        """What the present weights say of choices of the past, under the noise that they were made with."""
        with keyed(played.choices.get(NOISE)):
            return self.policy.evaluate(played.observation, played.choices, played.state, played.starts)

    def _step(self, batch: _Batch) -> Figures:
        """One step of the optimiser; the noise in it, if there is any, is each process's own."""
        share = self.processes.share(batch.advantage.shape[1], self.device)
        with self.processes.own_noise(self.device, self.counts.updates):
            return self._update(batch.rows(share.rows), batch, share)

    def _update(self, batch: _Batch, whole: _Batch, share: Share) -> Figures:
        """`_step` on one process's share.

        Args:
            batch: the share.
            whole: what all processes learn from now.
            share: which part of that the batch is.
        """
        options = self.options
        judged = self.judge(batch)
        targets = supervised_parts(batch.target, self.policy) if options.hybrid else {}
        chosen = [name for name in judged.log_prob if name not in targets]
        figures: Figures = {}
        value_loss = share.part(masked_mean((judged.value - batch.returns) ** 2, batch.valid), whole.valid)
        loss = options.value_coef * value_loss
        figures["value_loss"] = loss.detach() / max(options.value_coef, 1e-12)
        if chosen:
            parts = self._policy_loss(batch, judged, chosen)
            policy_loss, entropy, more = tree.map(lambda mean: share.part(mean, whole.valid), parts)
            loss = loss + options.policy_coef * policy_loss - options.entropy_coef * entropy
            figures |= {**more, "policy_loss": policy_loss.detach(), "entropy": entropy.detach()}
        if targets:
            mask, length = self._taught(batch, targets)
            due = batch.target_mask
            cost = cross_entropy(self.policy, judged.parameters, targets, mask, batch.target_set, length, due)
            cost = share.part(cost, mask if whole is batch else self._taught(whole, targets)[0])
            loss, figures["cross_entropy"] = loss + cost, cost.detach()
        for name, cost in judged.losses.items():
            cost = share.part(masked_mean(cost, batch.valid), whole.valid)
            loss, figures[name] = loss + cost, cost.detach()
        return {**figures, "loss": loss.detach(), "grad_norm": self.descend(loss)}

    def _taught(self, batch: _Batch, targets: dict[str, Tensor]) -> tuple[Tensor | None, Tensor | None]:
        """Where targets count, bool (T, B) or None for all, and the steps of each row's episode, if it has one."""
        mask = batch.valid
        if not self.options.hybrid_everywhere and batch.target_mask is not None:
            mask = batch.target_mask if mask is None else batch.target_mask & mask
        if self.options.horizon is not None:
            return mask, None
        length = (torch.ones_like(batch.starts) if batch.valid is None else batch.valid).sum(0)
        return None if mask is None else counted(self.policy, targets, mask, length), length

    def _policy_loss(
        self, batch: _Batch, judged: PolicyEvaluation, chosen: list[str]
    ) -> tuple[Tensor, Tensor, Figures]:
        """The loss of the choices that no target teaches, their entropy, and more figures for the log."""
        options = self.options
        log_prob = added(judged.log_prob[name] for name in chosen)
        entropy = masked_mean(added(judged.entropy[name] for name in chosen), batch.valid)
        if options.objective != "ppo":
            return reinforce_loss(log_prob, batch.advantage, batch.valid), entropy, {}
        old = added(batch.log_prob[name] for name in chosen)
        loss = clipped_loss(log_prob, old, batch.advantage, options.clip_range, batch.valid)
        with torch.no_grad():
            change = log_prob - old
            outside = ((change.exp() - 1).abs() > options.clip_range).float()
            figures = {
                "approx_kl": masked_mean(change.exp() - 1 - change, batch.valid),
                "clip_fraction": masked_mean(outside, batch.valid),
            }
        return loss, entropy, figures
