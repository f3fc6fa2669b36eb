"""PonderNet: against the paper's loop, its gradients, the lots that it draws, and heads at every step."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate import tree
from foveate.agents import AGENTS
from foveate.agents.nn.cores import PonderNet, make_core
from foveate.agents.nn.cores.ponder_net import Steps, log_halting
from foveate.agents.nn.heads import BernoulliHead, CTCHead, GaussianHead, SteppedHead, make_head
from foveate.errors import FoveateError

SPACES: dict[str, spaces.Space] = {
    "Discrete": spaces.Discrete(3, start=2),
    "MultiDiscrete": spaces.MultiDiscrete([2, 4]),
    "MultiBinary": spaces.MultiBinary((2, 3)),
    "Box": spaces.Box(-1, 1, (2,)),
}


def core_of(name: str = "gru", bias: float = 0.0, **options: Any) -> PonderNet:
    torch.manual_seed(0)
    core = PonderNet(make_core(name, 3, 5, rows=4, width=3, fast="off"), **options).double()
    torch.nn.init.constant_(core.halt.bias, bias)
    torch.nn.init.normal_(core.halt.weight)
    return core


def slow(core: PonderNet, x: Tensor, state: Any) -> tuple[list[Tensor], list[float], Any]:
    """A moment of one row, as the paper writes it: y_n, p_n and the expected state."""
    never, states, outputs, p, stays = torch.zeros(1, 1, dtype=torch.bool), [], [], [], 1.0
    for n in range(1, core.limit + 1):
        said = core.inner(x[None, None], states[-1] if states else state, never)
        outputs.append(said.y[0, 0])
        states.append(said.state)
        halts = float(torch.sigmoid(core.halt.weight[0] @ outputs[-1] + core.halt.bias[0]).detach())
        halts = 1.0 if n == core.limit else halts
        p.append(stays * halts)
        stays *= 1 - halts
    parts = [tree.flatten_names(each) for each in states]
    mean = {name: sum(p_n * each[name] for p_n, each in zip(p, parts, strict=True)) for name in parts[0]}
    return outputs, p, mean


@pytest.mark.parametrize("name", ["gru", "lstm", "rnn", "ntm"])
@pytest.mark.parametrize("bias", [-2.0, 0.0, 6.0])
def test_a_moment_is_the_paper_s_loop(name: str, bias: float) -> None:
    core, x = core_of(name, bias, prior=0.3, weight=0.7, limit=4), torch.randn(1, 6, 3).double()
    begin = core.initial_state(6)
    said = core(x, begin, torch.ones(1, 6, dtype=torch.bool), record=True)
    steps = Steps.unpacked(said.y[0], 4)
    prior = [0.3, 0.7 * 0.3, 0.7**2 * 0.3, 0.7**3]
    for row in range(6):
        outputs, p, state = slow(core, x[0, row], tree.index(begin, slice(row, row + 1)))
        torch.testing.assert_close(steps.of[row], torch.stack(outputs))
        assert steps.log_p[row].exp().tolist() == pytest.approx(p)
        for part, value in tree.flatten_names(tree.index(said.state, slice(row, row + 1))).items():
            torch.testing.assert_close(value, state[part])
        assert said.records["ponder"][0, row].item() == pytest.approx(sum(n * each for n, each in enumerate(p, 1)))
        divergence = sum(a * math.log(a / b) for a, b in zip(p, prior, strict=True))
        assert said.losses["ponder"][0, row].item() == pytest.approx(0.7 * divergence, rel=1e-5)


@pytest.mark.parametrize("name", ["gru", "lstm", "ntm"])
def test_its_gradients(name: str) -> None:
    core = core_of(name, -0.5, limit=3)
    starts = torch.zeros(2, 2, dtype=torch.bool)
    starts[0] = True

    def said(x: Tensor) -> tuple[Tensor, Tensor]:
        output = core(x, core.initial_state(2), starts)
        return output.y, output.losses["ponder"]

    assert torch.autograd.gradcheck(said, (torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True),))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-200, 200), min_size=1, max_size=12))
def test_lots_are_a_distribution_and_finite(logits: list[float]) -> None:
    log_p = log_halting(torch.tensor(logits, dtype=torch.float64))
    assert bool(log_p.isfinite().all())
    assert float(log_p.exp().sum()) == pytest.approx(1.0)


def test_halting_as_the_prior_does_costs_nothing_and_it_begins_so() -> None:
    core = PonderNet(make_core("gru", 3, 5), prior=0.35, limit=6)
    torch.nn.init.zeros_(core.halt.weight)
    said = core(torch.randn(1, 4, 3), core.initial_state(4), torch.ones(1, 4, dtype=torch.bool))
    torch.testing.assert_close(said.losses["ponder"], torch.zeros(1, 4))


def test_one_step_is_the_core_itself() -> None:
    core, x = core_of(limit=1), torch.randn(4, 2, 3).double()
    starts = torch.zeros(4, 2, dtype=torch.bool)
    starts[0] = True
    said = core(x, core.initial_state(2), starts)
    torch.testing.assert_close(Steps.unpacked(said.y, 1).mean(), core.inner(x, core.initial_state(2), starts).y)


@pytest.mark.parametrize("kind", SPACES)
def test_a_head_at_every_step_is_a_loop_over_steps(kind: str) -> None:
    torch.manual_seed(1)
    space = SPACES[kind]
    inner = make_head(5, space).double()
    for weight in inner.parameters():
        torch.nn.init.normal_(weight)
    head = SteppedHead(inner, 3).double()
    steps = Steps(torch.randn(2, 4, 3, 5).double(), log_halting(torch.randn(2, 4, 3).double()))
    parameters, p = head(steps.packed()), steps.log_p.exp()
    space.seed(0)
    target = torch.from_numpy(np.stack([space.sample() for _ in range(8)]).reshape(2, 4, *space.shape))
    each = [inner(steps.of[:, :, n]) for n in range(3)]
    costs = sum(p[..., n] * inner.loss(each[n], target) for n in range(3))
    torch.testing.assert_close(head.loss(parameters, target), costs)
    density = sum(p[..., n] * inner.log_prob(each[n], target).exp() for n in range(3))
    torch.testing.assert_close(head.log_prob(parameters, target).exp(), density)
    entropy = sum(p[..., n] * inner.distribution(each[n]).entropy() for n in range(3))
    torch.testing.assert_close(head.judged(parameters, target)[1], entropy)
    likeliest = steps.log_p.argmax(-1)
    for t in range(2):
        for row in range(4):
            wanted = inner.mode(each[int(likeliest[t, row])])[t, row]
            torch.testing.assert_close(head.mode(parameters)[t, row], wanted)


def test_samples_are_of_the_mixture() -> None:
    torch.manual_seed(2)
    head = SteppedHead(make_head(2, spaces.Discrete(3)), 2)
    logits = torch.tensor([[9.0, -9.0, -9.0], [-9.0, -9.0, 9.0]])  # the first step says 0, the second 2
    parameters = Steps(logits, torch.tensor([0.25, 0.75]).log()).packed().expand(4000, -1)
    drawn = head.sample(parameters)
    assert float((drawn == 2).float().mean()) == pytest.approx(0.75, abs=0.03)
    assert not bool((drawn == 1).any())


def test_the_agent_plays_and_learns_every_kind_of_action() -> None:
    space = spaces.Box(-1, 1, (3,))
    for action in [*SPACES.values(), spaces.Dict(SPACES)]:
        policy = AGENTS["ponder-net"](space, action, hidden=8, limit=3)
        action_now, _ = policy.predict(space.sample(), deterministic=True)
        assert action.contains(action_now)
        said = policy(torch.randn(2, 3, 3), policy.initial_state(3), torch.ones(2, 3, dtype=torch.bool), record=True)
        assert said.value.shape == said.records["ponder"].shape == (2, 3)


def test_what_cannot_be_is_refused() -> None:
    space, action = spaces.Box(-1, 1, (3,)), spaces.Discrete(2)
    for options, said in (
        ({"core": "dnc"}, "dnc"),
        ({"prior": 0.0}, "prior"),
        ({"weight": -1.0}, "weight"),
        ({"limit": 0}, "limit"),
    ):
        with pytest.raises(FoveateError, match=said):
            AGENTS["ponder-net"](space, action, **options)
    with pytest.raises(FoveateError, match="CTCHead"):
        SteppedHead(CTCHead(4, spaces.Discrete(3)), 2)
    assert SteppedHead(BernoulliHead(4, spaces.MultiBinary(2)), 2).steps == 2
    assert isinstance(SteppedHead(GaussianHead(4, spaces.Box(-1, 1, (2,))), 2).head, GaussianHead)
