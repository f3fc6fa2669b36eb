"""The leaderboard of a sweep: its settings by the score on the validation split, with intervals over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np

from ..viz.pages import number
from .comparison.gather import Point, curve_of
from .comparison.statistics import estimate
from .importance import importances
from .origin import Made

DONE, UNFINISHED, GIVEN_UP, FAILED, LEFT = "done", "unfinished", "given up", "failed", "not begun"
ORDER = (DONE, UNFINISHED, GIVEN_UP, FAILED, LEFT)
SHOWN = 10  # rows on a terminal


class Seed(NamedTuple):
    """A training of a setting.

    Attributes:
        seed: of the training.
        run: its run folder; None before its first checkpoint.
        done: whether it reached its end.
    """

    seed: int
    run: Path | None
    done: bool


@dataclass
class Tried:
    """A setting of a sweep.

    Attributes:
        trial: its number.
        setting: a value for each option.
        seeds: its trainings.
        given_up: the steps after which it was pruned; None if it wasn't.
        failed: why a training of it failed; empty if none did.
    """

    trial: int
    setting: Mapping[str, object]
    seeds: Sequence[Seed]
    given_up: int | None = None
    failed: str = ""


class Row(TypedDict):
    """A setting on the leaderboard.

    Attributes:
        rank: among the settings of which all seeds are done, from 1; None of others.
        trial: its number.
        setting: a value for each option.
        score: the mean over seeds of each training's best score on the validation split; NaN where there is none.
        low: lower end of its 95 % interval, a bootstrap over seeds; NaN with fewer than two.
        high: upper end.
        seeds: how many count.
        steps: mean steps at which the best was reached.
        minutes: mean processor time of a training.
        state: one of `ORDER`.
        note: why it has this state.
        runs: run folders.
    """

    rank: int | None
    trial: int
    setting: dict[str, object]
    score: float
    low: float
    high: float
    seeds: int
    steps: float
    minutes: float
    state: str
    note: str
    runs: list[str]


class Curve(TypedDict):
    """A point of a learning curve."""

    trial: int
    seed: int
    steps: float
    minutes: float
    score: float


class Importance(TypedDict):
    """What share of the explained differences between settings an option makes."""

    option: str
    share: float


class Board(TypedDict):
    """All figures of a leaderboard.

    Attributes:
        made: how it was made.
        title: what was trained.
        lower: whether a lower score is better.
        rows: the best first.
        curves: of all trainings.
        importances: the most important first; none where nothing can be said.
        explained: share of the variance of held-out scores that is explained; NaN where nothing can be said.
        total: settings that there are to try.
    """

    made: Made
    title: str
    lower: bool
    rows: list[Row]
    curves: list[Curve]
    importances: list[Importance]
    explained: float
    total: int


def leaderboard(tried: Sequence[Tried], title: str, lower: bool, total: int, made: Made) -> Board:
    """All figures of a sweep, from its run folders.

    Args:
        tried: the settings.
        title: what was trained.
        lower: whether a lower score is better.
        total: settings that there are to try.
        made: how the leaderboard was made.
    """
    rows, curves = [], []
    for one in tried:
        own = {seed.seed: _curve(seed.run, one.given_up) for seed in one.seeds if seed.run is not None}
        rows.append(_row(one, own, lower))
        curves += [
            Curve(trial=one.trial, seed=seed, steps=p.steps, minutes=p.seconds / 60, score=p.score)
            for seed, curve in own.items()
            for p in curve
        ]
    sign = 1 if lower else -1
    rows.sort(key=lambda row: (ORDER.index(row["state"]), _last(sign * row["score"]), row["trial"]))
    done = [row for row in rows if row["state"] == DONE]
    for place, row in enumerate(done, 1):
        row["rank"] = place
    found = importances([row["setting"] for row in done], np.array([row["score"] for row in done]))
    shares = sorted(found.shares.items(), key=lambda item: -item[1])
    return {
        "made": made, "title": title, "lower": lower, "rows": rows, "curves": curves,
        "importances": [{"option": name, "share": share} for name, share in shares],
        "explained": found.explained, "total": total,
    }  # fmt: skip


def _curve(run: Path, given_up: int | None) -> list[Point]:
    """The curve that counts: a training may have gone on for a moment after it was given up."""
    return [p for p in curve_of(run) if not np.isnan(p.score) and (given_up is None or p.steps <= given_up)]


def _last(value: float) -> float:
    return float("inf") if np.isnan(value) else value


def _row(one: Tried, curves: Mapping[int, Sequence[Point]], lower: bool) -> Row:
    counted = [seed for seed in one.seeds if curves.get(seed.seed) and (seed.done or one.given_up is not None)]
    best = [(min if lower else max)(curves[seed.seed], key=lambda point: point.score) for seed in counted]
    found = estimate(np.array([point.score for point in best])) if best else None
    several = found is not None and found.seeds > 1
    state, note = _state(one, len(counted))
    return {
        "rank": None, "trial": one.trial, "setting": dict(one.setting),
        "score": found.mean if found else float("nan"),
        "low": found.low if found and several else float("nan"),
        "high": found.high if found and several else float("nan"),
        "seeds": len(counted),
        "steps": float(np.mean([point.steps for point in best])) if best else float("nan"),
        "minutes": float(np.mean([curves[seed.seed][-1].seconds for seed in counted])) / 60 if best else float("nan"),
        "state": state, "note": note,
        "runs": [str(seed.run) for seed in one.seeds if seed.run is not None],
    }  # fmt: skip


def _state(one: Tried, counted: int) -> tuple[str, str]:
    if one.given_up is not None:
        return GIVEN_UP, f"after {one.given_up:,} steps"
    if counted == len(one.seeds):
        return DONE, ""
    if one.failed:
        return FAILED, one.failed
    begun = sum(seed.run is not None for seed in one.seeds)
    return (UNFINISHED, f"{counted} of {len(one.seeds)} seeds") if begun else (LEFT, "")


def print_board(board: Board, shown: Mapping[int, str]) -> None:
    """The best settings on a terminal, and how many there are in each state.

    Args:
        board: the leaderboard.
        shown: each trial's setting in words.
    """
    print(f"\n{'rank':>4}  {'score':>8}  {'95 % interval':<18} {'seeds':>5} {'min':>6}  setting")
    for row in [row for row in board["rows"] if row["seeds"]][:SHOWN]:
        interval = f"{number(row['low'], '.4f')} to {number(row['high'], '.4f')}" if row["seeds"] > 1 else "one seed"
        state = "" if row["state"] == DONE else f"  ({row['state']} {row['note']})"
        print(
            f"{row['rank'] or '':>4}  {number(row['score'], '.4f'):>8}  {interval:<18} {row['seeds']:>5} "
            f"{number(row['minutes'], '.1f'):>6}  {shown[row['trial']]}{state}"
        )
    for row in board["rows"]:
        if row["state"] == FAILED:
            print(f"failed: {shown[row['trial']]}: {row['note']}")
    counts = {state: sum(row["state"] == state for row in board["rows"]) for state in ORDER}
    counts[LEFT] += board["total"] - len(board["rows"])
    print(", ".join(f"{count} {state}" for state, count in counts.items() if count))
    if board["importances"]:
        words = ", ".join(f"{row['option']} {row['share']:.0%}" for row in board["importances"])
        print(f"what matters: {words}")
