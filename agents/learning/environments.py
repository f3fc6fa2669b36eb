"""Any environment as tensors on the learner's device: one protocol, `Environments`, and an adapter for each kind.

Our own vector environments hand their tensors through; other Gymnasium vector environments, Stable-Baselines3's VecEnvs
and single environments are converted at each step.
"""

import abc
from typing import Any, NamedTuple, Protocol

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from ... import tree
from ...envs.protocols import NativeVectorEnv, ScriptedWorld
from ...envs.registry import world_class
from ...errors import FoveateError
from ...tree import Tree
from ..nn.finite import check_host
from ..policies.policy import WHOLE

Info = dict[str, Any]  # what an environment says beside observations and rewards, in its own layout


class TimeStep(NamedTuple):
    """What a step (or a reset, with zeros) brought, B rows.

    Attributes:
        observation: tensors (B, …), after the reset where an episode ended (without autoreset: what it ended with).
        reward: float, (B,).
        terminated: bool, (B,), where an episode came to its end.
        truncated: bool, (B,), where it was cut before that, never both.
        target: what the next action should be, by part, each (B, …); None if the environment doesn't say.
        target_mask: bool, (B,), where the target counts; None if it does everywhere.
        target_set: by part, which values would all be right, bool (B, …, n); None if just the target is.
        final_observation: where episodes ended, what they ended with; None if none did.
        score: the task's own figure, (B,), for episodes that ended; None if the environment has none.
        index: int64, (B,), which item of its data each row shows; None if the environment doesn't say.
        optimum: what the target costs the best possible predictor now, in bits, (B,); None if the environment
            doesn't say.
        info: all that the environment said, in its own layout.
    """

    observation: Tree
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    target: dict[str, Tensor] | None = None
    target_mask: Tensor | None = None
    target_set: dict[str, Tensor] | None = None
    final_observation: Tree = None
    score: Tensor | None = None
    index: Tensor | None = None
    optimum: Tensor | None = None
    info: object = None


