"""Policies and a world of which it is known what a map of them must be."""

from typing import ClassVar

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from foveate.agents import LearnerOptions, Policy, PolicyGradient
from foveate.agents.nn.cores import Feedforward
from foveate.agents.nn.encoders import FlatEncoder
from foveate.agents.nn.heads import Head
from foveate.envs.batch import BatchWorld, State
from foveate.envs.counter_rng import CounterRNG
from foveate.envs.gym_env import env_classes
from foveate.wrappers.saliency import view_of
from foveate.wrappers.saliency.follower import Follower
from foveate.wrappers.saliency.views import Inputs, View

SIDE = 8


class Planted(BatchWorld):
    """Two cells, one brighter than the other: the action says which. All other pixels are noise and never matter."""

    action_names: ClassVar[tuple[str, ...]] = ("left", "right")
    episode_length = 4

    def __init__(self) -> None:
        self.observation_space = spaces.Box(0, 255, (2, SIDE, SIDE), np.uint8)
        self.action_space = spaces.Discrete(2)

    def start(self, rng: CounterRNG) -> State:
        return {"screen": self._screen(rng)}

    def _screen(self, rng: CounterRNG) -> Tensor:
        return rng.integers("screen", 256, 2, SIDE, SIDE)

    def advance(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        right = action == self.best(state)
        last = state["clock"] + 1 >= 4
        return {**state, "screen": self._screen(rng)}, right.float() / 4, last

    def best(self, state: State) -> Tensor:
        """Whether the right cell is brighter in the newest frame."""
        return (state["screen"][:, 1, 4, 6] > state["screen"][:, 1, 4, 1]).long()

    def observe(self, state: State) -> Tensor:
        return state["screen"].to(torch.uint8)

    def relevance(self, state: State) -> Tensor:
        mask = torch.zeros(len(state["screen"]), SIDE, SIDE, dtype=torch.bool)
        mask[:, 4, 1] = mask[:, 4, 6] = True
        return mask


PlantedEnv, PlantedVectorEnv = env_classes(Planted)


class _Identity(Head):
    """The features are the logits."""

    def forward(self, features: Tensor) -> Tensor:
        return features

    def distribution(self, parameters: Tensor) -> torch.distributions.Distribution:
        return torch.distributions.Categorical(logits=parameters, validate_args=False)

    def mode(self, parameters: Tensor) -> Tensor:
        return parameters.argmax(-1)


def linear_policy(weights: Tensor, critic: Tensor | None = None) -> Policy:
    """Logits W x of a flat observation, weights (n, C·H·W); the critic's weights are those of the sum of logits."""
    actions, size = weights.shape
    space = spaces.Box(0, 255, (2, SIDE, SIDE), np.uint8)
    encoder = nn.Sequential(FlatEncoder(space), nn.Linear(size, actions, bias=False))
    encoder.output_size = actions
    policy = Policy(space, spaces.Discrete(actions), encoder, Feedforward(actions, 0), {"action": _Identity()})
    with torch.no_grad():
        encoder[1].weight.copy_(weights)
        policy.critic.weight.fill_(1.0)
        policy.critic.bias.zero_()
    return policy


def scripted_policy() -> Policy:
    """The optimal policy of `Planted`: it compares the two cells and looks at nothing else."""
    weights = torch.zeros(2, 2, SIDE, SIDE)
    weights[0, 1, 4, 1] = weights[1, 1, 4, 6] = 1.0
    return linear_policy(weights.flatten(1))


def constant_policy() -> Policy:
    """Says the same whatever it sees, without any path from the observation."""
    policy = linear_policy(torch.zeros(2, 2 * SIDE * SIDE))

    class Nothing(nn.Module):
        output_size = 2

        def forward(self, observation: Tensor) -> Tensor:
            return torch.ones(len(observation), 2)

    policy.encoder = Nothing()
    return policy


def planted() -> gym.Env:
    """One planted world."""
    return PlantedEnv(render_mode=None, relevance=True)


def learner(agent: str = "dueling", env_id: str = "Probe/Catch-v0", **options: object) -> PolicyGradient:
    env = gym.make_vec(env_id, num_envs=2, autoreset_mode="SameStep", output="torch")
    kwargs = {"stream": 32, "shrink": 2} if agent == "dueling" and not options else options
    made = PolicyGradient(
        agent, env, LearnerOptions(objective="ppo", worlds=2, horizon=4, minibatches=1), policy_kwargs=kwargs, seed=0,
        device="cpu",
    )  # fmt: skip
    with torch.no_grad():  # last layers begin near zero: give the maps something to show
        for name, weights in made.policy.named_parameters():
            weights.add_((0.03 if name.startswith("encoder") else 0.2) * torch.randn_like(weights))
    return made


def moment(policy: object, env: gym.Env, steps: int = 3) -> tuple[View, Inputs]:
    """A view and what the policy is given after some steps of play."""
    follower = Follower(view_of(policy))
    env.action_space.seed(1)
    observation, _ = env.reset(seed=1)
    follower.begin(observation)
    for _ in range(steps):
        observation, *_ = env.step(env.action_space.sample())
        follower.go_on(observation)
    assert follower.inputs is not None
    return follower.view, follower.inputs
