"""Bayesian search and pruning: what is proposed and given up, and that a kill changes neither."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import command
from hypothesis import given, settings
from hypothesis import strategies as st
from sweeping import board, homes, sweep
from warm_children import WarmChildren, install

from foveate.analysis.comparison.gather import Point
from foveate.cli.queue import is_trained
from foveate.cli.sweep.file import SweepConfig, read_sweep
from foveate.cli.sweep.search import Search, Trial
from foveate.cli.sweep.study import JOURNAL, PARTS, StudySearch, known_trials
from foveate.errors import FoveateError

pytest.importorskip("optuna")
ROOT = Path(__file__).resolve().parents[2]
SPACE = """
command: Memory/Copy-v0 lstm
space:
  learner.lr: {low: 1e-4, high: 1e-1, log: true}
  agent.hidden: {low: 1, high: 64}
  env.max-length: {low: 2, high: 10, step: 2}
  env.reward: [dense, whole]
"""


def config_in(folder: Path, more: str) -> SweepConfig:
    (folder / "sweep.yaml").write_text(f"{SPACE}folder: {folder / 'out'}\n{more}\n")
    (folder / "out").mkdir(exist_ok=True)
    return read_sweep(folder / "sweep.yaml")


def figure(setting: dict[str, Any]) -> float:
    """A score with its best at a rate of 0.01 and 40 units."""
    lr, hidden = float(setting["learner.lr"]), float(setting["agent.hidden"])
    return -((np.log10(lr) + 2) ** 2) - ((hidden - 40) / 40) ** 2 - 0.3 * (setting["env.reward"] == "whole")


def drive(search: Search, stop_after: int | None = None) -> list[dict[str, object]]:
    """Ask and tell to the end, or leave everything as a kill does after so many calls; what was asked for."""
    asked, calls = [], 0

    def killed() -> bool:
        nonlocal calls
        calls += 1
        return stop_after is not None and calls > stop_after

    while not killed() and (trial := search.ask()) is not None:
        asked.append(trial.setting)
        for part in range(1, 4):
            if killed():
                return asked
            if trial.pruned is None and search.report(trial, part, Point(part, 0.0, figure(trial.setting) - 1 / part)):
                trial.pruned = part
        if killed():
            return asked
        search.tell(trial, None if trial.pruned is not None else figure(trial.setting))
    return asked


@pytest.mark.parametrize("kind", ["search: tpe", "search: tpe\npruning: median", "search: random\npruning: halving"])
def test_a_search_that_is_killed_anywhere_is_the_search_that_was_not(kind: str, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    config = config_in(tmp_path / "whole", f"{kind}\ntrials: 14")
    drive(StudySearch(config, False))
    whole = known_trials(config)
    assert len({trial.name for trial in whole}) == 14

    @given(st.lists(st.integers(1, 25), min_size=1, max_size=6), st.integers(0, 40))
    @settings(deadline=None, max_examples=8)
    def check(kills: list[int], cut: int) -> None:
        folder = tmp_path / f"killed-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        config = config_in(folder, f"{kind}\ntrials: 14")
        for kill in kills:
            drive(StudySearch(config, False), kill)
            with (config.folder / JOURNAL).open("ab") as journal:
                journal.write(b'{"op_code": 4, "worker_id": "'[:cut])  # a line that was cut short
        drive(StudySearch(config, False))
        assert [(t.number, t.setting, t.pruned) for t in known_trials(config)] == [
            (t.number, t.setting, t.pruned) for t in whole
        ]

    check()


def test_tpe_finds_more_than_chance(tmp_path: Path) -> None:
    best = {}
    for search in ("tpe", "random"):
        scores = []
        for seed in range(3):
            folder = tmp_path / f"{search}{seed}"
            folder.mkdir()
            config = config_in(folder, f"search: {search}\npruning: {{startup_trials: 99}}\ntrials: 30\nseed: {seed}")
            scores.append(max(figure(setting) for setting in drive(StudySearch(config, False))))
        best[search] = np.mean(scores)
    assert best["tpe"] > best["random"]


def test_a_small_space_is_tried_without_repeats_and_ends(tmp_path: Path) -> None:
    text = "command: Memory/Copy-v0 lstm\nspace: {agent.hidden: [1, 2, 3]}\nsearch: tpe\ntrials: 5\n"
    (tmp_path / "sweep.yaml").write_text(f"{text}folder: {tmp_path}/out\n")
    (tmp_path / "out").mkdir()
    search = StudySearch(read_sweep(tmp_path / "sweep.yaml"), False)
    asked = []
    while (trial := search.ask()) is not None:
        asked.append(trial.setting["agent.hidden"])
        search.tell(trial, 1.0)
    assert sorted(asked) == [1, 2, 3]


@pytest.mark.parametrize(
    "change", ["seed: 1", "seeds: 2", "pruning: median", "search: random\npruning: median", "space"]
)
def test_another_search_needs_another_folder(change: str, tmp_path: Path) -> None:
    drive(StudySearch(config_in(tmp_path, "search: tpe\ntrials: 2"), False))
    more = "" if change == "space" else f"\n{change}"
    config = config_in(tmp_path, f"{'' if 'search' in change else 'search: tpe'}{more}\ntrials: 2")
    if change == "space":
        del config.space["env.reward"]
    with pytest.raises(FoveateError, match="choose another folder"):
        StudySearch(config, False)


# ---- pruning ----


@pytest.mark.parametrize("lower", [False, True])
def test_what_is_given_up_is_worse_than_the_median_at_the_same_step(lower: bool, tmp_path: Path) -> None:
    """Against the rule by hand: its best so far against the median of the others' scores at this step."""
    config = config_in(tmp_path, "search: random\ntrials: 20\npruning: {startup_trials: 3, warmup: 0.1}")
    search, rng = StudySearch(config, lower), np.random.default_rng(0)
    done: list[list[float]] = []
    given_up = 0
    sign = -1 if lower else 1
    while (trial := search.ask()) is not None:
        curve: list[float] = []
        level = rng.normal()
        for part in range(1, PARTS):
            curve.append(sign * (level + 0.5 * rng.normal()))
            others = [other[part - 1] for other in done]
            best = max(sign * score for score in curve)
            worse = len(done) >= 3 and part >= 0.1 * PARTS and best < np.median([sign * score for score in others])
            assert search.report(trial, part, Point(part, 0.0, curve[-1])) == worse
            if worse:
                trial.pruned = part
                break
        given_up += trial.pruned is not None
        search.tell(trial, None if trial.pruned else curve[-1])
        if trial.pruned is None:
            done.append(curve)
    assert 0 < given_up < 17


