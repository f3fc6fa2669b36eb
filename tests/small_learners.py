"""Small worlds and small options for learners."""

import gymnasium as gym

from foveate.agents import LearnerOptions


def ours(env_id: str = "Glimpse/Digits-v0", worlds: int = 8, **arguments: object) -> gym.vector.VectorEnv:
    return gym.make_vec(env_id, num_envs=worlds, autoreset_mode="SameStep", output="torch", **arguments)


def small(worlds: int = 8, **changes: object) -> LearnerOptions:
    return LearnerOptions(worlds=worlds, minibatches=2, epochs=2, **changes)
