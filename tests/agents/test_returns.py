"""Advantages against the definition, and losses against literal numbers."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agents.learning.losses import clipped_loss, masked_mean, reinforce_loss
from foveate.agents.learning.returns import advantages, explained_variance, likelihood_gains, question_ends


def slow_advantage(
    r: list, v: list, last_value: float, ended: list, truncation_value: list, gamma: float, lambda_: float
) -> list:
    """The sum of the definition: A_t = Σ_k (γλ)^k δ_{t+k}, to the end of the episode."""
    steps, out = len(r), []
    following = [*v[1:], last_value]
    for t in range(steps):
        total, weight = 0.0, 1.0
        for k in range(t, steps):
            after = truncation_value[k] if ended[k] else following[k]
            total += weight * (r[k] + gamma * after - v[k])
            weight *= gamma * lambda_
            if ended[k]:
                break
        out.append(total)
    return out


@given(st.integers(0, 10**6), st.integers(1, 12), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_advantages_are_the_definition(seed: int, steps: int, gamma: float, lambda_: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    r, v = torch.randn(2, steps, 1, generator=generator, dtype=torch.float64)
    last_value = torch.randn(1, generator=generator, dtype=torch.float64)
    ended = torch.rand(steps, 1, generator=generator) < 0.3
    cut = ended & (torch.rand(steps, 1, generator=generator) < 0.5)
    truncation_value = torch.where(cut, torch.randn(steps, 1, generator=generator, dtype=torch.float64), 0.0)
    got = advantages(r, v, last_value, ended, truncation_value, gamma, lambda_)
    columns = [x[:, 0].tolist() for x in (r, v)]
    expected = slow_advantage(
        columns[0], columns[1], float(last_value), ended[:, 0].tolist(), truncation_value[:, 0].tolist(), gamma, lambda_
    )
    assert torch.allclose(got[:, 0], torch.tensor(expected, dtype=torch.float64), atol=1e-10)


def test_with_lambda_one_it_is_the_return_to_go_minus_the_baseline() -> None:
    r = torch.tensor([[1.0], [0.0], [2.0], [5.0]])
    v = torch.tensor([[0.5], [0.5], [0.5], [0.5]])
    ended = torch.tensor([[False], [False], [True], [True]])
    got = advantages(r, v, torch.zeros(1), ended, torch.zeros(4, 1), 1.0, 1.0)
    assert got[:, 0].tolist() == [2.5, 1.5, 1.5, 4.5]


def test_losses_of_literal_numbers() -> None:
    log_prob = torch.log(torch.tensor([[0.5, 0.25]]))
    advantage = torch.tensor([[2.0, -1.0]])
    assert float(reinforce_loss(log_prob, advantage, None)) == pytest.approx(-(2 * math.log(0.5) - math.log(0.25)) / 2)
    mask = torch.tensor([[True, False]])
    assert float(reinforce_loss(log_prob, advantage, mask)) == pytest.approx(-2 * math.log(0.5))
    old = torch.log(torch.tensor([[0.25, 0.5]]))  # ratios 2 and 1/2
    # max gain is clipped at 1.2 · 2; the harmful move is not: min(-0.5, -0.8) = -0.8
    assert float(clipped_loss(log_prob, old, advantage, 0.2, None)) == pytest.approx(-(2.4 - 0.8) / 2)


def test_masked_mean_never_sees_what_is_masked() -> None:
    x = torch.tensor([1.0, torch.nan, 3.0])
    assert float(masked_mean(x, torch.tensor([True, False, True]))) == 2.0
    assert float(masked_mean(x, torch.zeros(3, dtype=torch.bool))) == 0.0


def test_explained_variance() -> None:
    actual = torch.tensor([1.0, 2.0, 3.0])
    assert float(explained_variance(actual, actual)) == 1.0
    assert float(explained_variance(torch.full((3,), 7.0), actual)) == 0.0
    assert float(explained_variance(actual, torch.ones(3))) == 0.0


@given(st.integers(0, 10**6), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_likelihood_gains_are_the_definition(seed: int, steps: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    told = torch.randn(steps, 2, generator=generator, dtype=torch.float64)
    ended = torch.rand(steps, 2, generator=generator) < 0.3
    got = likelihood_gains(told, ended)
    for b in range(2):
        for t in range(steps):
            total = 0.0
            for k in range(t, steps):
                total += float(told[k, b] - told[t, b])
                if ended[k, b]:
                    break
            assert float(got[t, b]) == pytest.approx(total / steps, abs=1e-12)


@given(st.integers(0, 10**6), st.integers(1, 9), st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=60, deadline=None)
def test_mean_gains_weigh_every_choice_alike(seed: int, steps: int, gamma: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    told = torch.randn(steps, 2, generator=generator, dtype=torch.float64)
    ended = torch.rand(steps, 2, generator=generator) < 0.3
    got = likelihood_gains(told, ended, gamma, mean=True)
    for b in range(2):
        for t in range(steps):
            total = weights = 0.0
            for k in range(t + 1, steps):
                if ended[k - 1, b]:
                    break
                total += gamma ** (k - t - 1) * float(told[k, b] - told[t, b])
                weights += gamma ** (k - t - 1)
            assert float(got[t, b]) == pytest.approx(total / weights if weights else 0.0, abs=1e-12)
    jump = torch.where(torch.arange(steps) > 0, 1.0, 0.0)[:, None].expand(steps, 2)  # found at the second glance
    gains = likelihood_gains(jump, torch.zeros_like(ended), mean=True)
    assert torch.equal(gains, torch.where(torch.arange(steps) == 0, float(steps > 1), 0.0)[:, None].expand(steps, 2))


@given(st.integers(0, 10**6), st.integers(1, 9), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_question_ends_with_its_answer_or_where_any_part_of_the_next_one_is_another(
    seed: int, steps: int, whole: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    ended = torch.rand(steps, 3, generator=generator) < 0.2
    target = {"digit": torch.randint(2, (steps, 3), generator=generator)}
    if whole:
        target["number"] = torch.randint(2, (steps, 3, 2), generator=generator)
    counts = torch.rand(steps, 3, generator=generator) < 0.5
    for mask in (None, counts):
        got = question_ends(target, mask, ended)
        for b in range(3):
            for t in range(steps):
                last = t + 1 == steps
                another = not last and any((part[t, b] != part[t + 1, b]).any() for part in target.values())
                answered = mask is not None and not last and bool(mask[t, b]) and not bool(mask[t + 1, b])
                assert bool(got[t, b]) == (bool(ended[t, b]) or another or answered)
    assert torch.equal(question_ends(None, None, ended), ended)
