"""sweep: trials are ordinary runs; what is stopped, killed or fails goes on; the leaderboard says what came out."""

import csv
import json
import os
import re
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from commands import command, run_folder
from killing import assert_same_run, finish, start_in, wait_until
from sweeping import board, homes, sweep
from warm_children import WarmChildren, install

from foveate.agents.learning.run_folder import is_locked, locked

ROOT = Path(__file__).resolve().parents[2]
TINY = "Memory/TMaze-v0 gru --learner a2c --learner.worlds 4 --learner.horizon 8 --device cpu"
SWEEP = """
command: {tiny} --steps {steps} --eval-episodes 4 --eval-every {every} --save-every {every}
space:
  agent.hidden: [4, 6]
  learner.lr: {rates}
seeds: {seeds}
folder: out
"""


def write(
    folder: Path, seeds: object = 1, steps: int = 128, every: int = 64, more: str = "", rates: str = "[0.01, 0.001]"
) -> None:
    text = SWEEP.format(tiny=TINY, steps=steps, every=every, seeds=seeds, rates=rates)
    (folder / "sweep.yaml").write_text(text + more)


@pytest.fixture
def warm_children(monkeypatch: pytest.MonkeyPatch) -> WarmChildren:
    """Trainings of a sweep that runs in this process begin in no time."""
    children = WarmChildren()
    install(children, monkeypatch)
    return children


