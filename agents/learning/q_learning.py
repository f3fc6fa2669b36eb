"""Q-learning by Stable-Baselines3's DQN, on our networks and as a learner like the others.

Collecting, replay and updates are Stable-Baselines3's own; the network is one of our policies (a dueling one has
Q = V + A), so that instruments, checkpoints and commands know it as any other.
"""

import copy
from collections import deque
from typing import Any

import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.type_aliases import TrainFreq, TrainFrequencyUnit
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.dqn.policies import DQNPolicy
from torch import Tensor, nn

from ... import tree
from ...envs.allocation import free_memory
from ...errors import FoveateError
from ...tree import Tree
from ..nn.cores.base import Feedforward
from ..nn.finite import check_host
from ..policies.policy import WHOLE, Policy
from .algorithm import Algorithm
from .learner import Hooks, Learner
from .options import QOptions
from .room import check_fits, space_bytes
from .vec_env import GymVecEnv
from .vec_environments import check_step


class QNetwork(nn.Module):
    """The Q-values of one of our policies, as Stable-Baselines3 asks for them."""

    def __init__(self, policy: Policy):
        super().__init__()
        self.policy = policy

    def forward(self, observation: Tree) -> Tensor:
        # Stable-Baselines3's replay memory adds a dimension to numbers of a Discrete space
        observation = self.policy.read(
            tree.map(_without_extra, tree.of_space(self.policy.observation_space), observation)
        )
        rows = len(tree.first(observation))
        starts = torch.zeros(1, rows, dtype=torch.bool, device=self.policy.device)
        prediction = self.policy(tree.unsqueeze(observation), self.policy.initial_state(rows), starts)
        return self.policy.q_values(prediction.parameters[WHOLE][0], prediction.value[0])  # (B, n)

    def _predict(self, observation: Tree, deterministic: bool = True) -> Tensor:
        return self(observation).argmax(1)

    def set_training_mode(self, mode: bool) -> None:
        self.train(mode)


def _without_extra(space: spaces.Space, value: Tensor) -> Tensor:
    return value.flatten() if space.shape == () else value


class QPolicy(DQNPolicy):
    """Stable-Baselines3's DQN policy around a network of ours; other arguments are those of DQNPolicy."""

    def __init__(self, *args: Any, network: Policy, **kwargs: Any):
        self._networks = [network, copy.deepcopy(network)]  # the one that learns, and the target
        super().__init__(*args, **kwargs)

    def make_q_net(self) -> Any:
        return QNetwork(self._networks.pop(0)).to(self.device)


class _StepCallback(BaseCallback):
    """Hands each step that Stable-Baselines3 makes to a learner's hooks."""

    def __init__(self, learner: "QLearner", dqn: DQN, hooks: Hooks):
        super().__init__()
        self.learner, self.hooks, self.dqn = learner, hooks, dqn
        self.model = dqn

    def _on_step(self) -> bool:
        self.learner.counts.steps = self.dqn.num_timesteps
        infos = self.locals["infos"]
        # before the memory takes it
        check_step(self.locals["new_obs"], self.locals["rewards"], self.locals["dones"], infos)
        reward, ended = (torch.as_tensor(self.locals[name]) for name in ("rewards", "dones"))
        return self.hooks.on_step(reward, ended, infos)


