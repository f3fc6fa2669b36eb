"""Does a hand stay the same? Slant and size of ink, and how they vary between samples of a text and within one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Variation(NamedTuple):
    """How a measure of handwriting varies among samples of one text.

    Attributes:
        between: variance between samples, each the mean of its halves.
        within: variance within a sample, of a half around that mean; halves have other letters, so the mean of each
            half over all samples is taken away first.
        ratio: between / within; NaN where nothing varies within.
        deviation: the square root of `between`, in the measure's own units.
    """

    between: float
    within: float
    ratio: float
    deviation: float


class Style(NamedTuple):
    """How slant and the logarithm of the size vary, which change by a term where a hand's do; see `slant`, `size`."""

    samples: int
    slant: Variation
    size: Variation


def slant(moves: np.ndarray) -> float:
    """How far ink leans to the right per height: the slope of x by y along the strokes that go down.

    Least squares over the down strokes alone (those that go up also join letters): Σ Δx Δy / Σ Δy².

    Args:
        moves: of the pen on the paper, float (n, 2).
    """
    down = moves[moves[:, 1] < 0]
    total = (down[:, 1] ** 2).sum()
    return float((down[:, 0] * down[:, 1]).sum() / total) if total > 0 else float("nan")


def size(places: np.ndarray) -> float:
    """How high ink is: the deviation of y around the straight line that fits it best.

    Args:
        places: where the pen was, float (n, 2).
    """
    if len(places) < 3 or np.ptp(places[:, 0]) == 0:
        return float("nan")
    along, y = places[:, 0] - places[:, 0].mean(), places[:, 1] - places[:, 1].mean()
    fit = (along * y).sum() / (along * along).sum()
    return float(np.sqrt(((y - fit * along) ** 2).mean()))


def halves(places: np.ndarray, lifts: np.ndarray) -> np.ndarray:
    """Slant and ln size of the first and of the second half of a line, float (2, 2): by half, by measure.

    Args:
        places: where the pen was, float (n, 2).
        lifts: after which of them it went up, bool (n,).
    """
    middle = len(places) // 2
    found = []
    for some, up in ((places[:middle], lifts[:middle]), (places[middle:], lifts[middle:])):
        moves = np.diff(some, axis=0)[~up[:-1]]
        found.append((slant(moves), np.log(size(some)) if size(some) > 0 else float("nan")))
    return np.array(found)


def variation(values: np.ndarray) -> Variation:
    """How the halves of samples vary, values (N, 2); samples that can't be measured are left out."""
    kept = values[np.isfinite(values).all(1)]
    if len(kept) < 2:
        return Variation(*[float("nan")] * 4)
    kept = kept - kept.mean(0)
    between = float(kept.mean(1).var(ddof=1))
    within = float(
        np.diff(kept, axis=1).var(ddof=1) / 2
    )  # of two halves a, b: ((a - m)² + (b - m)²) / 1 = (a - b)² / 2
    return Variation(between, within, between / within if within > 0 else float("nan"), between**0.5)


def style(lines: Sequence[tuple[np.ndarray, np.ndarray]]) -> Style:
    """The style of samples of one text, each places and lifts as of `halves`."""
    values = np.stack([halves(*line) for line in lines])  # (N, half, measure)
    return Style(len(values), *(variation(values[..., measure]) for measure in (0, 1)))
