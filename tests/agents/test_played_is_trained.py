"""What is played is what is trained: before the first update every choice has the probability that it was made with."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from recorded import agents as recorded
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn

from foveate import tree
from foveate.agents import LearnerOptions, Policy, PolicyGradient
from foveate.agents.nn.cores import GRU
from foveate.agents.nn.noise import is_noisy, keyed, uniform

CORES = ("rnn", "elman", "lstm", "gru", "ntm", "dnc", "transformer")
GUMBEL = {"attention": "tiles", "gumbel": True, "tiles": 3}
NOISY = [
    *(recorded.case("ram", recorded.DIGITS, "ppo", {"dropout": 0.5, "core": core}, horizon=4) for core in CORES),
    recorded.case("ram", recorded.IMAGE, "ppo", {"dropout": 0.5, "patch": 8, "scales": 1}, horizon=3),
    recorded.case("dram", recorded.PAIRS, "ppo", {"dropout": 0.5}, horizon=3),
    *(recorded.case("soft-attention", recorded.IMAGE, "ppo", {**GUMBEL, "core": c}, horizon=3) for c in CORES),
    recorded.case("soft-attention", recorded.IMAGE, "ppo", {**GUMBEL, "attention": "content", "heads": 2}, horizon=3),
    recorded.case("soft-attention", recorded.IMAGE, "ppo", {**GUMBEL, "dropout": 0.5}, horizon=3),
    *(
        recorded.case("attend", recorded.SUM, "ppo", {"encoder": "transformer", "offset": 50, "decoder": d}, horizon=5)
        for d in ("core", "transformer")
    ),
]
QUIET = [case for case in recorded.ALL if case.objective in ("reinforce", "a2c", "ppo")]


def check(learner: BaseAlgorithm) -> None:
    """In each of two rollouts, log-probabilities and values at the update are those at play; of some rows too."""
    assert isinstance(learner, PolicyGradient)
    inner = learner.learner
    assert inner.collector is not None
    for _ in range(2):  # the later one may begin in the middle of episodes
        learner.policy.eval()
        played = inner.collector.collect()
        assert played is not None
        rollout = played[0]
        inner.as_played()
        for rows in (torch.arange(rollout.reward.shape[1]), torch.tensor([1])):
            part = tree.index(rollout._replace(state=None, last_value=None), rows, dim=1)
            part = part._replace(state=tree.index(rollout.state, rows))
            judged = inner.judge(part)
            for name, value in judged.log_prob.items():
                torch.testing.assert_close(
                    (value - part.log_prob[name]).exp(), torch.ones_like(value), atol=1e-3, rtol=0
                )
            torch.testing.assert_close(judged.value, part.value, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("case", [*NOISY, *QUIET], ids=recorded.name_of)
def test_the_ratio_is_one_before_the_first_update(case: recorded.Case) -> None:
    learner = recorded.make(case)
    check(learner)
    if case in NOISY:
        assert is_noisy(learner.policy)


class Restless(Policy):
    """A user's own agent, with all that PyTorch's modules do otherwise in training."""

    def __init__(self, observation_space: spaces.Space, action_space: spaces.Space):
        size = int(np.prod(observation_space.shape or ()))
        encoder = nn.Sequential(nn.Linear(size, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.ReLU())
        super().__init__(observation_space, action_space, encoder, GRU(8, 8))


def test_a_users_own_dropout_and_batch_statistics_are_as_at_play() -> None:
    env = gym.make_vec("Memory/TMaze-v0", num_envs=4, autoreset_mode="SameStep", output="torch", corridor=2)
    options = LearnerOptions(objective="ppo", horizon=6, worlds=4, minibatches=2)
    check(PolicyGradient(Restless, env, options, seed=0, device="cpu"))


def test_noise_is_a_function_of_its_key() -> None:
    keys = torch.randint(2**62, (3, 4))
    with keyed(keys):
        all_at_once = uniform("a", 5).view(3, 4, 5)
        assert not torch.equal(all_at_once, uniform("b", 5).view(3, 4, 5))
    for t in range(3):
        with keyed(keys[t : t + 1, 1:3]):
            assert torch.equal(uniform("a", 5), all_at_once[t, 1:3])
    assert 0.3 < float(all_at_once.mean()) < 0.7
