"""The neural programmer-interpreter: its core against a stack in plain Python, its keys, and what it learns."""

import itertools

import gymnasium as gym
import pytest
import torch
from gymnasium import spaces
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from foveate import tree
from foveate.agents import AGENTS, Backprop, BackpropOptions
from foveate.agents.nn.cores.npi import NPI
from foveate.agents.nn.heads import ProgramHead
from foveate.errors import FoveateError

LEVELS = 3


def core_of() -> NPI:
    torch.manual_seed(0)
    return NPI(2, 4, levels=LEVELS).double()


def walk(seed: int, steps: int, batch: int) -> tuple[Tensor, Tensor, Tensor]:
    """What is seen, (T, B, 2), depths that go one up or down or stay, (T, B), and where episodes start."""
    chance = torch.Generator().manual_seed(seed)
    seen = torch.randn(steps, batch, 2, dtype=torch.float64, generator=chance)
    starts = torch.rand(steps, batch, generator=chance) < 0.15
    depths, depth = [], torch.zeros(batch, dtype=torch.int64)
    for t in range(steps):
        depth = (depth + torch.randint(-1, 2, (batch,), generator=chance)).clamp(0, LEVELS - 1) * ~starts[t]
        depths.append(depth)
    return seen, torch.stack(depths), starts


def shown(seen: Tensor, depth: Tensor) -> Tensor:
    """The core's input."""
    return torch.cat([seen, F.one_hot(depth, LEVELS)], -1)


def slow(core: NPI, seen: Tensor, depth: list[int], starts: list[bool]) -> list[Tensor]:
    """Algorithm 1 on one row: a list of states, one for each program that runs; (T, 2) -> h at each moment."""
    w, u, b, d = (getattr(core.lstm, f"{name}_l0") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    stack: list[tuple[Tensor, Tensor]] = []
    said = []
    for x, deep, begins in zip(seen, depth, starts, strict=True):
        stack = [] if begins else stack[: deep + 1]  # those above have stopped
        while len(stack) < deep + 1:  # a call
            stack.append((x.new_zeros(4), x.new_zeros(4)))
        h, c = stack[deep]
        i, f, g, o = (w @ x + b + u @ h + d).chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        stack[deep] = (o.sigmoid() * c.tanh(), c)
        said.append(stack[deep][0])
    return said


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), steps=st.integers(1, 12))
def test_the_core_is_a_stack_of_calls(seed: int, steps: int) -> None:
    core, (seen, depth, starts) = core_of(), walk(seed, steps, 3)
    y = core(shown(seen, depth), core.initial_state(3), starts).y
    for row in range(3):
        expected = slow(core, seen[:, row], depth[:, row].tolist(), starts[:, row].tolist())
        torch.testing.assert_close(y[:, row], torch.stack(expected))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=st.sets(st.integers(1, 7)), batch=st.integers(1, 3))
@example(seed=0, cuts=set(range(1, 8)), batch=1)
def test_a_sequence_equals_its_pieces(seed: int, cuts: set[int], batch: int) -> None:
    core, (seen, depth, starts) = core_of(), walk(seed, 8, batch)
    x, state, said = shown(seen, depth), core.initial_state(batch), []
    whole = core(x, state, starts)
    for first, end in itertools.pairwise([0, *sorted(cuts), 8]):
        y, state, *_ = core(x[first:end], state, starts[first:end])
        said.append(y)
    torch.testing.assert_close(torch.cat(said), whole.y)
    for one, other in zip(tree.leaves(state), tree.leaves(whole.state), strict=True):
        torch.testing.assert_close(one, other)


def test_its_gradients() -> None:
    core, (seen, _, starts) = core_of(), walk(1, 6, 2)
    depth = torch.tensor([[0, 1, 2, 1, 0, 0], [1, 1, 2, 2, 1, 2]]).T
    begin = tree.map(lambda part: torch.randn_like(part).requires_grad_(), core.initial_state(2))

    def said(seen: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, ...]:
        output = core(shown(seen, depth), type(begin)(hidden, cell), starts)
        return output.y, *output.state

    assert torch.autograd.gradcheck(said, (seen.requires_grad_(), *begin))


def test_who_waits_is_left_alone_and_who_is_called_knows_nothing() -> None:
    core, never = core_of(), torch.zeros(4, 1, dtype=torch.bool)
    depth = torch.tensor([0, 1, 1, 0])[:, None]
    seen = torch.randn(4, 1, 2).double()
    other = seen.clone()
    other[1:3] = torch.randn(2, 1, 2)
    one, two = (core(shown(x, depth), core.initial_state(1), never).y for x in (seen, other))
    torch.testing.assert_close(one[3], two[3])  # whatever the program that was called saw
    assert not torch.allclose(one[2], two[2])
    other = seen.clone()
    other[0] = torch.randn(1, 2)
    two = core(shown(other, depth), core.initial_state(1), never).y
    torch.testing.assert_close(one[1:3], two[1:3])  # whatever the one that called saw
    assert not torch.allclose(one[3], two[3])


def test_a_program_is_found_by_its_key() -> None:
    torch.manual_seed(0)
    head = ProgramHead(5, spaces.MultiDiscrete([3, 4, 2]), keys=6).double()
    torch.nn.init.normal_(head.ask.weight)
    h = torch.randn(2, 7, 5).double()
    with torch.no_grad():
        logits, keys = head(h), head.keys.tolist()
    assert logits.shape == (2, 7, 9)
    for place in range(7):
        k = (head.ask.weight @ h[1, place] + head.ask.bias).tolist()
        fits = [sum(keys[i][j] * k[j] for j in range(6)) for i in range(3)]
        assert logits[1, place, :3].tolist() == pytest.approx(fits)
        assert head.mode(logits)[1, place, 0] == max(range(3), key=lambda i: fits[i])
        assert logits[1, place, 3:].tolist() == pytest.approx(head.layers(h[1, place]).tolist())


def test_it_learns_the_calls_of_a_sum() -> None:
    env = gym.make_vec("Memory/ScratchPad-v0", num_envs=64, lesson=1, autoreset_mode="SameStep", output="torch")
    learner = Backprop("npi", env, BackpropOptions(worlds=64, batch=32, lr=1e-2), seed=0, device="cpu")
    learner.learn(64 * 20 * 12)
    policy, world = learner.policy, env.unwrapped.world
    seen, _ = env.reset(seed=1)
    state, starts, right = policy.initial_state(64), torch.ones(64, dtype=torch.bool), []
    for _ in range(8):  # none is over before
        said = policy.step(seen, state, starts, deterministic=True)
        due = world.oracle()
        right.append((said.action[:, [0, 1, 2, 4]] == due[:, [0, 1, 2, 4]]).all(1).float().mean())  # but for the digit
        seen, *_ = env.step(due)
        state, starts = said.state, torch.zeros_like(starts)
    assert float(torch.stack(right).mean()) > 0.6


def test_what_cannot_be_is_refused() -> None:
    env = gym.make("Memory/ScratchPad-v0")
    seen, action = env.observation_space, env.action_space
    for spaces_of, options, said in (
        ((spaces.Box(0, 1, (3,)), action), {}, "program and depth"),
        ((gym.make("Memory/ScratchPad-v0", calls=False).observation_space, action), {}, "program and depth"),
        ((seen, spaces.Discrete(6)), {}, "MultiDiscrete"),
        ((seen, action), {"hidden": 0}, "hidden"),
        ((seen, action), {"keys": 0}, "keys"),
        ((seen, action), {"embedding": 0}, "embedding"),
    ):
        with pytest.raises(FoveateError, match=said):
            AGENTS["npi"](*spaces_of, **options)