class QCollector:
    """The algorithm that plays and remembers; its replay memory is not part of a checkpoint.

    Attributes:
        dqn: Stable-Baselines3's algorithm.
        ready: whether it has begun to play.
    """

    begun = False  # a resumed training begins with new episodes and an empty memory
    environments = None  # nothing of them is saved

    def __init__(self, dqn: DQN):
        self.dqn = dqn
        self.ready = False

    def begin(self, seed: int | None = None) -> None:
        """Start new episodes at the next rollout."""
        self.ready = False

    def state_dict(self) -> dict[str, Tensor]:
        return {}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Nothing was saved."""


class QLearner(Learner[QCollector, bool]):
    """DQN (Mnih et al. 2015), with a dueling network if the agent has one; arguments as in `Learner`.

    The target is DQN's own, the largest value of the target network, and not that of double DQN, with which the figures
    of the dueling paper (Wang et al. 2016) were made.

    A resumed run goes on with its weights, optimiser and schedules, but its replay memory, gigabytes of frames, is
    filled anew: unlike the other learners it is not bit for bit the run that was not stopped.
    """

    options: QOptions
    options_class = QOptions
    window = 100  # Stable-Baselines3's
    logger: Logger | None = None  # where Stable-Baselines3 writes its figures

    def make_collector(self, env: object) -> QCollector:
        """Stable-Baselines3's DQN around the policy, playing in an environment.

        Raises:
            FoveateError: the actions aren't Discrete, the agent has a memory, or `env` is no vector environment.
        """
        space, options = self.policy.action_space, self.options
        if not isinstance(space, spaces.Discrete):
            raise FoveateError(f"Q-learning needs a Discrete action space, got {space}.")
        if space.start != 0:
            raise FoveateError(f"Q-learning needs actions that count from 0, got {space}.")
        if not isinstance(self.policy.core, Feedforward):
            raise FoveateError("Q-learning here needs an agent without memory: --agent.core none.")
        size = 2 * options.memory * space_bytes(self.policy.observation_space)  # before and after each step
        what = f"a replay memory of {options.memory:,} transitions"
        check_fits(size, free_memory(torch.device("cpu")), what, "remember fewer (--learner.memory)")
        env = GymVecEnv(env) if isinstance(env, VectorEnv) else env
        if not isinstance(env, VecEnv):
            raise FoveateError(f"Q-learning plays in a vector environment, got {env!r}.")
        self.policy.check_plays(env.observation_space, env.action_space)
        dqn = DQN(
            QPolicy,
            env,
            learning_rate=self.rate,
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
        dqn.ep_info_buffer, dqn.ep_success_buffer = self.recent, deque(maxlen=self.window)
        self.optimizer = dqn.policy.optimizer
        return QCollector(dqn)

    def collect(self, hooks: Hooks) -> bool | None:
        assert self.collector is not None
        dqn = self.collector.dqn
        if not self.collector.ready:
            self._begin(dqn)
        assert dqn.env is not None
        assert dqn.replay_buffer is not None
        callback = _StepCallback(self, dqn, hooks)
        step = TrainFreq(1, TrainFrequencyUnit.STEP)
        rollout = dqn.collect_rollouts(dqn.env, callback, step, dqn.replay_buffer, learning_starts=self._first)
        self.counts.steps, self.counts.episodes = dqn.num_timesteps, dqn._episode_num
        return True if rollout.continue_training else None

    def _begin(self, dqn: DQN) -> None:
        assert dqn.env is not None
        if self.logger is not None:
            dqn.set_logger(self.logger)
        dqn.q_net_target.load_state_dict(dqn.q_net.state_dict())  # a resumed run's weights were read into one of them
        dqn.num_timesteps, dqn._episode_num = self.counts.steps, self.counts.episodes
        self._first = self.counts.steps + self.options.warm_up
        # the schedules run over the whole training, also of a resumed one
        dqn._setup_learn(self.total - self.counts.steps, None, reset_num_timesteps=False)
        observation = dqn.env.reset()
        assert not isinstance(observation, tuple)
        check_host("observation", observation)
        assert self.collector is not None
        dqn._last_obs = observation
        self.collector.ready = True

    def update(self, collected: bool) -> dict[str, Tensor]:
        """A few updates from the replay memory."""
        assert self.collector is not None
        if self.counts.steps > self._first:
            self.collector.dqn.train(self.options.updates, self.options.batch)
            self.counts.updates += self.options.updates
        return {}


class QLearning(Algorithm):
    """DQN as a Stable-Baselines3 algorithm; arguments as in `Algorithm`."""

    learner_class = QLearner
    learner: QLearner

    def _prepare_learner(self) -> None:
        self.learner.logger = self.logger
