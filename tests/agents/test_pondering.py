"""Adaptive computation time: against the paper's loop, its gradients, its limits, and what a step costs."""

from typing import Any

import gymnasium as gym
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate import tree
from foveate.agents import AGENTS, Backprop, BackpropOptions
from foveate.agents.nn.cores import Pondering, make_core
from foveate.errors import FoveateError

CORES: dict[str, dict[str, Any]] = {
    "elman": {},
    "gru": {},
    "lstm": {},
    "rnn": {},
    "ntm": {"rows": 4, "width": 3, "fast": "off"},
}


def core_of(name: str = "gru", bias: float = 0.0, **options: Any) -> Pondering:
    torch.manual_seed(0)
    core = Pondering(make_core(name, 4, 5, **CORES[name]), **options).double()
    if core.halt is not None:
        torch.nn.init.constant_(core.halt.bias, bias)
        torch.nn.init.normal_(core.halt.weight)
    return core


def slow(core: Pondering, x: Tensor, state: Any) -> tuple[Tensor, Any, float]:
    """A moment of one row, as the paper writes it: y, the state after it, and ρ."""
    inner, never, states, outputs, h = core.inner, torch.zeros(1, 1, dtype=torch.bool), [], [], []
    while True:
        flag = x.new_full((1,), float(not h))
        said = inner(torch.cat([x, flag])[None, None], states[-1] if states else state, never)
        outputs.append(said.y[0, 0])
        states.append(said.state)
        h.append(float(torch.sigmoid(core.halt.weight[0] @ said.y[0, 0] + core.halt.bias[0]).detach()))
        if sum(h) >= 1 - 0.01 or len(h) == core.limit:
            break
    rest = 1 - sum(h[:-1])
    p = [*h[:-1], rest]
    y = sum(p_n * y_n for p_n, y_n in zip(p, outputs, strict=True))
    parts = [tree.flatten_names(each) for each in states]
    mean = {name: sum(p_n * each[name] for p_n, each in zip(p, parts, strict=True)) for name in parts[0]}
    return y, mean, len(h) + rest


@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize("bias", [-2.0, 0.0, 6.0])
def test_a_moment_is_the_paper_s_loop(name: str, bias: float) -> None:
    core, x = core_of(name, bias, penalty=0.3, limit=7), torch.randn(1, 6, 3).double()
    begin = core.initial_state(6)
    said = core(x, begin, torch.ones(1, 6, dtype=torch.bool), record=True)
    thought = set()
    for row in range(6):
        y, state, ponder = slow(core, x[0, row], tree.index(begin, slice(row, row + 1)))
        torch.testing.assert_close(said.y[0, row], y)
        for part, value in tree.flatten_names(tree.index(said.state, slice(row, row + 1))).items():
            torch.testing.assert_close(value, state[part])
        assert float(said.records["ponder"][0, row]) == pytest.approx(ponder)
        assert float(said.losses["ponder"][0, row]) == pytest.approx(0.3 * ponder)
        thought.add(int(ponder))
    assert max(thought) == 7 if bias < 0 else min(thought) < 7


@pytest.mark.parametrize("name", CORES)
def test_its_gradients(name: str) -> None:
    core = core_of(name, -0.5, penalty=0.1)
    starts = torch.zeros(2, 2, dtype=torch.bool)
    starts[0] = True

    def said(x: Tensor) -> tuple[Tensor, Tensor]:
        output = core(x, core.initial_state(2), starts)
        return output.y, output.losses["ponder"]

    x = torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True)
    if name == "rnn":  # a ReLU has a kink
        sum(part.sum() for part in said(x)).backward()
        assert x.grad is not None
        assert x.grad.abs().sum() > 0
    else:
        assert torch.autograd.gradcheck(said, (x,))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6), bias=st.floats(-4, 4), limit=st.integers(1, 12), name=st.sampled_from(["gru", "lstm"])
)
def test_a_sequence_equals_its_steps_and_each_moment_keeps_to_the_limit(
    seed: int, bias: float, limit: int, name: str
) -> None:
    core = core_of(name, bias, limit=limit)
    torch.manual_seed(seed)
    x, starts = torch.randn(5, 3, 3).double(), torch.rand(5, 3) < 0.3
    with torch.no_grad():
        whole, state = core(x, core.initial_state(3), starts, record=True), core.initial_state(3)
        for t in range(5):
            one = core(x[t : t + 1], state, starts[t : t + 1])
            state = one.state
            torch.testing.assert_close(one.y[0], whole.y[t])
    for part, value in tree.flatten_names(whole.state).items():
        torch.testing.assert_close(tree.flatten_names(state)[part], value)
    ponder = whole.records["ponder"]
    assert bool((ponder > 1).all())  # a step, and what was left over
    assert bool((ponder <= limit + 1).all())


def test_one_step_is_the_core_itself_and_a_fixed_number_is_so_many() -> None:
    torch.manual_seed(0)
    x, starts = torch.randn(4, 2, 3).double(), torch.zeros(4, 2, dtype=torch.bool)
    starts[0] = True
    for options in ({"limit": 1}, {"fixed": 1}):
        core = core_of(**options)
        flagged = torch.cat([x, torch.ones(4, 2, 1)], -1)
        torch.testing.assert_close(
            core(x, core.initial_state(2), starts).y, core.inner(flagged, core.initial_state(2), starts).y
        )
    core = core_of(fixed=3)
    said, state = core(x, core.initial_state(2), starts, record=True), core.initial_state(2)
    for t in range(4):
        for n in range(3):
            inner = core.inner(
                torch.cat([x[t], torch.full((2, 1), float(n == 0))], -1)[None], state, starts[t][None] & (n == 0)
            )
            state = inner.state
        torch.testing.assert_close(said.y[t], inner.y[0])
    assert said.losses == said.records == {}


def test_a_higher_penalty_makes_it_think_less() -> None:
    thought = []
    for penalty in (0.0, 0.3):
        env = gym.make_vec(
            "Memory/Parity-v0", num_envs=64, bits=4, per_step=4, autoreset_mode="SameStep", output="torch"
        )
        learner = Backprop(
            "pondering",
            env,
            BackpropOptions(worlds=64, batch=64, lr=1e-2),
            seed=0,
            device="cpu",
            policy_kwargs={"hidden": 16, "penalty": penalty},
        )
        learner.learn(64 * 150)
        seen = torch.sign(torch.randn(1, 64, 4))
        policy = learner.policy
        with torch.no_grad():
            said = policy(seen, policy.initial_state(64), torch.ones(1, 64, dtype=torch.bool), record=True)
        thought.append(float(said.records["ponder"].mean()))
    assert thought[1] < thought[0]


def test_what_cannot_be_is_refused() -> None:
    space, action = spaces.Box(-1, 1, (3,)), spaces.Discrete(2)
    for options, said in (
        ({"core": "transformer"}, "transformer"),
        ({"penalty": -1.0}, "penalty"),
        ({"limit": 0}, "limit"),
    ):
        with pytest.raises(FoveateError, match=said):
            AGENTS["pondering"](space, action, **options)
    with pytest.raises(FoveateError, match="DNC has a state without a mean"):
        Pondering(make_core("dnc", 4, 5))
