"""Means over seeds with intervals (Agarwal et al. 2021, "Deep reinforcement learning at the edge of the precipice")."""

from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest, trim_mean

DRAWS = 4000


class Estimate(NamedTuple):
    """A figure over seeds.

    Attributes:
        mean: over all seeds.
        low: lower end of the 95 % bootstrap interval of the mean.
        high: upper end.
        iqm: interquartile mean, the mean of the middle half of all seeds (of fewer than four, the mean).
        seeds: how many.
    """

    mean: float
    low: float
    high: float
    iqm: float
    seeds: int


def estimate(values: np.ndarray, errors: np.ndarray | None = None) -> Estimate:
    """A figure over seeds, seeds drawn with replacement.

    Args:
        values: one figure a seed, (S,).
        errors: standard deviation of each from its own episodes, (S,): with one seed that is all there is.
    """
    values = np.asarray(values, dtype=float)
    errors = np.zeros(len(values)) if errors is None else np.asarray(errors, dtype=float)
    generator = np.random.default_rng(0)
    picks = generator.integers(0, len(values), (DRAWS, len(values)))
    means = (values[picks] + generator.normal(size=picks.shape) * errors[picks]).mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(values.mean()), float(low), float(high), float(trim_mean(values, 0.25)), len(values))


def at(curve: list[tuple[float, float]], x: float) -> float:
    """A learning curve's best score so far at a place along it; NaN before its first point."""
    reached = [score for place, score in curve if place <= x * (1 + 1e-9)]
    return max(reached) if reached else float("nan")


class Share(NamedTuple):
    """A share of some cases.

    Attributes:
        share: NaN where there are no cases.
        low: lower end of its 95 % interval (Wilson 1927, "Probable inference").
        high: upper end.
    """

    share: float
    low: float
    high: float


def share_of(count: int, cases: int) -> Share:
    """The share that so many are of all cases.

    Args:
        count: those that are meant.
        cases: all, taken for independent.
    """
    if not cases:
        return Share(*[float("nan")] * 3)
    interval = binomtest(count, cases).proportion_ci(0.95, "wilson")
    return Share(count / cases, float(interval.low), float(interval.high))
