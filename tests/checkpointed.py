"""A small learner whose checkpoints are tried, and the environment that it goes on in."""

import gymnasium as gym

from foveate.agents import LearnerOptions, PolicyGradient


def make(horizon: int | None = None, core: str = "lstm", **arguments: object) -> PolicyGradient:
    env = gym.make_vec("Glimpse/Digits-v0", num_envs=6, autoreset_mode="SameStep", output="torch", **arguments)
    objective = "reinforce" if horizon is None else "ppo"
    options = LearnerOptions(objective=objective, worlds=6, horizon=horizon, minibatches=2, epochs=2)
    kwargs = {"core": core, "hidden": 16, "dropout": 0.1}
    return PolicyGradient("ram", env, options, policy_kwargs=kwargs, seed=1, device="cpu")


def environment(**arguments: object) -> gym.vector.VectorEnv:
    return gym.make_vec("Glimpse/Digits-v0", num_envs=6, autoreset_mode="SameStep", output="torch", **arguments)
