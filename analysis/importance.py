"""How much of the differences between settings an option makes: permutation importance of a random forest.

    I_j = E[(y − f(x with x_j of another setting))²] − E[(y − f(x))²]       (Breiman 2001, "Random forests", section 10)

The forest f that predicts a setting was fitted without it (cross-validation), and every other setting's value is put
in for x_j in turn, so nothing but the forest is by chance. It is the same for a grid, for settings by chance and
for those of a Bayesian search; of the last, which looks where scores are high, it speaks about that part of the space.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

FEWEST = 8  # settings; fewer say nothing about which option matters
FOLDS, REPEATS, TREES = 5, 3, 100
LEAST = 0.1  # of the variance of held-out scores, which a forest must explain to be believed


class Importances(NamedTuple):
    """How much each option matters.

    Attributes:
        shares: of each option, all together 1; none where there are too few settings, or nothing is explained.
        explained: the share of the variance of held-out scores that the forest explains (R²); NaN of too few settings.
        settings: how many there were.
    """

    shares: dict[str, float]
    explained: float
    settings: int


def importances(settings: Sequence[Mapping[str, object]], scores: np.ndarray) -> Importances:
    """The importance of each option for the score.

    Args:
        settings: a value for each option; all have the same options.
        scores: of each, (N,).
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold

    scores = np.asarray(scores, dtype=float)
    count = len(settings)
    if count < FEWEST or np.ptp(scores) == 0:
        return Importances({}, float("nan"), count)
    names = list(settings[0])
    x = np.stack([_column([setting[name] for setting in settings]) for name in names], 1)  # (N, options)
    right, swapped = 0.0, np.zeros(len(names))
    for repeat in range(REPEATS):
        for train, test in KFold(FOLDS, shuffle=True, random_state=repeat).split(x):
            forest = RandomForestRegressor(TREES, random_state=repeat).fit(x[train], scores[train])
            right += float(((scores[test] - forest.predict(x[test])) ** 2).sum())
            for number in range(len(names)):
                others = np.repeat(x[test], count, 0)  # each of the test settings with the value of each setting
                others[:, number] = np.tile(x[:, number], len(test))
                said = forest.predict(others).reshape(len(test), count)
                swapped[number] += float(((scores[test, None] - said) ** 2).mean(1).sum())
    explained = 1 - right / (REPEATS * count * scores.var())
    gains = np.clip(swapped - right, 0.0, None)
    if explained < LEAST or gains.sum() == 0:
        return Importances({}, float(explained), count)
    return Importances(dict(zip(names, map(float, gains / gains.sum()), strict=True)), float(explained), count)


def _column(values: Sequence[object]) -> np.ndarray:
    """Values as numbers: numbers as they are, everything else by its place among the different ones."""
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return np.array(values, dtype=float)
    places = {repr(value): place for place, value in enumerate(sorted(set(values), key=repr))}
    return np.array([places[repr(value)] for value in values], dtype=float)
