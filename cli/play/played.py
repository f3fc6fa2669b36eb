"""Finished episodes of whoever played."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Played(NamedTuple):
    """A finished episode.

    Attributes:
        seed: of the environment.
        steps: made.
        mean_return: the sum of its rewards.
        score: the task's own figure, NaN where it has none.
    """

    seed: int
    steps: int
    mean_return: float
    score: float


def main_figures(played: Sequence[Played]) -> np.ndarray:
    """What to judge by, one figure an episode: the task's own score where there is one, else the return."""
    scores = np.array([each.score for each in played])
    return np.array([each.mean_return for each in played]) if np.isnan(scores).any() else scores
