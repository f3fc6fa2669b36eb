"""What an instrument explains is what the policy says in play, sources and inner glances included."""

import gymnasium as gym
import numpy as np
import pytest
import torch

from foveate import tree
from foveate.agents import Policy, agent_class
from foveate.agents.nn.cores import GRU
from foveate.agents.nn.cores.base import Source
from foveate.agents.nn.encoders import FlatEncoder, SourceEncoder
from foveate.agents.nn.heads import CategoricalHead
from foveate.wrappers.saliency import view_of
from foveate.wrappers.saliency.follower import Follower


class FirstObservation(SourceEncoder):
    """The source is the first observation, as one item."""

    max_length, item_size = 1, 3

    def forward(self, observation: torch.Tensor) -> Source:
        return Source(observation[:, None], torch.ones(len(observation), dtype=torch.int64))


class SourceHead(CategoricalHead):
    """The logits are the source, and what the features add."""

    needs_source = True

    def forward(self, features: torch.Tensor, source: Source | None = None) -> torch.Tensor:
        assert source is not None
        return super().forward(features) + source.items[:, 0]


def with_source() -> Policy:
    space = gym.spaces.Box(-1, 1, (3,), np.float32)
    head = SourceHead(5, gym.spaces.Discrete(3))
    encoder, core = FlatEncoder(space), GRU(3, 5)
    return Policy(space, gym.spaces.Discrete(3), encoder, core, {"action": head}, source_encoder=FirstObservation())


@pytest.mark.parametrize(
    ("agent", "env_id", "options", "arguments"),
    [
        ("ram", "Glimpse/Digits-v0", {"hidden": 16}, {}),
        ("dram", "Glimpse/ClutteredDigits-v0", {"hidden": 16, "what": 8, "where": 8}, {"overview": 8}),
        ("ntm", "Memory/Copy-v0", {"hidden": 8, "rows": 6, "width": 5, "fast": "off"}, {}),  # an instrument records,
        ("dnc", "Memory/Copy-v0", {"hidden": 8, "rows": 6, "width": 5, "fast": "off"}, {}),  # which kernels don't
        ("transformer", "Memory/RepeatPrevious-v0", {}, {}),
        ("cnn", "Probe/Catch-v0", {"architecture": "nature", "core": "lstm", "hidden": 8, "shrink": 2}, {}),
    ],
)
def test_what_is_explained_is_what_the_policy_says_in_play(
    agent: str, env_id: str, options: dict, arguments: dict
) -> None:
    env = gym.make(env_id, **arguments)
    torch.manual_seed(0)
    policy = agent_class(agent)(env.observation_space, env.action_space, **options).eval()
    for weights in policy.parameters():
        torch.nn.init.normal_(weights, std=0.3)
    follower = Follower(view_of(policy))
    env.action_space.seed(0)
    for _ in range(2):
        observation, _ = env.reset(seed=1)
        state, starts = policy.initial_state(1), torch.ones(1, dtype=torch.bool)
        for step in range(3):
            outputs = follower.begin(observation) if step == 0 else follower.go_on(observation)
            played = policy.step(tree.to_tensors(tree.unsqueeze(observation)), state, starts, deterministic=True)
            for name, value in played.parameters.items():
                assert torch.equal(outputs.parameters[name], value), name
            assert torch.equal(outputs.value, played.value)
            state, starts = played.state, torch.zeros(1, dtype=torch.bool)
            observation, *_ = env.step(env.action_space.sample())


def test_a_source_is_read_where_an_episode_starts() -> None:
    """What the instrument says of a policy that reads its source once is what the policy says in play."""
    policy = with_source()
    follower = Follower(view_of(policy))
    state, starts = policy.initial_state(1), torch.ones(1, dtype=torch.bool)
    for step in range(3):
        observation = policy.observation_space.sample()
        outputs = follower.begin(observation) if step == 0 else follower.go_on(observation)
        played = policy.step(tree.to_tensors(tree.unsqueeze(observation)), state, starts, deterministic=True)
        assert torch.equal(outputs.parameters["action"], played.parameters["action"])
        state, starts = played.state, torch.zeros(1, dtype=torch.bool)


# ---- films ----
