"""Q-learning by Stable-Baselines3's DQN, on our networks and with our learner's face.

Collecting, replay and updates are Stable-Baselines3's own; the network is one of our policies (a dueling one has
Q = V + A), so that instruments, checkpoints and commands know it as any other.
"""

import copy
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import TrainFreq, TrainFrequencyUnit
from stable_baselines3.dqn.policies import DQNPolicy
from torch import Tensor, nn

from ...errors import FoveateError
from ..nn.cores.base import Feedforward
from ..policies.policy import WHOLE, Policy
from .learner import Learner
from .options import QOptions


class QNetwork(nn.Module):
    """The Q-values of one of our policies, as Stable-Baselines3 asks for them."""

    def __init__(self, policy: Policy):
        super().__init__()
        self.policy = policy

    def forward(self, observation: Any) -> Tensor:
        first = next(iter(observation.values())) if isinstance(observation, dict) else observation
        starts = torch.zeros(1, len(first), dtype=torch.bool, device=first.device)
        now = {k: v[None] for k, v in observation.items()} if isinstance(observation, dict) else observation[None]
        prediction = self.policy(now, self.policy.initial_state(len(first)), starts)
        return self.policy.q_values(prediction.parameters[WHOLE][0], prediction.value[0])  # (B, n)

    def _predict(self, observation: Any, deterministic: bool = True) -> Tensor:
        return self(observation).argmax(1)

    def set_training_mode(self, mode: bool) -> None:
        self.train(mode)


class QPolicy(DQNPolicy):
    """Stable-Baselines3's DQN policy around a network of ours."""

    def __init__(self, *args: Any, network: Policy, **kwargs: Any):
        self._networks = [network, copy.deepcopy(network)]  # the one that learns, and the target
        super().__init__(*args, **kwargs)

    def make_q_net(self) -> Any:
        return QNetwork(self._networks.pop(0)).to(self.device)


class _Announce(BaseCallback):
    """Tells our callbacks of each step that Stable-Baselines3 makes."""

    def __init__(self, learner: "QLearning", callback: BaseCallback):
        super().__init__()
        self.learner, self.callback = learner, callback

    def update_locals(self, locals_: dict[str, Any]) -> None:
        self.callback.update_locals({name: locals_[name] for name in ("rewards", "dones", "infos")})

    def _on_step(self) -> bool:
        self.learner.num_timesteps = self.model.num_timesteps
        return self.callback.on_step()


class QCollector:
    """The algorithm that plays and remembers; its replay memory is not part of a checkpoint.

    Attributes:
        dqn: Stable-Baselines3's algorithm.
        begun: False: a resumed training begins with new episodes and an empty memory.
        environments: None, since nothing of them is saved.
    """

    begun = False
    environments = None

    def __init__(self, dqn: DQN):
        self.dqn = dqn
        self.ready = False

    def begin(self, seed: int | None = None) -> None:
        """Start new episodes at the next rollout."""
        self.ready = False


class QLearning(Learner):
    """DQN (Mnih et al. 2015), with a dueling network if the agent has one; arguments as in `Learner`.

    A resumed run goes on with its weights, optimiser and schedules, but its replay memory, gigabytes of frames, is
    filled anew: unlike the other learners it is not bit for bit the run that was not stopped.
    """

    options: QOptions
    options_class = QOptions

    def make_collector(self) -> QCollector:
        if not isinstance(self.action_space, spaces.Discrete):
            raise FoveateError(f"Q-learning needs a Discrete action space, got {self.action_space}.")
        if not isinstance(self.policy.core, Feedforward):
            raise FoveateError("Q-learning here needs an agent without memory: --agent.core none.")
        options = self.options
        dqn = DQN(
            QPolicy,
            self.env,  # type: ignore[arg-type]
            learning_rate=self._rate,
            buffer_size=options.memory,
            learning_starts=options.warm_up,
            batch_size=options.batch,
            gamma=options.gamma,
            target_update_interval=options.target_every,
            exploration_fraction=options.exploration,
            exploration_final_eps=options.epsilon,
            max_grad_norm=options.max_grad_norm,
            policy_kwargs={
                "network": self.policy,
                "optimizer_class": torch.optim.AdamW,
                "optimizer_kwargs": {"eps": options.adam_eps, "weight_decay": options.weight_decay},
            },
            seed=self.seed,
            device=self.device,
        )
        self.optimizer = dqn.policy.optimizer  # type: ignore[assignment]
        return QCollector(dqn)

    def collect(self, callback: Any) -> bool | None:
        dqn = self.collector.dqn
        if not self.collector.ready:
            self._begin(dqn)
        announce = _Announce(self, callback)
        announce.model = dqn
        rollout = dqn.collect_rollouts(
            dqn.env, announce, TrainFreq(1, TrainFrequencyUnit.STEP), dqn.replay_buffer, learning_starts=self._first
        )
        self.num_timesteps, self._episode_num = dqn.num_timesteps, dqn._episode_num
        self.ep_info_buffer = dqn.ep_info_buffer
        return True if rollout.continue_training else None

    def _begin(self, dqn: DQN) -> None:
        dqn.set_logger(self.logger)
        dqn.q_net_target.load_state_dict(dqn.q_net.state_dict())  # a resumed run's weights were read into one of them
        dqn.num_timesteps, dqn._episode_num = self.num_timesteps, self._episode_num
        self._first = self.num_timesteps + self.options.warm_up
        # the schedules run over the whole training, also of a resumed one
        dqn._setup_learn(self._total_timesteps - self.num_timesteps, None, reset_num_timesteps=False)
        dqn._last_obs = dqn.env.reset()  # type: ignore[union-attr, assignment]
        self.collector.ready = True

    def train(self, collected: Any) -> dict[str, Tensor]:
        """A few updates from the replay memory."""
        dqn = self.collector.dqn
        if self.num_timesteps > self._first:
            dqn.train(self.options.updates, self.options.batch)
            self._n_updates += self.options.updates
        return {}
