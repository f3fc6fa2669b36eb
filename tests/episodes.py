"""Episodes for tests: of a memory world, written down to be read in a slow and obvious way; and who knows answers."""

import gymnasium as gym
import numpy as np
import torch

from foveate.agents.policies.outputs import PolicyOutput
from foveate.envs import BatchWorld


class Episode:
    """An episode in which every action is the target: observations, targets, masks and relevance by moment."""

    def __init__(self, env_id: str, seed: int, action: object = None, **options: object):
        env = gym.make(f"Memory/{env_id}-v0", relevance=True, **options).unwrapped
        seen, info = env.reset(seed=seed)
        self.world = env.world
        self.seen, self.target, self.due, self.relevant, self.rewards = [], [], [], [], []
        over = False
        while not over:
            self.seen.append(seen)
            self.target.append(np.asarray(info["target"]))
            self.due.append(bool(info["target_mask"]))
            self.relevant.append(np.flatnonzero(info["relevance"]).tolist())
            seen, reward, ended, cut, info = env.step(info["target"] if action is None else action)
            self.rewards.append(reward)
            over = ended or cut
        self.score = info["score"]

    @property
    def answers(self) -> list[list[int]]:
        """The targets that were due."""
        return [np.atleast_1d(t).tolist() for t, due in zip(self.target, self.due, strict=True) if due]

    @property
    def sources(self) -> list[list[int]]:
        """What was relevant when an answer was due."""
        return [r for r, due in zip(self.relevant, self.due, strict=True) if due]


class Knowing:
    """Who writes what is due."""

    def __init__(self, world: BatchWorld):
        self.world = world

    def initial_state(self, batch: int) -> torch.Tensor:
        return torch.zeros(batch, 1)

    def step(self, observation: object, state: torch.Tensor, *_: object, **__: object) -> PolicyOutput:
        return PolicyOutput(self.world.oracle(), {}, {}, torch.zeros(len(state)), state, {}, {})
