"""The leaderboard of a sweep: ranks, intervals, which options matter, and a page that stands alone."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from foveate.agents.learning.run_folder import write_metrics
from foveate.analysis.comparison.statistics import estimate
from foveate.analysis.importance import FEWEST, importances
from foveate.analysis.leaderboard import Board, Seed, Tried, leaderboard, print_board
from foveate.analysis.leaderboard_page import write_board
from foveate.analysis.origin import made_now

COLUMNS = ["time/total_timesteps", "time/cpu_seconds", "eval/score"]


def run(folder: Path, scores: list[float]) -> Path:
    """A run folder with these evaluations, one each 100 steps."""
    folder.mkdir(parents=True)
    rows = [{COLUMNS[0]: 100 * n, COLUMNS[1]: 60.0 * n, COLUMNS[2]: score} for n, score in enumerate(scores, 1)]
    write_metrics(folder / "metrics.csv", COLUMNS, [{k: str(v) for k, v in row.items()} for row in rows])
    return folder


def tried(folder: Path) -> list[Tried]:
    """Settings in every state."""

    def seeds(trial: int, *curves: list[float], done: bool = True) -> list[Seed]:
        return [Seed(n, run(folder / f"{trial}-{n}", curve), done) for n, curve in enumerate(curves, 1)]

    rate = "learner.lr"
    return [
        Tried(0, {rate: 0.1, "agent.core": "=gru"}, seeds(0, [0.2, 0.5, 0.4], [0.1, 0.7, 0.7])),
        Tried(1, {rate: 0.01, "agent.core": "lstm"}, seeds(1, [0.9, 0.8, float("nan")], [0.7, 0.9, 0.8])),
        Tried(2, {rate: 0.02, "agent.core": "lstm"}, seeds(2, [0.1, 0.95, 0.9], done=False), 100),
        Tried(3, {rate: 0.03, "agent.core": "<b>"}, [Seed(1, None, False)], failed="error: <no>"),
        Tried(4, {rate: 0.04, "agent.core": "gru"}, [*seeds(4, [0.99]), Seed(2, None, False)]),
    ]


def board(folder: Path, lower: bool = False) -> Board:
    return leaderboard(tried(folder), "Memory/Copy-v0 lstm", lower, 9, made_now("python train.py sweep sweep.yaml"))


def test_settings_are_ranked_by_the_mean_of_their_best_scores(tmp_path: Path) -> None:
    rows = board(tmp_path)["rows"]
    assert [(row["trial"], row["rank"], row["state"]) for row in rows] == [
        (1, 1, "done"),
        (0, 2, "done"),
        (4, None, "unfinished"),
        (2, None, "given up"),
        (3, None, "failed"),
    ]
    first, second, unfinished, given_up, failed = rows
    by_hand = estimate(np.array([0.9, 0.9]))
    assert (first["score"], first["low"], first["high"]) == pytest.approx((by_hand.mean, by_hand.low, by_hand.high))
    assert (second["score"], second["low"], second["high"]) == pytest.approx((0.6, 0.5, 0.7))
    assert (second["steps"], second["minutes"]) == pytest.approx((200.0, 3.0))  # of the first best of each
    assert (unfinished["score"], unfinished["note"]) == (0.99, "1 of 2 seeds")
    assert given_up["score"] == 0.1  # what came after it was given up doesn't count
    assert np.isnan(given_up["low"])
    assert np.isnan(failed["score"])
    assert [row["trial"] for row in board(tmp_path / "lower", lower=True)["rows"]][:2] == [0, 1]


def test_the_page_stands_alone_and_its_figures_are_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    found = board(tmp_path / "runs")
    page = write_board(tmp_path, found).read_text()
    body = re.sub(r"data:image/png;base64,[^\"]*", "", page)
    assert "http" not in body
    assert not re.search(r"\bnan\b", body, re.IGNORECASE)
    assert "<no>" not in body
    assert "&lt;no&gt;" in body
    assert body.count("prefers-color-scheme: dark") == 1 + body.count("<picture>") == 3
    assert "width=device-width" in body
    assert "2 of 9 settings are done, 1 were given up" in body
    assert "too few settings are done" in body
    kept = json.loads((tmp_path / "leaderboard.json").read_text(), parse_constant=pytest.fail)
    assert [row["trial"] for row in kept["rows"]] == [1, 0, 4, 2, 3]
    with (tmp_path / "leaderboard.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["learner.lr"] for row in table] == ["0.01", "0.1", "0.04", "0.02", "0.03"]
    assert table[1]["agent.core"] == "'=gru"  # no formula to a spreadsheet
    print_board(found, {row["trial"]: f"setting {row['trial']}" for row in found["rows"]})
    said = capsys.readouterr().out
    assert "2 done, 1 unfinished, 1 given up, 1 failed, 4 not begun" in said
    assert "failed: setting 3: error: <no>" in said
    assert "nan" not in said


def test_a_sweep_of_which_nothing_is_done_has_a_page(tmp_path: Path) -> None:
    nothing = leaderboard([], "Memory/Copy-v0 lstm", False, 3, made_now(""))
    assert "0 of 3 settings are done." in write_board(tmp_path, nothing).read_text()
    print_board(nothing, {})


# ---- which option matters ----


def test_importances_are_those_of_the_function_by_hand() -> None:
    """y = 2 a + b: swapping a costs 2 · Var(2 a), so with variances of 4 and 1 a has four fifths."""
    rng = np.random.default_rng(0)
    settings = [{"a": float(a), "b": str(b), "idle": int(i)} for a, b, i in rng.integers(0, 4, (240, 3))]
    scores = np.array([2 * s["a"] + int(s["b"]) for s in settings], dtype=float)
    found = importances(settings, scores)
    assert found.explained > 0.95
    assert found.shares["a"] == pytest.approx(0.8, abs=0.06)
    assert found.shares["b"] == pytest.approx(0.2, abs=0.06)
    assert found.shares["idle"] < 0.01
    assert sum(found.shares.values()) == pytest.approx(1.0)


def test_of_noise_nothing_is_said() -> None:
    rng = np.random.default_rng(0)
    settings = [{"a": float(a), "b": bool(b)} for a, b in rng.integers(0, 2, (30, 2))]
    assert not importances(settings, rng.normal(size=30)).shares
    assert not importances(settings, np.ones(30)).shares
    few = importances(settings[: FEWEST - 1], rng.normal(size=FEWEST - 1))
    assert not few.shares
    assert np.isnan(few.explained)


def test_what_matters_only_together_matters() -> None:
    rng = np.random.default_rng(1)
    settings = [{"a": bool(a), "b": ("x", "y")[b], "idle": float(i)} for a, b, i in rng.integers(0, 2, (80, 3))]
    scores = np.array([float(s["a"] == (s["b"] == "x")) for s in settings])
    shares = importances(settings, scores).shares
    assert min(shares["a"], shares["b"]) > 0.4
    assert shares["idle"] < 0.05
