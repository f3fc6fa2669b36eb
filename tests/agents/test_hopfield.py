"""Associative memories: against slow loops, energies that never rise, and what theory says of them."""

import math

import gymnasium as gym
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate.agents.nn.attention import hopfield
from foveate.agents.nn.attention.hopfield import (
    associate,
    asynchronous,
    bidirectional,
    bidirectional_energy,
    energy,
    hebb,
    pseudo_inverse,
    recall,
    recall_energy,
    recall_weights,
    settled,
    synchronous,
)

SEEDS = st.integers(0, 10**6)


def signs(*shape: int) -> Tensor:
    return torch.randint(2, shape).double() * 2 - 1


def flipped(patterns: Tensor, share: float) -> Tensor:
    turned = torch.rand_like(patterns).argsort(-1) < share * patterns.shape[-1]
    return torch.where(turned, -patterns, patterns)


def retrieved(rule: str, patterns: Tensor, cue: Tensor, sweeps: int = 20) -> float:
    """The share of the patterns that asynchronous updates find, with at most 2 % of their bits wrong."""
    weights = getattr(hopfield, rule)(patterns)
    found = settled(lambda state: asynchronous(state, weights), cue, sweeps)
    return float(((found != patterns).double().mean(-1) <= 0.02).double().mean())


def test_rules_against_loops() -> None:
    torch.manual_seed(0)
    x = signs(3, 6)
    weights = hebb(x)
    for i in range(6):
        for j in range(6):
            expected = 0.0 if i == j else sum(float(x[p, i] * x[p, j]) for p in range(3)) / 6
            assert weights[i, j] == pytest.approx(expected)
    projection = x.T @ torch.linalg.inv(x @ x.T) @ x  # of independent patterns
    projection.fill_diagonal_(0)
    torch.testing.assert_close(pseudo_inverse(x), projection)


@pytest.mark.parametrize("biased", [False, True])
def test_updates_and_energy_against_loops(biased: bool) -> None:
    torch.manual_seed(1)
    weights, state, order = hebb(signs(3, 7)), signs(2, 7), torch.randperm(7)
    state[0, 3] = 0
    bias = torch.randn(7).double() if biased else None
    b = torch.zeros(7) if bias is None else bias

    def field(s: list[float], i: int) -> float:
        return sum(float(weights[i, j]) * s[j] for j in range(7)) + float(b[i])

    for row in range(2):
        s = state[row].tolist()
        both = sum(float(weights[i, j]) * s[i] * s[j] for i in range(7) for j in range(7))
        expected = -0.5 * both - sum(float(b[i]) * s[i] for i in range(7))
        assert float(energy(state, weights, bias)[row]) == pytest.approx(expected)
        at_once = [math.copysign(1, field(s, i)) if abs(field(s, i)) > 1e-12 else s[i] for i in range(7)]
        for i in order.tolist():
            s[i] = math.copysign(1, field(s, i)) if abs(field(s, i)) > 1e-12 else s[i]
        assert asynchronous(state, weights, bias, order)[row].tolist() == s
        assert synchronous(state, weights, bias)[row].tolist() == at_once


@given(
    seed=SEEDS, units=st.integers(2, 24), patterns=st.integers(1, 12), rule=st.sampled_from(["hebb", "pseudo_inverse"])
)
@settings(max_examples=40, deadline=None)
def test_no_asynchronous_update_raises_the_energy(seed: int, units: int, patterns: int, rule: str) -> None:
    torch.manual_seed(seed)
    weights, bias = getattr(hopfield, rule)(signs(patterns, units)), torch.randn(units).double()
    state = signs(5, units) * (torch.rand(5, units) < 0.7)
    before = energy(state, weights, bias)
    for _ in range(4):
        state = asynchronous(state, weights, bias, torch.randperm(units))
        after = energy(state, weights, bias)
        assert (after <= before + 1e-9).all()
        before = after


