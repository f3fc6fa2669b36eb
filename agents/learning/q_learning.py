"""Q-learning by Stable-Baselines3's DQN, on our networks and as a learner like the others.

Collecting, replay and the updates of plain DQN are Stable-Baselines3's own; the network is one of our policies (a
dueling one has Q = V + A), so that instruments, checkpoints and commands know it as any other.
"""

import copy
import warnings
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
from ...envs.observations import as_tensor
from ...errors import FoveateError, FoveateWarning
from ...tree import Tree
from ..nn.cores.base import Feedforward
from ..nn.finite import check_host
from ..policies.policy import WHOLE, Policy
from .algorithm import Algorithm
from .double_dqn import DoubleDQN
from .environments import VectorEnvironments
from .hooks import Hooks
from .learner import Learner
from .options import QOptions
from .replay import load_memory, memory_bytes, memory_class, random_state, saved_memory, set_random_state
from .room import check_fits, space_bytes
from .vec_env import GymVecEnv
from .vec_environments import check_step

FEW_BYTES = 2**16  # of a saved replay memory's counts


class QNetwork(nn.Module):
    """The Q-values of one of our policies, as Stable-Baselines3 asks for them."""

    def __init__(self, policy: Policy):
        super().__init__()
        self.policy = policy

    def forward(self, observation: Tree) -> Tensor:
        # Stable-Baselines3's replay memory adds a dimension to numbers of a Discrete space
        plain = tree.map(_without_extra, tree.of_space(self.policy.observation_space), observation)
        observation = self.policy.read(plain, raw=True)
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

    def obs_to_tensor(self, observation: Tree) -> tuple[Any, bool]:
        """Observations as tensors for the network, in types that its device has, and whether they are a batch."""
        network = self.q_net
        assert isinstance(network, QNetwork)
        lead = network.policy.lead_of(observation)
        rows = observation if lead else tree.unsqueeze(observation)
        return tree.map(lambda x: as_tensor(x, "observation", self.device), rows), bool(lead)


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
    """The algorithm that plays and remembers.

    Attributes:
        dqn: Stable-Baselines3's algorithm.
        resumes: whether checkpoints keep what it was doing; otherwise a resumed training begins with new episodes.
        environments: where it plays, if they can be put back and are to be.
        ready: whether it has begun to play.
        since: steps of the training when the replay memory began.
        remembers: whether the replay memory and the target network are a checkpoint's.
    """

    def __init__(self, dqn: DQN, resumes: bool):
        self.dqn, self.resumes = dqn, resumes
        self.ready = self.remembers = False
        self.since = 0
        self.environments: VectorEnvironments | None = None
        env = dqn.env
        if resumes and isinstance(env, GymVecEnv) and env.observes:
            self.environments = VectorEnvironments(env.vector_env, dqn.device)

    @property
    def begun(self) -> bool:
        """Whether there is anything to save."""
        return self.ready and self.environments is not None

    def begin(self, seed: int | None = None) -> None:
        """Start new episodes at the next rollout."""
        self.ready, self.dqn._last_obs = False, None

    def state_dict(self) -> dict[str, Tensor]:
        """What must be saved for an exact resume, beside the replay memory and the environments' own state."""
        env = self.dqn.env
        assert isinstance(env, GymVecEnv)
        return {**env.state_dict(), **random_state(self.dqn.action_space)}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a saved state; the environments must have been put back before."""
        env = self.dqn.env
        assert isinstance(env, GymVecEnv)
        env.load_state_dict(saved)
        set_random_state(self.dqn.action_space, saved)
        self.dqn._last_obs = env.observe()

    def replay(self) -> dict[str, Tensor]:
        """The replay memory, the target network, and how far both are; nothing where checkpoints don't keep them."""
        if not self.resumes or not self.ready:
            return {}
        assert self.dqn.replay_buffer is not None
        target = {f"target.{name}": value.cpu() for name, value in self.dqn.q_net_target.state_dict().items()}
        counts = {"counts": torch.tensor([self.since, self.dqn._n_calls])}
        return {**saved_memory(self.dqn.replay_buffer), **target, **counts}

    def load_replay(self, saved: dict[str, Tensor]) -> None:
        """Go on with a saved one."""
        assert self.dqn.replay_buffer is not None
        self.since, self.dqn._n_calls = (int(n) for n in saved["counts"])
        target = {n.removeprefix("target."): value for n, value in saved.items() if n.startswith("target.")}
        load_memory(self.dqn.replay_buffer, saved)
        self.dqn.q_net_target.load_state_dict(target)
        self.remembers = True


