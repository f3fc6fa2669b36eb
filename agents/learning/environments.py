"""Any vector environment as tensors on the learner's device, all of them with the same autoreset (same step).

Our own vector face hands its tensors through; other Gymnasium vector environments and Stable-Baselines3's VecEnvs
are converted at each step.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from ...errors import FoveateError
from .vec_env import GymVecEnv


class TimeStep(NamedTuple):
    """What a step (or a reset, with zeros) brought.

    Attributes:
        observation: tensors (B, …), after the reset where an episode ended.
        reward: float, (B,).
        terminated: bool, (B,).
        truncated: bool, (B,).
        target: what the next action should be, a tensor (B, …) or a dict by part; None if the world doesn't say.
        target_mask: bool, (B,), where the target counts.
        final_observation: where episodes ended, what they ended with; None if none did.
        score: the task's own figure, (B,), for episodes that ended; None if the world has none.
        index: int64, (B,), which item of its data each world shows; None if the world doesn't say.
        optimum: what the target costs the best possible predictor now, in bits, (B,); None if the world doesn't say.
    """

    observation: Any
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    target: Any = None
    target_mask: Tensor | None = None
    final_observation: Any = None
    score: Tensor | None = None
    index: Tensor | None = None
    optimum: Tensor | None = None


class Worlds(Protocol):
    """What the learner needs of its environments."""

    num_worlds: int
    episode_length: int | None  # where every episode has the same number of steps and all worlds agree
    team: int  # how many neighbouring rows are agents of one world who share the credit

    def reset(self, seed: int | None = None) -> TimeStep:
        """Begin new episodes everywhere."""
        ...

    def step(self, action: Any) -> TimeStep:
        """Step all worlds, resetting those that ended."""
        ...

    def observe(self) -> TimeStep | None:
        """The present moment again, without a step; None where that isn't possible."""
        ...


def worlds_of(env: VecEnv | VectorEnv, device: torch.device) -> Worlds:
    """The tensors behind an environment."""
    if isinstance(env, GymVecEnv):
        env = env.vector_env
    if isinstance(env, VecEnv):
        return VecEnvWorlds(env, device)
    return GymWorlds(env, device)


class GymWorlds:
    """A ``gymnasium.vector.VectorEnv`` with autoreset at the same step."""

    def __init__(self, env: VectorEnv, device: torch.device):
        if env.metadata.get("autoreset_mode") is not AutoresetMode.SAME_STEP:
            raise FoveateError(
                f"the learner needs autoreset_mode=SameStep, got {env.metadata.get('autoreset_mode')}: "
                'gym.make_vec(id, num_envs=…, autoreset_mode="SameStep") for foveate\'s ids.'
            )
        self.env, self.device = env, device
        self.num_worlds = env.num_envs
        # only the face itself can hand out tensors: a wrapper around it may change what is seen
        self.native = getattr(env, "output", None) == "torch"
        world = getattr(env, "world", None)
        self.episode_length: int | None = getattr(world, "episode_length", None) if self.native else None
        self.team: int = getattr(env, "team", 1) if self.native else 1

    def reset(self, seed: int | None = None) -> TimeStep:
        observation, info = self.env.reset(seed=seed)
        return self._still(observation, info)

    def observe(self) -> TimeStep | None:
        if not hasattr(self.env, "observe"):
            return None
        return self._still(*self.env.observe())  # type: ignore[attr-defined]

    def _still(self, observation: Any, info: dict) -> TimeStep:
        no = torch.zeros(self.num_worlds, dtype=torch.bool, device=self.device)
        reward = torch.zeros(self.num_worlds, device=self.device)
        target, optimum = self._target(info), self._optional(info, "optimum")
        index = self._optional(info, "index")
        return TimeStep(self._tensors(observation), reward, no, no, *target, index=index, optimum=optimum)

    def step(self, action: Any) -> TimeStep:
        sent = action if self.native else _to_actions(self.env.single_action_space, action)
        observation, reward, terminated, truncated, info = self.env.step(sent)
        final, score = info.get("final_obs"), None
        if final is not None:
            last = info.get("final_info", {})  # not all of them tell
            score = self._tensors(last["score"]).float() if "score" in last else None
            final = final if self.native else self._stack(final)
        return TimeStep(
            self._tensors(observation),
            self._tensors(reward).float(),
            self._tensors(terminated),
            self._tensors(truncated),
            *self._target(info),
            final,
            score,
            self._optional(info, "index"),
            self._optional(info, "optimum"),
        )

    def _optional(self, info: dict, name: str) -> Tensor | None:
        return self._tensors(info[name]) if name in info else None

    def _target(self, info: dict) -> tuple[Any, Tensor | None]:
        if "target" not in info:
            return None, None
        target = self._tensors(info["target"])
        mask = info.get("target_mask", info.get("_target"))
        return target, None if mask is None else self._tensors(mask).bool()

    def _tensors(self, value: Any) -> Any:
        return to_tensors(value, self.device)

    def _stack(self, final: np.ndarray) -> Any:
        """Gymnasium's object array of some worlds' last observations as a batch (zeros elsewhere)."""
        some = next(o for o in final if o is not None)
        keys = list(some) if isinstance(some, dict) else [None]
        out = {}
        for key in keys:
            part = lambda o, key=key: np.asarray(o if key is None else o[key])  # noqa: E731
            out[key] = np.stack([part(some) * 0 if o is None else part(o) for o in final])
        return self._tensors(out[None] if keys == [None] else out)