PRUNED = """
command: Memory/Copy-v0 lstm --env.max-length 1 --env.width 2 --steps 2000 --eval-episodes 20 --eval-every 100
  --learner.worlds 8 --learner.batch 8 --no-tensorboard --device cpu
space:
  learner.lr: [0.01, 0.02, 1e-7, 2e-7]
seeds: 2
pruning: {startup_trials: 2}
folder: out
"""


def test_a_hopeless_training_is_given_up_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(WarmChildren(), monkeypatch)
    (tmp_path / "sweep.yaml").write_text(PRUNED)
    done = sweep(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"lr=[12]e-07, seed 1: given up after [\d,]+ of 2,000 steps", done.stdout)) == 2
    rows = {row["setting"]["learner.lr"]: row for row in board(tmp_path)["rows"]}
    assert [rows[lr]["state"] for lr in (0.01, 0.02, 1e-7, 2e-7)] == ["done", "done", "given up", "given up"]
    assert [rows[lr]["rank"] is None for lr in (0.01, 0.02, 1e-7, 2e-7)] == [False, False, True, True]
    assert len(homes(tmp_path)) == 2 * 2 + 2  # no second seed of what was given up
    assert sweep(tmp_path, "--list").stdout.split("\n")[:4] == [
        *(f"done      learner.lr={lr}" for lr in (0.01, 0.02)),
        *(f"given up  learner.lr={lr}" for lr in ("1e-07", "2e-07")),
    ]
    again = sweep(tmp_path)
    assert "given up after" not in again.stdout.split("rank")[0]  # nothing is trained
    assert {row["trial"]: row["score"] for row in board(tmp_path)["rows"]} == {
        row["trial"]: row["score"] for row in rows.values()
    }
    assert all(is_trained(home) for home in homes(tmp_path) if "e-07" not in home.name)


# ---- what it needs ----


def test_without_optuna_grids_and_chance_work_and_the_rest_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    for more, says in (
        ("search: tpe\ntrials: 2", "search: tpe needs Optuna"),
        ("search: random\ntrials: 2\npruning: median", "pruning needs Optuna"),
    ):
        config_in(tmp_path, more)
        done = command(ROOT, "train.py", "sweep", "sweep.yaml", cwd=tmp_path)
        assert done.returncode == 2
        assert f'error: {says}: pip install "foveate[sweep]"\n' == done.stderr
    config_in(tmp_path, "search: random\ntrials: 2")
    assert command(ROOT, "train.py", "sweep", "sweep.yaml", "--list", cwd=tmp_path).stdout.count("left ") == 2


def test_a_trial_is_named_by_its_setting() -> None:
    assert Trial(0, {"a": 1}).name == Trial(7, {"a": 1}).name != Trial(0, {"a": 2}).name
