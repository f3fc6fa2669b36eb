"""Any environment as tensors on the learner's device: one protocol, `Environments`, and an adapter for each kind.

Our own vector environments hand their tensors through; other Gymnasium vector environments, Stable-Baselines3's VecEnvs
and single environments are converted at each step.
"""

import abc

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from ... import tree
from ...envs.beginnings import any_of
from ...envs.info import last_observations
from ...envs.observations import ObservationReader, as_tensor
from ...envs.protocols import NativeVectorEnv, ScriptedWorld
from ...errors import FoveateError
from ...tree import Tree
from ..nn.finite import check_host
from ..policies.policy import Policy
from .action_parts import declared_part, target_part, to_actions
from .distributed import Processes, Rows
from .time_step import Environments, Info, TimeStep


def environments_of(env: object, device: torch.device | str = "cpu", autoreset: bool = True) -> Environments:
    """The adapter for an environment.

    Args:
        env: a Gymnasium vector environment or environment, a Stable-Baselines3 VecEnv, or what is adapted already.
        device: where the tensors live.
        autoreset: False leaves ended episodes as they ended until the next reset, so that they can be looked at: of a
            single environment, or of a vector environment with ``autoreset_mode="Disabled"``.

    Raises:
        FoveateError: another kind of environment, or another way of resetting.
    """
    device = torch.device(device)
    if isinstance(env, VectorEnv):
        return VectorEnvironments(env, device, autoreset)
    if isinstance(env, gym.Env):
        return SingleEnvironment(env, device, autoreset)
    if isinstance(env, Adapter):
        return env
    if not autoreset:
        raise FoveateError("a VecEnv of Stable-Baselines3 resets by itself: autoreset=False is not allowed.")
    from . import vec_environments  # only here: Stable-Baselines3 is loaded for those who use it

    return vec_environments.environments_of(env, device)


