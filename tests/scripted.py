"""A foreign environment that does as it is told, and a learner of each kind for it."""

import math
from collections.abc import Callable, Sequence

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from foveate.agents import Algorithm, Backprop, BackpropOptions, LearnerOptions, PolicyGradient, QLearning, QOptions

Ends = Sequence[tuple[bool, bool]]


class Scripted(gym.Env):
    """Ends its steps as it is told; may show or pay something that is no number at one step."""

    observation_space = spaces.Box(-10, 10, (3,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, ends: Ends = ((False, False),), bad: str = "", at: int = 3, value: float = math.nan):
        self.ends, self.bad, self.at, self.value, self.count = ends, bad, at, value, 0

    def _see(self) -> np.ndarray:
        seen = np.full(3, 0.5, np.float32)
        if self.bad == "observation" and self.count == self.at:
            seen[1] = self.value
        return seen

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        return self._see(), {"target": 1}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        terminated, truncated = self.ends[self.count % len(self.ends)]
        self.count += 1
        reward = self.value if self.bad == "reward" and self.count == self.at else 1.0
        return self._see(), reward, terminated, truncated, {"target": 1}


def same_step(makers: Sequence[Callable[[], gym.Env]]) -> SyncVectorEnv:
    return SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)


LEARNERS: dict[str, Callable[[object], Algorithm]] = {
    "reinforce": lambda env: PolicyGradient("gru", env, LearnerOptions(worlds=2), device="cpu"),
    "ppo": lambda env: PolicyGradient(
        "gru", env, LearnerOptions(objective="ppo", horizon=4, worlds=2, minibatches=2), device="cpu"
    ),
    "backprop": lambda env: Backprop("gru", env, BackpropOptions(worlds=2, batch=2), device="cpu"),
    "dqn": lambda env: QLearning("mlp", env, QOptions(worlds=2, warm_up=2, batch=2, memory=100), device="cpu"),
}
