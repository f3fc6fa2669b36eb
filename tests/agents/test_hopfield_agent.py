"""The core hopfield against its functions and a loop, and the agent that plays without training."""

from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import Tensor

from foveate.agents import AGENTS
from foveate.agents.nn.attention.hopfield import asynchronous, hebb, pseudo_inverse, recall, settled, synchronous
from foveate.agents.nn.cores import Hopfield
from foveate.errors import FoveateError


def run(core: Hopfield, x: Tensor) -> Tensor:
    """The core's output over one episode, (T, B, …)."""
    return core(x, core.initial_state(x.shape[1]), torch.zeros(x.shape[:2], dtype=torch.bool)).y


@pytest.mark.parametrize("steps", [1, 2])
def test_a_layer_that_learns_against_the_paper_s_loop(steps: int) -> None:
    torch.manual_seed(0)
    core = Hopfield(3, 5, beta=0.8, steps=steps, context=3).double()
    x = torch.randn(6, 2, 3).double()
    y = run(core, x)
    assert core.to_query is not None
    assert core.to_key is not None
    assert core.to_value is not None
    for t in range(6):
        for row in range(2):
            query = core.to_query(x[t, row])
            read = torch.zeros(5).double()
            before = range(max(0, t - 3), t)
            if before:
                state = query
                for n in range(steps):
                    scores = torch.stack([0.8 * state @ core.to_key(x[i, row]) for i in before])
                    weights = scores.exp() / scores.exp().sum()
                    stored = core.to_key if n + 1 < steps else core.to_value
                    state = sum(w * stored(x[i, row]) for w, i in zip(weights, before, strict=True))
                read = state
            torch.testing.assert_close(y[t, row], torch.cat([query, read]))


@pytest.mark.parametrize(
    "options",
    [
        {"rule": "modern", "beta": 0.3, "steps": 2},
        {"rule": "hebb", "steps": 4},
        {"rule": "hebb", "steps": 3, "updates": "synchronous"},
        {"rule": "pseudo-inverse", "steps": 4},
    ],
)
def test_without_hidden_units_it_is_the_network_itself(options: dict[str, Any]) -> None:
    torch.manual_seed(1)
    x = (torch.randint(2, (5, 3, 30)) * 2 - 1).double()
    x[4, :, 15:] = 0
    core = Hopfield(30, 0, **options).double()
    assert not list(core.parameters())
    y = run(core, x)[4]
    for row in range(3):
        stored, cue = x[:4, row], x[4:, row]
        if options["rule"] == "modern":
            expected = recall(recall(cue, stored, 0.3), stored, 0.3)
        else:
            weights = (hebb if options["rule"] == "hebb" else pseudo_inverse)(stored)
            update = synchronous if options.get("updates") == "synchronous" else asynchronous
            expected = settled(lambda now, w=weights, u=update: u(now, w), cue, options["steps"])
        torch.testing.assert_close(y[row], expected[0])


def test_what_is_weighed_is_recorded() -> None:
    core = Hopfield(4, 0, beta=5.0, context=3)
    x = torch.eye(4)[[0, 1, 2, 1, 0]][:, None]
    never = torch.zeros(5, 1, dtype=torch.bool)
    weights = core(x, core.initial_state(1), never, record=True).records["read_weights"][:, 0, 0]
    assert weights[0].tolist() == [0, 0, 0]  # nothing is stored yet
    assert weights[3].argmax() == 1  # two moments ago, the last column is the moment before
    assert weights.sum(-1).tolist() == pytest.approx([0, 1, 1, 1, 1])


def test_what_a_classical_network_cannot_do_is_refused() -> None:
    with pytest.raises(FoveateError, match="hidden=8"):
        Hopfield(4, 8, rule="hebb")
    with pytest.raises(FoveateError, match=r"rule 'heb'.*Did you mean 'hebb'"):
        Hopfield(4, 0, rule="heb")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("world", "options", "least"),
    [
        ({}, {}, 0.99),
        ({}, {"rule": "hebb", "steps": 10}, 0.9),
        ({"mode": "hetero"}, {}, 0.99),
        ({"mode": "hetero", "max_load": 5}, {"rule": "hebb", "steps": 10}, 0.9),
        ({"mode": "erase", "split": "test-30"}, {}, 0.99),
        ({"data": "mnist", "mode": "erase", "patterns": 12}, {"beta": 0.5}, 0.99),
    ],
)
def test_it_plays_without_training(world: dict[str, Any], options: dict[str, Any], least: float) -> None:
    env = gym.make_vec("Memory/Completion-v0", num_envs=60, output="torch", **world).unwrapped
    policy = AGENTS["hopfield"](env.single_observation_space, env.single_action_space, **options)
    env.reset(seed=3)
    episodes = env.world.episodes()
    observation = episodes.observation.float()
    starts = torch.zeros(observation.shape[:2], dtype=torch.bool)
    with torch.no_grad():
        said = policy(observation, policy.initial_state(60), starts)
    action = policy.head("action").mode(said.parameters["action"])
    assert env.world.judge(episodes, action.long()).score.mean() >= least
