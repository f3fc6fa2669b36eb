"""Stable-Baselines3's VecEnvs as tensors: the one adapter of `environments` that needs Stable-Baselines3."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from ... import tree
from ...errors import FoveateError
from ...tree import Tree
from ..nn.finite import check_host
from .action_parts import declared_part, to_actions
from .environments import Adapter, Environments, Info, TimeStep, VectorEnvironments
from .vec_env import GymVecEnv


def environments_of(env: object, device: torch.device) -> Environments:
    """The adapter for a VecEnv; the vector environment inside a GymVecEnv needs no detour.

    Raises:
        FoveateError: it is no VecEnv.
    """
    if isinstance(env, GymVecEnv):
        return VectorEnvironments(env.vector_env, device)
    if isinstance(env, VecEnv):
        return VecEnvEnvironments(env, device)
    raise FoveateError(f"{env!r} is no environment: a Gymnasium (vector) environment or a VecEnv is needed.")


def check_step(observation: Tree, reward: np.ndarray, done: np.ndarray, infos: Sequence[Info]) -> None:
    """Refuse a step of a VecEnv that shows or pays what isn't finite.

    Args:
        observation: arrays (B, …).
        reward: (B,).
        done: bool, (B,), where an episode ended.
        infos: what it says of each world.

    Raises:
        NotFinite: it names the world.
    """
    check_host("observation", observation)
    check_host("reward", reward)
    over = np.flatnonzero(done).tolist()
    if over:
        check_host("last observation", tree.stack([infos[i]["terminal_observation"] for i in over]), over)


class VecEnvEnvironments(Adapter):
    """A Stable-Baselines3 VecEnv."""

    def __init__(self, env: VecEnv, device: torch.device):
        spec = env.get_attr("spec", 0)[0]
        super().__init__(device, env.num_envs, env.action_space, declared_part(spec), env.observation_space)
        self.env, self.most_steps = env, getattr(spec, "max_episode_steps", None)

    def reset(self, seed: int | None = None) -> TimeStep:
        if seed is not None:
            self.env.seed(seed)
        observation = self.observed(self.env.reset())
        infos = self._reset_infos()
        return self.begun(observation, **self._said(infos), info=infos)

    def step(self, action: Tree) -> TimeStep:
        actions: Tree = to_actions(self.action_space, action)
        if isinstance(self.action_space, spaces.Dict):  # VecEnvs hand action[i] to environment i
            actions = tree.unstack(actions)
        observation, reward, done, infos = self.env.step(actions)
        check_step(observation, reward, done, infos)
        cut = np.array(
            [d and bool(info.get("TimeLimit.truncated", False)) for d, info in zip(done, infos, strict=True)]
        )
        final, score = None, None
        if done.any():
            rows = tree.unstack(observation)
            final = self.observed(
                tree.stack([infos[i]["terminal_observation"] if done[i] else row for i, row in enumerate(rows)])
            )
            if any("score" in info for info in infos):
                scores = [float(info.get("score", math.nan)) for info in infos]
                score = torch.tensor(scores, device=self.device, dtype=torch.float32)
        fresh = self._reset_infos()
        # after an autoreset the target of the new episode is in reset_infos
        current = [fresh[i] if d else info for i, (d, info) in enumerate(zip(done, infos, strict=True))]
        return TimeStep(
            self.observed(observation),
            self.tensors(reward).float(),
            self.tensors(done & ~cut),
            self.tensors(cut),
            final_observation=final,
            score=score,
            info=current,
            **self._said(current),
        )

    def _reset_infos(self) -> list[Info]:
        return list(self.env.unwrapped.reset_infos)  # a wrapper around a VecEnv has an empty list of its own

    def _said(self, infos: list[Info]) -> Info:
        """What `infos` say of the action to come."""
        said: Info = {}
        for name in ("index", "optimum"):
            if all(name in info for info in infos):
                said[name] = self.tensors(np.array([info[name] for info in infos]))
        known = next((info for info in infos if "target" in info), None)
        if known is None:
            return said
        # where a world doesn't say, another's target stands in and is masked
        flags = ["target" in info and bool(info.get("target_mask", True)) for info in infos]
        said["target_mask"] = torch.tensor(flags, device=self.device)
        for name in ("target", "target_set"):
            if name in known:
                rows = [tree.map(np.asarray, info.get(name, known[name])) for info in infos]
                said[name] = self.by_part(tree.stack(rows))
        return said
