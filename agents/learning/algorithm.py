"""Our learners as Stable-Baselines3 algorithms: `learn`, `predict`, callbacks, logger, `evaluate_policy`, TensorBoard.

An algorithm holds a learner, which does the work, and translates: its counts, hooks and episodes are the learner's.
"""

import importlib
import io
import time
from collections import deque
from pathlib import Path
from typing import ClassVar, cast

import gymnasium as gym
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.type_aliases import GymEnv, MaybeCallback
from stable_baselines3.common.utils import configure_logger
from stable_baselines3.common.vec_env import VecEnv

from ...envs.observations import seen_space
from ...errors import FoveateError
from ...tree import Tree
from ..policies.policy import Policy
from ..policies.registry import agent_class
from . import checkpoint
from .atomic import identity
from .backprop import BackpropLearner
from .callback_hooks import CallbackHooks
from .learner import Learner
from .options import Options, learner_kind
from .policy_gradient import PolicyGradientLearner
from .restoration import restore
from .wrapping import as_vec_env, served

Env = GymEnv | VectorEnv | str
TRIES = 20  # to read a checkpoint that another process replaces meanwhile


class Algorithm(BaseAlgorithm):
    """A learner of ours as a Stable-Baselines3 algorithm.

    Args:
        policy: an agent's name (see `foveate.agents.AGENTS`), a Policy subclass, or a Policy.
        env: a Gymnasium vector environment or environment, an id, or a Stable-Baselines3 VecEnv; None to predict only.
        options: how to learn.
        policy_kwargs: the agent's options, if `policy` is a name or a class.
        seed: seeds the weights, the sampling and the environments.
        device: "auto", "cpu", "cuda", …
        tensorboard_log: folder of TensorBoard events; None for none.
        verbose: 1 prints a table at each dump.
        observation_space: of one row, that the policy is built for; None takes the env's.
        action_space: likewise.

    Attributes:
        learner: who learns; `learner.counts` and `learner.recent` are what the algorithm shows as its own.
    """

    policy: Policy  # type: ignore[assignment]  # ours is no BasePolicy
    learner: Learner
    learner_class: ClassVar[type[Learner]]

    def __init__(
        self,
        policy: str | type[Policy] | Policy,
        env: Env | None,
        options: Options | None = None,
        *,
        policy_kwargs: dict[str, object] | None = None,
        seed: int | None = None,
        device: torch.device | str = "auto",
        tensorboard_log: str | None = None,
        verbose: int = 0,
        observation_space: spaces.Space | None = None,
        action_space: spaces.Space | None = None,
    ):
        self._options, self._given = options, policy if isinstance(policy, Policy) else None
        self._built_for = observation_space, action_space
        kind = agent_class(policy) if isinstance(policy, str) else policy
        super().__init__(
            policy=cast(type[BasePolicy], type(kind) if isinstance(kind, Policy) else kind),
            env=served(env),
            learning_rate=0.0,  # the learner has a schedule of its own
            policy_kwargs=policy_kwargs,
            tensorboard_log=tensorboard_log,
            verbose=verbose,
            device=device,
            seed=seed,
            support_multi_env=True,
            stats_window_size=self.learner_class.window,
        )
        if self.env is None:
            if observation_space is None or action_space is None:
                raise FoveateError("without an env the observation_space and the action_space must be given.")
            self.observation_space, self.action_space, self.n_envs = observation_space, action_space, 0
        self._setup_model()

    def _setup_model(self) -> None:
        self.set_random_seed(self.seed)
        kind = cast(type[Policy], self.policy_class)
        seen, acted = self._built_for
        if seen is None or acted is None:
            seen, acted = seen_space(self.observation_space), self.action_space
        policy = self._given or kind(seen, acted, **self.policy_kwargs)
        self.policy = policy.to(self.device)
        self.learner = self.learner_class(self.policy, self._options, self.seed, self.policy_kwargs)
        self.ep_info_buffer, self.ep_success_buffer = self.learner.recent, deque()
        if self.env is not None:
            self.policy.check_plays(self.observation_space, self.action_space)
            self.learner.set_env(self.env)

    @staticmethod
    def _wrap_env(env: GymEnv, verbose: int = 0, monitor_wrapper: bool = True) -> VecEnv:
        """As Stable-Baselines3's, but that pictures stay as they are: a policy reads them the same way everywhere."""
        return as_vec_env(env, monitor_wrapper)

    @property
    def options(self) -> Options:
        """How it learns."""
        return self.learner.options

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The learner's."""
        return self.learner.optimizer

    def set_env(self, env: Env, force_reset: bool = True) -> None:
        """Go on in other environments with the same spaces."""
        wrapped = served(env)
        if self.env is None:  # loaded to predict: any number of rows will do
            self.n_envs = wrapped.num_envs if isinstance(wrapped, VecEnv) else 1
        if isinstance(wrapped, (VecEnv, gym.Env)):
            self.policy.check_plays(wrapped.observation_space, wrapped.action_space)
            self.observation_space, self.action_space = wrapped.observation_space, wrapped.action_space
        super().set_env(cast(GymEnv, wrapped), force_reset)
        self.learner.set_env(self.env)

    # ---- learning ----

    def learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        log_interval: int = 50,
        tb_log_name: str = "run",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> "Algorithm":
        """Train for a number of environment steps; arguments as in Stable-Baselines3.

        Args:
            total_timesteps: steps of all rows together; see `Learner.learn`.
            callback: Stable-Baselines3 callbacks; `on_rollout_start` is the moment between two updates. Their `locals`
                hold `rewards`, `dones` and (empty) `infos` of each step, on the CPU.
            log_interval: rollouts between two rows of the log.
            tb_log_name: name of the run for TensorBoard.
            reset_num_timesteps: False goes on counting (and with the same schedule, if the total stays).
            progress_bar: show Stable-Baselines3's progress bar.

        Raises:
            FoveateError: there is no env.
        """
        learner = self.learner
        if learner.collector is None:
            raise FoveateError("this learner has no env: give one to the constructor, to `load` or to `set_env`.")
        if not learner.resumed:
            if reset_num_timesteps:
                learner.counts.iterations = 0
            if reset_num_timesteps or not learner.collector.begun:
                learner.collector.begin(learner.seed)
        learner.resumed = False
        total, known = self._setup_learn(total_timesteps, callback, reset_num_timesteps, tb_log_name, progress_bar)
        self._prepare_learner()
        known.on_training_start(locals(), globals())
        learner.learn(total, CallbackHooks(self, known, log_interval))
        known.on_training_end()
        return self

    def _setup_learn(
        self,
        total_timesteps: int,
        callback: MaybeCallback = None,
        reset_num_timesteps: bool = True,
        tb_log_name: str = "run",
        progress_bar: bool = False,
    ) -> tuple[int, BaseCallback]:
        """As Stable-Baselines3's, but for the environments, which are the learner's to reset."""
        learner = self.learner
        self.start_time = learner.started = time.time_ns()
        if reset_num_timesteps:
            learner.forget_episodes()
            learner.counts.steps = learner.counts.episodes = 0
        else:
            total_timesteps += learner.counts.steps
        self.take_counts()
        self._total_timesteps, self._num_timesteps_at_start = total_timesteps, self.num_timesteps
        if not self._custom_logger:
            self._logger = configure_logger(self.verbose, self.tensorboard_log, tb_log_name, reset_num_timesteps)
        return total_timesteps, self._init_callback(callback, progress_bar)

    def _prepare_learner(self) -> None:
        """Called before the learner begins, when the logger is there."""

    def take_counts(self) -> None:
        """Show the learner's counts as Stable-Baselines3's."""
        counts = self.learner.counts
        self.num_timesteps, self._episode_num, self._n_updates = counts.steps, counts.episodes, counts.updates
        self._current_progress_remaining = self.learner.remaining

    # ---- playing and keeping ----

    def predict(
        self, observation: Tree, state: Tree = None, episode_start: Tree = None, deterministic: bool = False
    ) -> tuple[Tree, Tree]:
        """The action for an observation, and the state for the next call; arguments as in `Policy.predict`."""
        return self.policy.predict(observation, state, episode_start, deterministic)

    def save(self, path: str | Path | io.BufferedIOBase, exclude: object = None, include: object = None) -> None:
        """Write a checkpoint folder (weights.safetensors, run.json, …): atomic, and nothing in it is code.

        Raises:
            FoveateError: `path` is an open file.
        """
        if isinstance(path, io.BufferedIOBase):
            raise FoveateError("a checkpoint is a folder: give `save` a path.")
        checkpoint.save(self.learner, Path(path))

    @classmethod
    def load(
        cls, path: str | Path, env: Env | None = None, device: torch.device | str = "auto", **ignored: object
    ) -> "Algorithm":
        """Read a run folder or a checkpoint folder; with an env, `learn` goes on from there.

        Args:
            path: the folder.
            env: where to go on learning; None to predict only.
            device: "auto", "cpu", "cuda", …
            **ignored: what else Stable-Baselines3's `load` takes.

        Raises:
            FoveateError: the run was trained by another algorithm, or the folder is none or damaged.
        """
        folder = checkpoint.find(Path(path))
        objective = checkpoint.objective_of(checkpoint.read_run(folder))
        kind = learner_class(objective)
        if not issubclass(kind, cls):
            raise FoveateError(
                f"{folder} was trained with objective {objective!r}, by {kind.__name__}; {cls.__name__} can't load it: "
                f"use {kind.__name__}.load or foveate.agents.load."
            )
        return load(folder, env, device)