class Environments(Protocol):
    """A batch of environments as an actor needs them: tensors in, tensors out.

    Attributes:
        device: where the tensors live.
        num_envs: B, how many rows.
        episode_length: the steps of every episode, where all have the same number and all rows agree; else None.
        most_steps: the most that an episode may have; None where nobody says.
        team: how many neighbouring rows are agents of one world who share the credit.
        autoreset: whether ended episodes are followed by new ones at the same step. Else whoever acts must reset all
            of them, once an episode has ended; until then, what it ended with can be looked at.
        resumes: whether `state_dict` holds all that is needed to go on exactly.
    """

    device: torch.device
    num_envs: int
    episode_length: int | None
    most_steps: int | None
    team: int
    autoreset: bool
    resumes: bool

    def reset(self, seed: int | None = None) -> TimeStep:
        """Begin new episodes everywhere."""
        ...

    def step(self, action: Tree) -> TimeStep:
        """Act in all of them; the action has tensors (B, …)."""
        ...

    def observe(self) -> TimeStep | None:
        """The present time step again, without acting; None where that isn't possible."""
        ...

    def state_dict(self) -> dict[str, Tensor]:
        """The state of all of them; nothing where they can't be put back."""
        ...

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a `state_dict`."""
        ...


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


class Adapter(abc.ABC):
    """What all adapters share.

    Args:
        device: where the tensors live.
        num_envs: B.
        action_space: of one row.
        answer: the part of a Dict action that a bare target describes, as the world declares it.
    """

    episode_length: int | None = None
    most_steps: int | None = None
    team: int = 1
    autoreset: bool = True
    resumes: bool = False

    def __init__(self, device: torch.device, num_envs: int, action_space: spaces.Space, answer: str | None = None):
        self.device, self.num_envs, self.action_space = device, num_envs, action_space
        self._part = _target_part(action_space, answer)

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
        return TimeStep(observation, torch.zeros(self.num_envs, device=self.device), no, no, **said)

    def tensors(self, value: Tree) -> Tree:
        """Tensors on the device; those that are there already stay as they are."""
        return tree.to_tensors(value, self.device)

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
        super().__init__(device, env.num_envs, env.single_action_space, declared_part(env.spec))
        self.env, self.autoreset = env, autoreset
        self.most_steps = None if env.spec is None else env.spec.max_episode_steps
        self.native = isinstance(env, NativeVectorEnv) and env.output == "torch"
        self.resumes = isinstance(env, NativeVectorEnv)
        self.script: ScriptedWorld | None = None  # the worlds, where they know whole episodes at their reset
        if isinstance(env, NativeVectorEnv) and self.native:
            self.episode_length, self.team = env.world.episode_length, env.team
            self.script = env.world if isinstance(env.world, ScriptedWorld) else None

    def reset(self, seed: int | None = None) -> TimeStep:
        observation, info = self.env.reset(seed=seed)
        if not self.native:
            check_host("observation", observation)
        return self.begun(self.tensors(observation), **self._said(info))

    def observe(self) -> TimeStep | None:
        if not isinstance(self.env, NativeVectorEnv):
            return None
        observation, info = self.env.observe()
        return self.begun(self.tensors(observation), **self._said(info))

    def step(self, action: Tree) -> TimeStep:
        sent = action if self.native else to_actions(self.env.single_action_space, action)
        observation, reward, terminated, truncated, info = self.env.step(sent)
        if not self.native:  # what our own worlds hand over on the device is looked at once an update
            check_host("observation", observation)
            check_host("reward", reward)
        observation, terminated, truncated = (self.tensors(part) for part in (observation, terminated, truncated))
        final, last = info.get("final_obs"), info.get("final_info", {})  # not all of them say more
        if not self.autoreset and bool(torch.logical_or(terminated, truncated).any()):
            final, last = observation, info
        elif final is not None and not self.native:
            final = self._stack(final)
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
        """What `info` says of the action to come."""
        said: Info = {"info": info}
        said |= {name: self.tensors(info[name]) for name in ("index", "optimum") if name in info}
        if "target" in info:
            said["target"] = self.by_part(info["target"])
            mask = info.get("target_mask", info.get("_target"))
            said["target_mask"] = None if mask is None else self.tensors(mask).bool()
            if "target_set" in info:
                said["target_set"] = self.by_part(info["target_set"])
        return said

    def _stack(self, final: np.ndarray) -> Tree:
        """Gymnasium's object array of some rows' last observations as a batch (zeros elsewhere)."""
        blank = tree.map(np.zeros_like, next(one for one in final if one is not None))
        rows = tree.stack([blank if one is None else one for one in final])
        check_host("last observation", rows)
        return self.tensors(rows)

    def state_dict(self) -> dict[str, Tensor]:
        return self.env.state_dict() if isinstance(self.env, NativeVectorEnv) else {}

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        if not isinstance(self.env, NativeVectorEnv):
            super().load_state_dict(saved)
        else:
            self.env.load_state_dict(saved)


class SingleEnvironment(Adapter):
    """A ``gymnasium.Env``, wrapped or not, as a batch of one."""

    def __init__(self, env: gym.Env, device: torch.device, autoreset: bool = True):
        super().__init__(device, 1, env.action_space, declared_part(env.spec))
        self.env, self.autoreset = env, autoreset
        self.most_steps = None if env.spec is None else env.spec.max_episode_steps

    def reset(self, seed: int | None = None) -> TimeStep:
        observation, info = self.env.reset(seed=seed)
        return self.begun(self._shown(observation), **self._said(info))

    def step(self, action: Tree) -> TimeStep:
        sent = tree.index(to_actions(self.env.action_space, action), 0)
        observation, reward, terminated, truncated, info = self.env.step(sent)
        check_host("reward", np.asarray([reward]))
        final = score = None
        if terminated or truncated:
            final = self._shown(observation)
            score = self._one(info["score"]).float() if "score" in info else None
            if self.autoreset:
                observation, info = self.env.reset()
        return TimeStep(
            self._shown(observation),
            self._one(float(reward)).float(),
            self._one(bool(terminated)),
            self._one(bool(truncated and not terminated)),
            final_observation=final,
            score=score,
            **self._said(info),
        )

    def _one(self, value: Tree) -> Tree:
        """Arrays and numbers as tensors (1, …)."""
        return self.tensors(tree.unsqueeze(tree.map(np.asarray, value)))

    def _shown(self, observation: Tree) -> Tree:
        """An observation as tensors (1, …), all of them finite."""
        rows = tree.unsqueeze(tree.map(np.asarray, observation))
        check_host("observation", rows)
        return self.tensors(rows)

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


def to_actions(space: spaces.Space, action: Tree) -> Tree:
    """Sampled actions, tensors (B, …), as an environment wants them: numpy, in the space's type, Boxes clipped."""

    def convert(part: spaces.Space, value: Tensor) -> np.ndarray:
        array = value.numpy(force=True)
        if isinstance(part, spaces.Box):
            array = np.clip(array, part.low, part.high)
        return array.astype(part.dtype)

    return tree.map(convert, tree.of_space(space), action)


def _target_part(space: spaces.Space, declared: str | None) -> str:
    """The part of an action that a bare target describes: of a Dict what the world declares."""
    if not isinstance(space, spaces.Dict) or WHOLE in space.spaces or declared is None:
        return WHOLE
    return declared


def declared_part(spec: EnvSpec | None) -> str | None:
    """The part of the action that the world behind a registered environment declares a target for, if it is ours."""
    world = None if spec is None else world_class(spec.id)
    return None if world is None else world.target_part