def divided(environments: Environments, processes: Processes) -> Environments:
    """Environments that know themselves to be one process's part of all.

    Raises:
        FoveateError: there are several processes, and these are no vector environment.
    """
    if processes.alone:
        return environments
    if not isinstance(environments, VectorEnvironments):
        raise FoveateError(f"{processes.size} processes need a vector environment each, not {environments!r}.")
    env = environments.env
    worlds = env.world.num_worlds if isinstance(env, NativeVectorEnv) else env.num_envs
    environments.rows = Rows(processes, worlds, env.num_envs // worlds, environments.device)
    return environments


def check_plays(policy: Policy, environments: Environments) -> None:
    """Refuse environments with other spaces than those that a policy was made for.

    Raises:
        FoveateError: they differ; the message names both.
    """
    if isinstance(environments, Adapter) and environments.observation_space is not None:
        policy.check_plays(environments.observation_space, environments.action_space)


class Adapter(abc.ABC):
    """What all adapters share.

    Args:
        device: where the tensors live.
        num_envs: B.
        action_space: of one row.
        answer: the part of a Dict action that a bare target describes, as the world declares it.
        observation_space: of one row; None where observations are tensors as a policy sees them.

    Raises:
        FoveateError: observations of this space can't be tensors.
    """

    episode_length: int | None = None
    most_steps: int | None = None
    data_source: str = ""
    team: int = 1
    autoreset: bool = True
    resumes: bool = False
    says_targets: bool = True
    rows: Rows | None = None

    def __init__(
        self,
        device: torch.device,
        num_envs: int,
        action_space: spaces.Space,
        answer: str | None = None,
        observation_space: spaces.Space | None = None,
    ):
        self.device, self.num_envs, self.action_space = device, num_envs, action_space
        self.observation_space = observation_space
        self._reader = None if observation_space is None else ObservationReader(observation_space)
        self._part = target_part(action_space, answer)

    @abc.abstractmethod
    def reset(self, seed: int | None = None) -> TimeStep: ...

    @abc.abstractmethod
    def step(self, action: Tree) -> TimeStep: ...

    def observe(self) -> TimeStep | None:
        return None

    def state_dict(self) -> dict[str, Tensor]:
        return {}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Refused, unless an adapter overrides it.

        Raises:
            FoveateError: always.
        """
        raise FoveateError("these environments can't be put back into a saved state.")

    def begun(self, observation: Tree, **said: Tree) -> TimeStep:
        """The first time step of episodes."""
        no = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        return TimeStep(
            observation, torch.zeros(self.num_envs, device=self.device, dtype=torch.float32), no, no, **said
        )

    def tensors(self, value: Tree) -> Tree:
        """What an environment says beside observations as tensors on the device; arrays are copied."""
        return tree.map(lambda x: as_tensor(x, "what the environment says", self.device), value)

    def observed(self, observation: Tree, lead: int = 1) -> Tree:
        """Observations as tensors (B, …) on the device, in the types that their space says.

        They are copies: the environment may write the next ones over them.

        Args:
            observation: of the environment.
            lead: 1 for a batch, 0 for a single observation.
        """
        assert self._reader is not None
        check_host("observation", observation if lead else tree.unsqueeze(observation))
        tensors = self._reader(observation, self.device, lead, raw=True)
        same = {id(leaf) for leaf in tree.leaves(observation) if isinstance(leaf, Tensor)}
        tensors = tree.map(lambda x: x.clone() if id(x) in same else x, tensors)
        return tensors if lead else tree.unsqueeze(tensors)

    def by_part(self, value: Tree) -> dict[str, Tensor]:
        """What is said of the action as a dict by part."""
        value = self.tensors(value)
        return value if isinstance(value, dict) else {self._part: value}


class VectorEnvironments(Adapter):
    """A ``gymnasium.vector.VectorEnv``."""

    def __init__(self, env: VectorEnv, device: torch.device, autoreset: bool = True):
        mode = env.metadata.get("autoreset_mode")
        if autoreset and mode is not AutoresetMode.SAME_STEP:
            raise FoveateError(
                f"the learner needs autoreset_mode=SameStep, got {mode}: "
                'gym.make_vec(id, num_envs=…, autoreset_mode="SameStep") for foveate\'s ids.'
            )
        if not autoreset and mode is not AutoresetMode.DISABLED:
            raise FoveateError(f'autoreset=False needs autoreset_mode="Disabled", got {mode}.')
        super().__init__(
            device, env.num_envs, env.single_action_space, declared_part(env.spec), env.single_observation_space
        )
        self.env, self.autoreset = env, autoreset
        self.most_steps = None if env.spec is None else env.spec.max_episode_steps
        self._ours = env if isinstance(env, NativeVectorEnv) else None  # once: asking takes as long as a small step
        self.native = self._ours is not None and self._ours.output == "torch"
        self.resumes = self._ours is not None
        self.script: ScriptedWorld | None = None  # the worlds, where they know whole episodes at their reset
        if isinstance(env, NativeVectorEnv) and self.native:
            self.episode_length, self.team = env.world.fixed_length, env.team
            self.data_source = env.world.data_source
            self.script = env.world if isinstance(env.world, ScriptedWorld) else None

    def reset(self, seed: int | None = None) -> TimeStep:
        seeds = seed if seed is None or self.rows is None else self.rows.seeds(seed)
        observation, info = self.env.reset(seed=seeds)  # type: ignore[arg-type]  # Gymnasium's classes take lists, too
        return self.begun(self.observed(observation), **self._said(info))

    def observed(self, observation: Tree, lead: int = 1) -> Tree:
        """As `Adapter.observed`; our own environments' tensors are fresh at each step and right as they are."""
        assert self._reader is not None
        if self.native and not self._reader.scales:
            return tree.to_tensors(observation, self.device)
        return super().observed(observation, lead)

    def observe(self) -> TimeStep | None:
        if self._ours is None:
            return None
        observation, info = self._ours.observe()
        return self.begun(self.observed(observation), **self._said(info))

    def step(self, action: Tree) -> TimeStep:
        sent = action if self.native else to_actions(self.env.single_action_space, action)
        observation, reward, terminated, truncated, info = self.env.step(sent)
        if self.native and terminated.device.type == "cpu" and not any_of(terminated | truncated):
            final, last = None, {}  # without a question: `info` is made for who asks
        else:
            final, last = info.get("final_obs"), info.get("final_info", {})  # not all of them say more
        if not self.native:  # what our own worlds hand over on the device is looked at once an update
            check_host("reward", reward)
            final = self._last(info, terminated, truncated) if self.autoreset else None
        observation = self.observed(observation)
        terminated, truncated = self.tensors(terminated), self.tensors(truncated)
        if not self.autoreset and bool(torch.logical_or(terminated, truncated).any()):
            final, last = observation, info
        return TimeStep(
            observation,
            self.tensors(reward).float(),
            terminated,
            truncated & ~terminated,  # Gymnasium's TimeLimit may say both: then nothing comes after it
            final_observation=final,
            score=self.tensors(last["score"]).float() if final is not None and "score" in last else None,
            **self._said(info),
        )

    def _said(self, info: Info) -> Info:
        """What `info` says of the action to come; our own worlds find it out when it is read."""
        said: Info = {"info": info}
        if not self.says_targets:
            return said
        said |= {name: self.tensors(info[name]) for name in ("index", "optimum") if name in info}
        if "target" in info:
            said["target"] = self.by_part(info["target"])
            mask = info.get("target_mask", info.get("_target"))
            said["target_mask"] = None if mask is None else self.tensors(mask).bool()
            if "target_set" in info:
                said["target_set"] = self.by_part(info["target_set"])
        return said

    def _last(self, info: Info, terminated: Tree, truncated: Tree) -> Tree:
        """What episodes ended with as a batch (elsewhere another row's); None where none ended."""
        ended = np.logical_or(*(tree.to_numpy(flags) for flags in (terminated, truncated)))
        where = np.flatnonzero(ended).tolist()
        if not where:
            return None
        rows = last_observations(info, ended)
        check_host("last observation", tree.stack(rows), where)
        known = dict(zip(where, rows, strict=True))
        return self.observed(tree.stack([known.get(i, rows[0]) for i in range(len(ended))]))

    def state_dict(self) -> dict[str, Tensor]:
        return {} if self._ours is None else self._ours.state_dict()

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        if self._ours is None:
            super().load_state_dict(saved)
        else:
            self._ours.load_state_dict(saved)


class SingleEnvironment(Adapter):
    """A ``gymnasium.Env``, wrapped or not, as a batch of one."""

    def __init__(self, env: gym.Env, device: torch.device, autoreset: bool = True):
        super().__init__(device, 1, env.action_space, declared_part(env.spec), env.observation_space)
        self.env, self.autoreset = env, autoreset
        self.most_steps = None if env.spec is None else env.spec.max_episode_steps

    def reset(self, seed: int | None = None) -> TimeStep:
        observation, info = self.env.reset(seed=seed)
        return self.begun(self.observed(observation, 0), **self._said(info))

    def step(self, action: Tree) -> TimeStep:
        sent = tree.index(to_actions(self.env.action_space, action), 0)
        observation, reward, terminated, truncated, info = self.env.step(sent)
        check_host("reward", np.asarray([reward]))
        final = score = None
        if terminated or truncated:
            final = self.observed(observation, 0)
            score = self._one(info["score"]).float() if "score" in info else None
            if self.autoreset:
                observation, info = self.env.reset()
        return TimeStep(
            self.observed(observation, 0),
            self._one(float(reward)).float(),
            self._one(bool(terminated)),
            self._one(bool(truncated and not terminated)),
            final_observation=final,
            score=score,
            **self._said(info),
        )

    def _one(self, value: Tree) -> Tree:
        """Arrays and numbers as tensors (1, …)."""
        return tree.unsqueeze(self.tensors(value))

    def _said(self, info: Info) -> Info:
        said: Info = {"info": info}
        said |= {name: self._one(info[name]) for name in ("index", "optimum") if name in info}
        if "target" in info:
            said["target"] = self.by_part(self._one(info["target"]))
            said["target_mask"] = self._one(bool(info.get("target_mask", True)))
            if "target_set" in info:
                said["target_set"] = self.by_part(self._one(info["target_set"]))
        return said


class Unchanging(Adapter):
    """No environment at all: the same observation for ever, whatever is done. For policies on data that stay.

    Args:
        observation: tensors (B, …).
        action_space: of one row.
    """

    def __init__(self, observation: Tree, action_space: spaces.Space):
        one = tree.first(observation)
        super().__init__(one.device, len(one), action_space)
        self._observed = self.begun(observation)

    def reset(self, seed: int | None = None) -> TimeStep:
        return self._observed

    def step(self, action: Tree) -> TimeStep:
        return self._observed

    def observe(self) -> TimeStep | None:
        return self._observed