class QLearner(Learner[QCollector, bool]):
    """DQN (Mnih et al. 2015), with a dueling network if the agent has one; arguments as in `Learner`.

    The target is DQN's own, the largest value of the target network, or that of double DQN (the option `double`), with
    which the figures of the dueling paper (Wang et al. 2016) were made.

    A resumed run goes on with its weights, optimiser and schedules, but its replay memory, gigabytes of frames, is
    filled anew, unless `save_replay` keeps it in the checkpoints: only then is it the run that was not stopped, bit
    for bit.
    """

    options: QOptions
    options_class = QOptions
    divides = False  # Stable-Baselines3 updates the weights
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
        trunk = {"trunk": self.policy.encoder, "trunk_gradient": options.trunk_gradient} if options.double else {}
        dqn = (DoubleDQN if options.double else DQN)(
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
            replay_buffer_class=memory_class(env.observation_space),
            seed=self.seed,
            device=self.device,
            **trunk,
        )
        dqn.ep_info_buffer, dqn.ep_success_buffer = self.recent, deque(maxlen=self.window)
        self.optimizer = dqn.policy.optimizer
        return QCollector(dqn, options.save_replay)

    def collect(self, hooks: Hooks) -> bool | None:
        assert self.collector is not None
        dqn = self.collector.dqn
        if not self.collector.ready:
            self._begin(dqn)
        assert dqn.env is not None
        assert dqn.replay_buffer is not None
        dqn._total_timesteps = self.total
        callback = _StepCallback(self, dqn, hooks)
        step = TrainFreq(1, TrainFrequencyUnit.STEP)
        rollout = dqn.collect_rollouts(dqn.env, callback, step, dqn.replay_buffer, learning_starts=self._first())
        self.counts.steps, self.counts.episodes = dqn.num_timesteps, dqn._episode_num
        return True if rollout.continue_training else None

    def _begin(self, dqn: DQN) -> None:
        collector = self.collector
        assert collector is not None
        assert dqn.env is not None
        if self.logger is not None:
            dqn.set_logger(self.logger)
        if not collector.remembers:
            dqn.q_net_target.load_state_dict(
                dqn.q_net.state_dict()
            )  # a resumed run's weights were read into one of them
            collector.since = self.counts.steps
        dqn.num_timesteps, dqn._episode_num = self.counts.steps, self.counts.episodes
        dqn._n_updates = self.counts.updates
        put_back = dqn._last_obs is not None
        # the schedules run over the whole training, also of a resumed one
        dqn._setup_learn(self.total - self.counts.steps, None, reset_num_timesteps=False)
        if self.counts.steps:  # Stable-Baselines3 sets the share of random actions after each step, and before any to 0
            dqn._update_current_progress_remaining(self.counts.steps, self.total)
            dqn.exploration_rate = dqn.exploration_schedule(dqn._current_progress_remaining)
        if not put_back:
            observation = dqn.env.reset()
            assert not isinstance(observation, tuple)
            dqn._last_obs = observation
        check_host("observation", dqn._last_obs)
        collector.ready = True

    def rewind(self) -> None:
        super().rewind()
        if self.options.save_replay and self.collector is not None and not self.counts.steps:
            self.collector.begin(self.seed)  # the first step of all was stopped

    def replay(self) -> dict[str, Tensor]:
        return {} if self.collector is None else self.collector.replay()

    def replay_bytes(self) -> int:
        if self.collector is None or self.collector.dqn.replay_buffer is None:
            return 0
        dqn = self.collector.dqn
        target = sum(value.nbytes for value in dqn.q_net_target.state_dict().values())
        return memory_bytes(self.collector.dqn.replay_buffer) + target + FEW_BYTES

    def load_replay(self, saved: dict[str, Tensor]) -> None:
        assert self.collector is not None
        if not self.counts.steps:
            return
        worlds = saved["rewards"].shape[1] if saved else 0
        if worlds != self.collector.dqn.n_envs:
            kept = f"the checkpoint's is of {worlds} worlds" if saved else "the checkpoint holds none"
            message = f"the replay memory begins anew, and episodes with it: {kept} (see --learner.save-replay)."
            warnings.warn(message, FoveateWarning, stacklevel=2)
            return
        self.collector.load_replay(saved)

    def _first(self) -> int:
        """Steps after which learning begins."""
        assert self.collector is not None
        return self.collector.since + self.options.warm_up

    def update(self, collected: bool) -> dict[str, Tensor]:
        """A few updates from the replay memory."""
        assert self.collector is not None
        if self.counts.steps > self._first():
            at_once = self.options.updates if self.average is None else 1
            for _ in range(self.options.updates // at_once):
                self.collector.dqn.train(at_once, self.options.batch)
                self.counts.updates += at_once
                if self.average is not None:
                    self.average.update(self.counts.updates)
        return {}


class QLearning(Algorithm):
    """DQN as a Stable-Baselines3 algorithm; arguments as in `Algorithm`."""

    learner_class = QLearner
    learner: QLearner

    def _prepare_learner(self) -> None:
        self.learner.logger = self.logger
