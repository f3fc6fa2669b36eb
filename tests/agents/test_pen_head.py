"""The head of a pen against the paper's formulas, samples that a bias draws together, and what of it can be wrong."""

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate import tree
from foveate.agents import AGENTS, Policy
from foveate.agents.learning.actor import Actor
from foveate.agents.learning.backprop import Lessons, numbers_due, wrong_numbers
from foveate.agents.learning.environments import environments_of
from foveate.agents.nn.heads import Head, MixtureHead, PenHead, make_head
from foveate.agents.policies.modes import at_play
from foveate.errors import FoveateError

ID = "Sequence/Handwriting-v0"
POINT = spaces.Box(np.array([-16, -16, 0], np.float32), np.array([16, 16, 2], np.float32))


def writer(**options: Any) -> Policy:
    env = gym.make(ID, view="whole")
    torch.manual_seed(0)
    options = {"encoder": "embedding", "attention": "window", "bumps": 2, "core": "lstm", **options}
    return AGENTS["attend"](
        env.observation_space, env.action_space, hidden=16, embedding=8, numbers="pen", components=3, **options
    )


def slow_density(row: Tensor, point: list[float], components: int, bias: float) -> float:
    """Graves 2013, eqs. 23 to 25 with the parameters of eqs. 61 and 62, and a softmax for the pen, number by number."""
    parts = row[: 6 * components].view(components, 6).tolist()
    weights = [math.exp(part[0] * (1 + bias)) for part in parts]
    total = 0.0
    for weight, (_, m1, m2, s1, s2, r) in zip(weights, parts, strict=True):
        s1, s2, rho = math.exp(s1 - bias), math.exp(s2 - bias), math.tanh(r)
        u, v = (point[0] - m1) / s1, (point[1] - m2) / s2
        z = u**2 + v**2 - 2 * rho * u * v
        n = math.exp(-z / (2 * (1 - rho**2))) / (2 * math.pi * s1 * s2 * math.sqrt(1 - rho**2))
        total += max(weight / sum(weights) * n, 1e-300)
    does = [math.exp(x * (1 + bias)) for x in row[6 * components :].tolist()]
    return math.log(total) + math.log(does[int(point[2])] / sum(does))


@given(seed=st.integers(0, 10**6), components=st.integers(1, 4), bias=st.sampled_from([0.0, 0.5, 2.0]))
@settings(max_examples=40, deadline=None)
def test_a_point_s_density_is_the_paper_s_with_any_bias(seed: int, components: int, bias: float) -> None:
    chance = torch.Generator().manual_seed(seed)
    head = PenHead(3, POINT, components=components).double()
    parameters = torch.randn(2, 6 * components + 3, generator=chance).double()
    assert head(torch.zeros(1, 3).double()).shape == (1, 6 * components + 3)
    point = torch.cat([torch.randn(2, 2, generator=chance), torch.randint(3, (2, 1), generator=chance)], 1).double()
    found = head.log_prob(head.sharpened(parameters, bias), point)
    for row in range(2):
        expected = slow_density(parameters[row], point[row].tolist(), components, bias)
        assert float(found[row]) == pytest.approx(expected, rel=1e-6, abs=1e-6) or expected < -680  # too small a number


def test_samples_are_points_and_gather_where_it_is_likely() -> None:
    torch.manual_seed(0)
    head = PenHead(4, POINT, components=5)
    parameters = head(torch.randn(1, 4)).detach().expand(4000, -1)
    spread = []
    for bias in (0.0, 1.0, 5.0):
        some = head.sample(head.sharpened(parameters, bias))
        assert set(some[:, 2].tolist()) <= {0.0, 1.0, 2.0}
        spread.append(float((some[:, :2] - some[:, :2].mean(0)).norm(dim=1).mean()))
        surprise = -head.log_prob(head.sharpened(parameters, bias), some).mean()
        assert float(head.distribution(head.sharpened(parameters[:1], bias)).entropy()) >= float(surprise) - 0.05
    assert spread[0] > spread[1] > spread[2]
    shares = head.sample(parameters)[:, 2].long().bincount(minlength=3) / 4000
    torch.testing.assert_close(shares, parameters[0, -3:].softmax(-1), atol=0.03, rtol=0)
    mode = head.mode(parameters)[0]
    assert head.log_prob(parameters[:1], mode[None]) > head.log_prob(parameters[:1], mode[None] + 0.5)


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(-1.0, 1.0, (1,)),
        spaces.Box(-1.0, 1.0, (2, 2)),
        spaces.Box(-np.inf, np.inf, (3,)),
        spaces.Box(np.zeros(3, np.float32), np.array([1, 1, 0.5], np.float32)),
    ],
    ids=str,
)
def test_a_space_without_a_pen_is_refused(space: spaces.Box) -> None:
    with pytest.raises(FoveateError, match="pen"):
        PenHead(3, space)


@pytest.mark.parametrize("kind", [PenHead, MixtureHead, make_head], ids=["pen", "mixture", "gaussian"])
def test_numbers_with_a_density_are_neither_right_nor_wrong(kind: Any) -> None:
    torch.manual_seed(1)
    head: Head = kind(3, POINT)
    parameters = head(torch.randn(5, 2, 3))
    target = head.mode(parameters).detach() + torch.tensor([0.3, 0.0, 1.0])
    policy = writer()
    policy.heads["action"] = head
    lessons = Lessons(None, {"action": target}, None, torch.ones(5, 2, dtype=torch.bool), torch.tensor([5, 5]))
    counted = 1 if kind is PenHead else 0
    assert numbers_due(policy, lessons.target, lessons.mask).tolist() == [5 * counted] * 2
    assert (wrong_numbers(policy, {"action": parameters}, lessons) == counted).all()


def test_a_bias_comes_from_whoever_asks_the_policy_to_its_head() -> None:
    policy = writer()
    env = gym.make(ID, view="whole", text="hello")
    seen, _ = env.reset(seed=0)

    def spread(bias: float) -> float:
        torch.manual_seed(3)
        some = np.stack([policy.predict(seen, bias=bias)[0] for _ in range(60)])
        return float(some[:, :2].std(0).mean())

    assert spread(0.0) > 2 * spread(3.0)
    worlds = environments_of(gym.make_vec(ID, num_envs=40, view="whole", autoreset_mode="SameStep", output="torch"))
    moves = []
    with at_play(policy):
        for bias in (0.0, 3.0):
            actor = Actor(policy, worlds)
            actor.bias = bias
            actor.reset(seed=0)
            torch.manual_seed(3)
            output = actor.step().output
            again = policy.head("action").log_prob(output.parameters["action"], output.choices["action"])
            assert torch.equal(again, output.log_prob["action"])  # of the points as they were drawn
            moves.append(float(tree.first(output.action)[:, :2].std(0).mean()))
    assert moves[0] > 2 * moves[1]


def test_who_reads_nothing_writes_the_same_whatever_the_text() -> None:
    ways = {"none": writer(attention="none"), "window": writer()}
    same = {}
    for name, policy in ways.items():
        said = []
        for text in ("hello", "world"):
            seen, _ = gym.make(ID, view="whole", text=text).reset(seed=0)
            state, starts = policy.initial_state(1), torch.ones(1, dtype=torch.bool)
            with torch.no_grad():
                said.append(policy.step(policy.read(tree.unsqueeze(seen)), state, starts).parameters["action"])
        same[name] = torch.equal(*said)
    assert same == {"none": True, "window": False}