class VecEnvWorlds:
    """A Stable-Baselines3 VecEnv."""

    episode_length: int | None = None
    team = 1

    def __init__(self, env: VecEnv, device: torch.device):
        self.env, self.device, self.num_worlds = env, device, env.num_envs

    def reset(self, seed: int | None = None) -> TimeStep:
        if seed is not None:
            self.env.seed(seed)
        observation = to_tensors(self.env.reset(), self.device)
        no = torch.zeros(self.num_worlds, dtype=torch.bool, device=self.device)
        return TimeStep(
            observation,
            torch.zeros(self.num_worlds, device=self.device),
            no,
            no,
            *self._target(self._reset_infos()),
        )

    def observe(self) -> TimeStep | None:
        return None

    def step(self, action: Any) -> TimeStep:
        actions = _to_actions(self.env.action_space, action)
        if isinstance(actions, dict):  # VecEnvs hand action[i] to environment i
            actions = [{k: v[i] for k, v in actions.items()} for i in range(self.num_worlds)]
        observation, reward, done, infos = self.env.step(actions)  # type: ignore[arg-type]
        cut = np.array(
            [d and bool(info.get("TimeLimit.truncated", False)) for d, info in zip(done, infos, strict=True)]
        )
        final, score = None, None
        if done.any():
            final = self._final(observation, infos, done)
            if any("score" in info for info in infos):
                score = torch.tensor([float(info.get("score", 0.0)) for info in infos], device=self.device)
        fresh = self._reset_infos()
        # after an autoreset the target of the new episode is in reset_infos
        current = [fresh[i] if d else info for i, (d, info) in enumerate(zip(done, infos, strict=True))]
        return TimeStep(
            to_tensors(observation, self.device),
            to_tensors(reward, self.device).float(),
            to_tensors(done & ~cut, self.device),
            to_tensors(cut, self.device),
            *self._target(current),
            final_observation=final,
            score=score,
        )

    def _reset_infos(self) -> list[dict]:
        return list(self.env.unwrapped.reset_infos)  # a wrapper around a VecEnv has an empty list of its own

    def _final(self, observation: Any, infos: list[dict], done: np.ndarray) -> Any:
        def part(key: Any) -> np.ndarray:
            whole = np.array(observation if key is None else observation[key])
            for i in np.flatnonzero(done):
                last = infos[i]["terminal_observation"]
                whole[i] = last if key is None else last[key]
            return whole

        return to_tensors(
            {k: part(k) for k in observation} if isinstance(observation, dict) else part(None), self.device
        )

    def _target(self, infos: Any) -> tuple[Any, Tensor | None]:
        told = next((info["target"] for info in infos if "target" in info), None)
        if told is None:
            return None, None
        # where a world doesn't say, another's target stands in and is masked
        flags = ["target" in info and bool(info.get("target_mask", True)) for info in infos]
        mask = torch.tensor(flags, device=self.device)
        targets = [info.get("target", told) for info in infos]
        if isinstance(targets[0], dict):
            return {k: to_tensors(np.stack([t[k] for t in targets]), self.device) for k in targets[0]}, mask
        return to_tensors(np.stack(targets), self.device), mask


def to_tensors(value: Any, device: torch.device) -> Any:
    """Arrays (or a dict of them) as tensors on a device; tensors that are there already stay as they are."""
    if isinstance(value, dict):
        return {key: to_tensors(item, device) for key, item in value.items()}
    return torch.as_tensor(value, device=device)


def _to_actions(space: spaces.Space, action: Any) -> Any:
    """Sampled actions as an environment wants them: numpy, in the space's type, Boxes clipped."""
    if isinstance(space, spaces.Dict):
        return {key: _to_actions(sub, action[key]) for key, sub in space.spaces.items()}
    array = action.cpu().numpy()
    if isinstance(space, spaces.Box):
        array = np.clip(array, space.low, space.high)
    return array.astype(space.dtype)