@pytest.mark.usefixtures("warm_children")
def test_a_sweep_trains_ordinary_runs_and_ranks_them(tmp_path: Path) -> None:
    write(tmp_path, seeds=2)
    listed = sweep(tmp_path, "--list")
    assert listed.stdout.count("left ") == 4, listed.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]
    done = sweep(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 done" in done.stdout
    assert re.search(
        r"the best on the test split: python \S+evaluate.py (out/trials/\S+ ){2}--episodes 1000", done.stdout
    )
    assert len(homes(tmp_path)) == 8
    found = board(tmp_path)
    # an oracle: the best evaluation of each run, by hand from what it logged
    best: dict[tuple, list[float]] = {}
    for home in homes(tmp_path):
        config = json.loads((run_folder(home) / "config.json").read_text())
        with (run_folder(home) / "metrics.csv").open(encoding="utf-8", newline="") as file:
            scores = [float(row["eval/score"]) for row in csv.DictReader(file) if row["eval/score"]]
        assert len(scores) == 2
        setting = config["agent_options"]["hidden"], config["learner"]["lr"]
        best.setdefault(setting, []).append(max(scores))
    rows = {(row["setting"]["agent.hidden"], row["setting"]["learner.lr"]): row for row in found["rows"]}
    assert rows.keys() == best.keys() == {(hidden, lr) for hidden in (4, 6) for lr in (0.01, 0.001)}
    for setting, row in rows.items():
        assert row["score"] == pytest.approx(np.mean(best[setting]))
        assert row["low"] == pytest.approx(min(best[setting]))  # of a bootstrap over two
        assert row["seeds"] == len(row["runs"]) == 2
    ranked = [row["score"] for row in sorted(found["rows"], key=lambda row: row["rank"])]
    assert ranked == sorted(ranked, reverse=True)
    # what was trained is what train.py trains by itself
    command_of = json.loads((run_folder(homes(tmp_path)[0]) / "config.json").read_text())["command"]
    words = command_of.split("train.py ")[1].split()
    assert command(ROOT, "train.py", *words, "--log-dir", "alone", cwd=tmp_path).returncode == 0
    assert_same_run(run_folder(tmp_path / "alone"), run_folder(homes(tmp_path)[0]))
    # again: nothing is trained; one seed more: only that
    times = {home: run_folder(home).stat().st_mtime_ns for home in homes(tmp_path)}
    assert sweep(tmp_path).returncode == 0
    write(tmp_path, seeds=3)
    assert sweep(tmp_path, "--list").stdout.count("left ") == 4
    assert sweep(tmp_path).stdout.count(", seed 3: ") == 4
    assert len(homes(tmp_path)) == 12
    assert all(run_folder(home).stat().st_mtime_ns == time for home, time in times.items())
    # other trainings in the same folder would be ranked among these
    write(tmp_path, seeds=3, steps=256)
    refused = sweep(tmp_path)
    assert refused.returncode == 2
    assert "out holds trials of another sweep (options.steps: 128, not 256" in refused.stderr


# ---- what fails ----


class Failing(WarmChildren):
    """Trainings of 4 units fail, as often as is said."""

    def __init__(self, times: int):
        super().__init__()
        self.left, self.calls = times, 0

    def call(self, script: str, imports: Sequence[str], words: Sequence[str], log: Path) -> int:
        self.calls += 1
        if "hidden=4" in str(log) and self.left > 0:
            self.left -= 1
            log.write_text("error: the machine is on fire\n", encoding="utf-8")
            return 2
        return super().call(script, imports, words, log)


@pytest.mark.parametrize("times", [1, 100])
def test_a_training_that_fails_is_tried_again_and_then_reported(
    times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, more="retries: 1\n")
    children = Failing(times)
    install(children, monkeypatch)
    done = sweep(tmp_path)
    states = [row["state"] for row in board(tmp_path)["rows"]]
    if times == 1:
        assert done.returncode == 0
        assert states == ["done"] * 4
        assert children.calls == 5
        return
    assert done.returncode == 1
    assert sorted(states) == ["done", "done", "failed", "failed"]
    assert children.calls == 6
    assert done.stdout.count("agent.hidden=4, learner.lr=0.01: error: the machine is on fire") == 2  # and at the end
    assert "the machine is on fire" in (tmp_path / "out" / "leaderboard.html").read_text()
    children.left = 0
    assert sweep(tmp_path).returncode == 0  # called again it is tried again
    assert [row["state"] for row in board(tmp_path)["rows"]] == ["done"] * 4


@pytest.mark.usefixtures("warm_children")
def test_settings_that_cannot_go_together_fail_by_themselves(tmp_path: Path) -> None:
    space = "space: {learner.worlds: [8, 4], learner.minibatches: [2, 8]}"
    ppo = TINY.replace("a2c", "ppo").replace("--learner.worlds 4", "")
    (tmp_path / "sweep.yaml").write_text(f"command: {ppo} --steps 64 --eval-episodes 4\n{space}\nfolder: out\n")
    done = sweep(tmp_path)
    assert done.returncode == 1, done.stderr
    assert "learner.worlds=4, learner.minibatches=8: " in done.stdout
    assert "minibatches=8 is not allowed" in done.stdout
    assert "3 done, 1 failed" in done.stdout


# ---- what is killed ----

LONG: dict[str, Any] = {"steps": 4096, "every": 256, "rates": "[0.01]"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep that nobody disturbed, of trainings that are long enough to be killed."""
    folder = tmp_path_factory.mktemp("whole")
    write(folder, **LONG)
    with pytest.MonkeyPatch.context() as patch:
        install(WarmChildren(), patch)
        assert sweep(folder).returncode == 0
    return folder


def check_same(one: Path, other: Path) -> None:
    """Two sweeps hold the same trials, whose runs are the same bit for bit."""
    names = [[home.name for home in homes(folder)] for folder in (one, other)]
    assert names[0] == names[1]
    for left, right in zip(homes(one), homes(other), strict=True):
        assert_same_run(run_folder(left), run_folder(right))
    figures = [[{**row, "minutes": 0, "runs": 0} for row in board(folder)["rows"]] for folder in (one, other)]
    assert figures[0] == figures[1]


def begun(folder: Path) -> bool:
    return any((folder / "out" / "trials").glob("*/*/checkpoints/last-*/run.json"))


def test_a_training_that_is_killed_goes_on_from_its_checkpoint(
    whole: Path, tmp_path: Path, warm_children: WarmChildren
) -> None:
    write(tmp_path, **LONG)
    killed = []

    def kill() -> None:
        while not begun(tmp_path):
            time.sleep(0.01)
        (process,) = warm_children.running
        os.kill(process.pid, signal.SIGKILL)
        killed.append(process.pid)

    killer = threading.Thread(target=kill)
    killer.start()
    done = sweep(tmp_path)
    killer.join()
    assert done.returncode == 0, done.stdout + done.stderr
    assert killed
    assert sum("resuming" in (home / "log.txt").read_text() for home in homes(tmp_path)) == 1
    check_same(whole, tmp_path)


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.usefixtures("warm_children")
def test_a_sweep_that_is_killed_goes_on(everything: bool, whole: Path, tmp_path: Path) -> None:
    """Alone, so that its training outlives it, or with its training, as where a machine loses power."""
    write(tmp_path, **LONG)
    process = start_in(tmp_path, ["sweep", "sweep.yaml", "--workers", "1"], tmp_path / "log.txt")
    assert wait_until(lambda: begun(tmp_path), process), (tmp_path / "log.txt").read_text()
    trainings = psutil.Process(process.pid).children(recursive=True)
    for victim in [psutil.Process(process.pid), *(trainings if everything else [])]:
        victim.kill()
    process.join()
    done = sweep(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    check_same(whole, tmp_path)


def test_a_sweep_is_run_by_one_process_at_a_time(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "out").mkdir()
    with locked(tmp_path / "out"):
        done = sweep(tmp_path)
    assert done.returncode == 2
    assert "another process" in done.stderr


def test_what_stops_a_sweep_stops_its_trainings_and_says_how_it_goes_on(whole: Path, tmp_path: Path) -> None:
    write(tmp_path, **LONG)
    log = tmp_path / "log.txt"
    process = start_in(tmp_path, ["sweep", "sweep.yaml", "--workers", "1"], log)
    assert wait_until(lambda: begun(tmp_path), process), log.read_text()
    os.kill(process.pid, signal.SIGINT)
    assert finish(process) == 130, log.read_text()
    said = log.read_text()
    assert "the same command goes on: " in said
    assert "sweep sweep.yaml --workers 1" in said
    assert (tmp_path / "out" / "leaderboard.html").exists()
    (run,) = [path.parent for path in (tmp_path / "out" / "trials").glob("*/*/config.json")]
    assert not is_locked(run)
    assert "--resume" in (run.parent / "log.txt").read_text()
    with pytest.MonkeyPatch.context() as patch:
        install(WarmChildren(), patch)
        assert sweep(tmp_path).returncode == 0
    check_same(whole, tmp_path)