class PolicyGradient(Algorithm):
    """REINFORCE, A2C or PPO as a Stable-Baselines3 algorithm; arguments as in `Algorithm`."""

    learner_class = PolicyGradientLearner
    learner: PolicyGradientLearner


class Backprop(Algorithm):
    """Back-propagation through time as a Stable-Baselines3 algorithm; arguments as in `Algorithm`."""

    learner_class = BackpropLearner
    learner: BackpropLearner


def learner_class(objective: str) -> type[Algorithm]:
    """The algorithm behind an objective: "backprop", "dqn", or "reinforce", "a2c" or "ppo"."""
    module, name = learner_kind(objective).algorithm.split(":")
    return getattr(importlib.import_module(f".{module}", __package__), name)


def load(
    path: str | Path, env: Env | None = None, device: torch.device | str = "auto", prefer: str = "best"
) -> Algorithm:
    """A trained agent; with an env it goes on learning exactly where it was (if that env can be put back).

    Of a run that another process is training it takes one whole checkpoint. With an env of another number of worlds it
    goes on from the weights and the optimiser, with new episodes, and says so.

    Args:
        path: a run folder or a checkpoint folder.
        env: an environment to go on learning in; None to predict only.
        device: "auto", "cpu", "cuda", …
        prefer: "best" or "last", where a run folder has both.

    Raises:
        FoveateError: there is no checkpoint, or it is damaged.
    """
    for tries_left in reversed(range(TRIES)):
        folder = checkpoint.find(Path(path), prefer)
        before = identity(folder, checkpoint.FILES)
        try:
            algorithm = _load(folder, env, device)
        except FoveateError:
            if not tries_left or before == identity(folder, checkpoint.FILES) != ():
                raise
        else:
            if before == identity(folder, checkpoint.FILES):
                return algorithm
    raise FoveateError(f"{path} was replaced {TRIES} times while it was read: another process writes it.")


def _load(folder: Path, env: Env | None, device: torch.device | str) -> Algorithm:
    """What a checkpoint folder holds; arguments as of `load`."""
    run = checkpoint.read_run(folder)
    known = checkpoint.described(run)
    checkpoint.note_version(folder, run)
    checkpoint.check_fit(folder, known)
    try:
        algorithm = learner_class(checkpoint.objective_of(run))(
            known.policy_class,
            env,
            known.options,
            policy_kwargs=known.agent_options,
            seed=known.seed,
            device=device,
            observation_space=known.observation_space,
            action_space=known.action_space,
        )
    except FoveateError:
        raise
    except (TypeError, ValueError, RuntimeError, AttributeError, OverflowError) as error:
        raise FoveateError(f"{folder / checkpoint.RUN} describes no agent that can be built: {error}.") from error
    restore(algorithm.learner, folder, run, training=env is not None)
    algorithm.take_counts()
    return algorithm