@given(seed=SEEDS, units=st.integers(2, 12), others=st.integers(2, 12), pairs=st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_no_round_of_pairs_raises_the_energy(seed: int, units: int, others: int, pairs: int) -> None:
    torch.manual_seed(seed)
    weights = associate(signs(pairs, units), signs(pairs, others))
    key, value = signs(4, units), signs(4, others) * (torch.rand(4, others) < 0.5)
    before = bidirectional_energy(key, value, weights)
    for _ in range(4):
        key, value = bidirectional(key, value, weights)
        after = bidirectional_energy(key, value, weights)
        assert (after <= before + 1e-9).all()
        before = after


@given(seed=SEEDS, units=st.integers(1, 12), patterns=st.integers(1, 9), beta=st.floats(0.05, 20))
@settings(max_examples=60, deadline=None)
def test_the_modern_network_never_raises_its_energy_which_is_never_negative(
    seed: int, units: int, patterns: int, beta: float
) -> None:
    torch.manual_seed(seed)
    x = torch.randn(patterns, units).double()
    state = 2 * torch.randn(3, units).double()
    before = recall_energy(state, x, beta)
    for _ in range(4):
        state = recall(state, x, beta)
        after = recall_energy(state, x, beta)
        assert (after <= before + 1e-9).all()
        assert (after >= -1e-9).all()
        before = after


def test_the_modern_network_against_a_loop_and_its_gradient() -> None:
    torch.manual_seed(2)
    x, state = torch.randn(4, 3).double(), torch.randn(2, 3).double()
    for row in range(2):
        scores = [math.exp(1.5 * float(x[p] @ state[row])) for p in range(4)]
        expected = sum(score / sum(scores) * x[p] for p, score in enumerate(scores))
        torch.testing.assert_close(recall(state, x, 1.5)[row], expected)
        fit = math.log(sum(scores)) / 1.5
        largest = max(float(x[p] @ x[p]) for p in range(4))
        whole = -fit + 0.5 * float(state[row] @ state[row]) + math.log(4) / 1.5 + 0.5 * largest
        assert float(recall_energy(state, x, 1.5)[row]) == pytest.approx(whole)
    free = state.clone().requires_grad_()
    (slope,) = torch.autograd.grad(recall_energy(free, x, 1.5).sum(), free)
    torch.testing.assert_close(slope, state - recall(state, x, 1.5))  # an update is a step of size 1 down the energy
    inputs = (state.requires_grad_(), x.requires_grad_())
    assert torch.autograd.gradcheck(lambda s, p: recall(s, p, 0.7), inputs)


def test_several_memories_at_once() -> None:
    torch.manual_seed(3)
    x, state = signs(2, 3, 8), signs(2, 5, 8)
    bias = 0.01 * torch.randn(8).double()  # no unit is at 0, where rounding would say which way it goes
    for name in ("hebb", "pseudo_inverse"):
        weights = getattr(hopfield, name)(x)
        for each in range(2):
            alone = getattr(hopfield, name)(x[each])
            torch.testing.assert_close(weights[each], alone)
            assert torch.equal(asynchronous(state, weights, bias)[each], asynchronous(state[each], weights[each], bias))
            assert torch.equal(synchronous(state, weights, bias)[each], synchronous(state[each], weights[each], bias))
            torch.testing.assert_close(energy(state, weights)[each], energy(state[each], weights[each]))
    torch.testing.assert_close(recall(state, x, 0.3)[1], recall(state[1], x[1], 0.3))


def test_random_patterns_are_found_below_the_capacity_and_lost_above_it() -> None:
    torch.manual_seed(4)
    low, high = signs(10, 200), signs(50, 200)  # loads of 0.05 and 0.25; the capacity is 0.138
    assert retrieved("hebb", low, flipped(low, 0.1)) == 1
    assert retrieved("hebb", high, flipped(high, 0.1)) <= 0.1
    assert retrieved("pseudo_inverse", high, flipped(high, 0.1)) >= 0.9


def test_correlated_patterns_need_the_pseudo_inverse() -> None:
    torch.manual_seed(5)
    common = signs(200)
    x = flipped(common.expand(8, 200), 0.15)
    assert retrieved("hebb", x, flipped(x, 0.05)) == 0
    assert retrieved("pseudo_inverse", x, flipped(x, 0.05)) >= 0.8


def test_all_at_once_may_never_settle() -> None:
    weights = hebb(torch.tensor([[1.0, -1.0]]))
    state = torch.tensor([[1.0, 1.0]])
    after = synchronous(state, weights)
    assert after.tolist() == [[-1, -1]]
    assert torch.equal(synchronous(after, weights), state)  # a cycle of two
    settled_state = settled(lambda s: asynchronous(s, weights), state, 5)
    assert settled_state.tolist() in ([[1, -1]], [[-1, 1]])


def test_pairs_are_found_from_either_side() -> None:
    torch.manual_seed(6)
    keys, values = signs(4, 240), signs(4, 200)
    weights = associate(keys, values)
    _, found = bidirectional(flipped(keys, 0.1), torch.zeros(4, 200).double(), weights)
    assert torch.equal(found, values)
    nothing = torch.zeros_like(values)
    back, _ = bidirectional(torch.zeros_like(keys), values, weights)
    assert torch.equal(back, keys)
    assert torch.equal(bidirectional(torch.zeros_like(keys), nothing, weights)[1], nothing)  # nothing says nothing


def test_beta_leads_from_the_mean_of_all_to_one() -> None:
    torch.manual_seed(7)
    x = signs(20, 64)
    cue = flipped(x, 0.2)
    torch.testing.assert_close(recall(cue, x, 1e-9), x.mean(0).expand(20, -1), atol=1e-6, rtol=0)
    assert torch.equal(recall(cue, x, 5.0).sign(), x)
    entropy = [
        float(torch.special.entr(recall_weights(cue, x, beta)).sum(-1).mean()) for beta in (0.001, 0.03, 0.1, 1.0)
    ]
    assert entropy == sorted(entropy, reverse=True)
    assert entropy[0] == pytest.approx(math.log(20), abs=0.01)


@pytest.mark.parametrize(
    ("options", "least"),
    [
        ({}, 0.9),
        ({"mode": "erase", "min_load": 5, "max_load": 5}, 0.7),
        ({"data": "mnist", "mode": "erase", "patterns": 20}, 0.0),
    ],
)
def test_completion_is_solved_from_what_is_seen(options: dict, least: float) -> None:
    """Both kinds of network, which know nothing but the observations."""
    env = gym.make_vec("Memory/Completion-v0", num_envs=100, output="torch", **options).unwrapped
    env.reset(seed=0)
    episodes = env.world.episodes()
    shown = episodes.observation.transpose(0, 1).double()  # (n, T, 1 + N)
    every = torch.arange(100)
    cue, stored = shown[every, episodes.length - 1, 1:], shown[..., 1:] * (shown[..., :1] == 0)
    due = episodes.target[episodes.length - 1, every]
    found = recall(cue[:, None], stored, 2.0)[:, 0]
    assert ((found > 0) == due).double().mean() >= 0.999
    weights = hebb(stored)
    classical = settled(lambda state: asynchronous(state, weights), cue[:, None], 3)[:, 0] if least else found
    wrong = ((classical > 0) != due).double().mean(1)
    assert (wrong <= 0.02).double().mean() >= least
