"""The figures of a comparison, as JSON holds them: one typed row for each table of the report."""

from typing import TypedDict

from ..origin import Made, Origin


class RunRow(Origin):
    """One run: its score, what it cost and where it comes from."""

    arm: str
    score: float
    minutes: float


class SummaryRow(TypedDict):
    """One arm over its seeds: the score with its bootstrap interval, and what it cost."""

    arm: str
    seeds: int
    score: float
    low: float
    high: float
    iqm: float
    equal_time: float
    equal_samples: float
    minutes: float
    parameters: int


class CurveRow(TypedDict):
    """One point of a run's learning curve, against steps, episodes, minutes and multiply–adds."""

    arm: str
    seed: int
    steps: float
    episodes: float
    minutes: float
    score: float
    macs: float


class CostRow(TypedDict):
    """What a decision of an arm costs at one side of the picture."""

    arm: str
    side: int
    multiply_adds: float
    milliseconds: float
    bytes: int
    pixels: int


class ShiftRow(TypedDict):
    """An arm's score in a changed world; None, with the reason, where it can't play there."""

    arm: str
    change: str
    value: float
    score: float | None
    reason: str


class LookRow(TypedDict):
    """How often an arm's attention is where it should be."""

    arm: str
    method: str
    pointing: float
    auc: float


class AttackRow(TypedDict):
    """An arm's accuracy under attack."""

    arm: str
    epsilon: float
    score: float


class EstimatorRow(TypedDict):
    """An estimator of hard attention's gradient: bias, variance and cosine as shares of the exact gradient's size."""

    estimator: str
    samples: int
    bias: float
    noise: float
    variance: float
    cosine: float


class Equal(TypedDict):
    """What every run had at least."""

    minutes: float
    episodes: float


class OnImages(TypedDict):
    """Where the arms look, and what an adversary does to them, on the same whole images."""

    looking: list[LookRow]
    attack: list[AttackRow]
    pictures: bytes
    verdict: str
    attack_how: str


class WorldFigures(OnImages):
    """All about one world."""

    world: str
    runs: list[RunRow]
    curves: list[CurveRow]
    cost: list[CostRow]
    equal: Equal
    summary: list[SummaryRow]
    robustness: list[ShiftRow]
    estimators: list[EstimatorRow]


class Figures(TypedDict):
    """All figures of the report; `left_out` has runs and why they can't be compared."""

    made: Made
    how: str
    worlds: list[WorldFigures]
    left_out: list[tuple[str, str]]
