"""The estimators of hard attention against exact enumeration, and the soft side against the mean of the hard one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.agents.nn.attention.choice import gumbel_weights
from foveate.agents.nn.attention.tiles import TileAttention
from foveate.analysis import estimators
from foveate.errors import FoveateError

PLACES, BATCH = 5, 3


def problem() -> tuple[torch.Tensor, estimators.Gain, list[torch.Tensor]]:
    """Logits, a gain that is not linear in the weights, and what to differentiate by."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(BATCH, PLACES, generator=generator, dtype=torch.float64).requires_grad_()
    worth = torch.randn(BATCH, PLACES, generator=generator, dtype=torch.float64).requires_grad_()

    def gain(weights: torch.Tensor) -> torch.Tensor:
        return torch.tanh((weights * worth).sum(-1)) + 2.0

    return logits, gain, [logits, worth]


def test_exact_is_the_sum_over_places_written_out() -> None:
    logits, gain, _ = problem()
    total = 0.0
    for row in range(BATCH):
        for place in range(PLACES):
            weights = torch.zeros(BATCH, PLACES, dtype=torch.float64)
            weights[:, place] = 1
            total += float((torch.softmax(logits[row], -1)[place] * gain(weights)[row]).detach()) / BATCH
    assert float(estimators.exact(logits, gain)) == pytest.approx(total)


@pytest.mark.parametrize("baseline", [0.0, 2.0, torch.tensor([1.5, 2.0, 2.5]).double(), None])
def test_the_policy_gradient_is_unbiased_with_every_baseline(baseline: torch.Tensor | float | None) -> None:
    """None, a mean of earlier gains, what a critic says of each row, and the mean of the other samples."""
    torch.manual_seed(0)
    logits, gain, parameters = problem()
    found = estimators.measure(
        lambda: estimators.reinforce(logits, gain, 4, baseline),
        lambda: estimators.exact(logits, gain),
        parameters,
        3000,
    )
    assert found.bias < 1.5 * found.noise  # the standard error of a mean over so many estimates
    assert found.cosine > 0.99


def test_leave_one_out_varies_less_than_a_moving_average_and_that_less_than_none() -> None:
    torch.manual_seed(0)
    logits, gain, _ = problem()
    average = estimators.MovingAverage(0.9)
    for _ in range(100):
        place = torch.distributions.Categorical(logits=logits.detach()).sample()
        average.update(gain(torch.nn.functional.one_hot(place, PLACES).double()))
    variance = {
        name: estimators.measure(
            lambda b=b: estimators.reinforce(logits, gain, 8, b), lambda: estimators.exact(logits, gain), [logits], 2000
        ).variance
        for name, b in {"none": 0.0, "moving": average.value, "loo": None}.items()
    }
    assert variance["loo"] < variance["moving"] < variance["none"]


def test_straight_through_and_the_expectation_are_biased_and_the_measure_says_so() -> None:
    torch.manual_seed(0)
    logits, gain, _ = problem()

    def truth() -> torch.Tensor:
        return estimators.exact(logits, gain)

    through = estimators.measure(lambda: estimators.straight_through(logits, gain, 4), truth, [logits], 2000)
    soft = estimators.measure(lambda: estimators.expectation(logits, gain), truth, [logits], 2)
    assert through.bias > 3 * through.noise
    assert soft.bias > 0.01
    assert soft.variance == 0.0


def test_gumbel_weights_choose_places_as_often_as_their_probability_says() -> None:
    torch.manual_seed(0)
    logits = torch.tensor([0.5, -1.0, 1.5])
    chosen = gumbel_weights(logits.expand(20_000, 3))
    assert set(chosen.unique().tolist()) <= {0.0, 1.0}
    assert torch.allclose(chosen.mean(0), torch.softmax(logits, -1), atol=0.015)


@given(st.integers(2, 6), st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_leave_one_out_is_each_ones_mean_of_the_others(samples: int, batch: int) -> None:
    gains = torch.randn(samples, batch, dtype=torch.float64)
    found = estimators.leave_one_out(gains)
    for k in range(samples):
        others = [gains[j] for j in range(samples) if j != k]
        assert torch.allclose(found[k], torch.stack(others).mean(0))


def test_one_sample_has_no_others() -> None:
    with pytest.raises(FoveateError, match="at least 2"):
        estimators.leave_one_out(torch.zeros(1, 3))


def test_the_soft_tiles_are_the_hard_ones_at_their_probabilities() -> None:
    tiles = TileAttention((1, 20, 20), tiles=3, patch=4, scales=2).double()
    image = torch.rand(2, 1, 20, 20, dtype=torch.float64)
    emitted = torch.randn(2, 9, dtype=torch.float64)
    prepared = tiles.prepare(image)
    p = tiles.distribution(prepared, emitted).probs
    expected = torch.zeros(2, tiles.glimpse_size, dtype=torch.float64)
    for place in range(9):
        expected += p[:, place, None] * tiles.glimpse_at(prepared, torch.full((2,), place))
    assert torch.equal(tiles.look(prepared, emitted).what.isfinite(), torch.ones_like(expected, dtype=torch.bool))
    torch.testing.assert_close(tiles.look(prepared, emitted).what, expected, rtol=0, atol=1e-14)
    probabilities = (tiles.sharpness * emitted).softmax(-1)
    torch.testing.assert_close(tiles.weights(emitted), probabilities, rtol=0, atol=1e-14)
    gumbel = TileAttention((1, 20, 20), tiles=3, patch=4, scales=2, gumbel=True).double().eval()
    hardest = gumbel.look(prepared, emitted).what  # in play the likeliest tile alone
    torch.testing.assert_close(hardest, tiles.glimpse_at(prepared, emitted.argmax(-1)))
