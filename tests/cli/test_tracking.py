"""``--track``: what trackers are told, in which run, and that they stop no training; then the real ones, offline."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from commands import command, run_folder

from foveate import train
from foveate.agents.learning.run_folder import STEP_COLUMN, read_metrics
from foveate.cli import tracking
from foveate.cli.loop import TrainingLoop

SMALL = ["Memory/Copy-v0", "lstm", "--env.max-length", "2", "--learner.worlds", "8", "--agent.hidden", "8"]
SMALL += ["--steps", "4000", "--log-every", "2", "--save-every", "1500", "--eval-every", "2000", "--eval-episodes", "8"]
SMALL += ["--no-tensorboard", "--no-progress", "--log-dir", "out"]


class Notebook:
    """A tracker that writes down what it is told, by the id of the tracked run."""

    runs: ClassVar[dict[str, list[tuple[str, Any]]]] = {}
    opened: ClassVar[list[bool]] = []
    fails: ClassVar[str] = ""

    def __init__(self, folder: Path, config: Mapping[str, Any], run_id: str, begun: bool):
        self.id = run_id
        self.opened.append(begun)
        self.runs.setdefault(run_id, []).append(("config", dict(config)))
        self._fail("open")

    def _fail(self, when: str) -> None:
        if self.fails == when:
            raise ConnectionError("no route to host\nand more")

    def log(self, figures: Mapping[str, float], step: int) -> None:
        self._fail("log")
        self.runs[self.id].append(("log", {**figures, "step": step}))

    def finish(self, result: Mapping[str, float], finished: bool) -> None:
        self._fail("finish")
        self.runs[self.id].append(("finish", {**result, "finished": finished}))


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> type[Notebook]:
    monkeypatch.setattr(tracking, "TRACKERS", {"wandb": Notebook, "mlflow": Notebook})
    monkeypatch.setattr(tracking, "PACKAGES", {"wandb": (), "mlflow": ()})
    monkeypatch.setattr(Notebook, "runs", {})
    monkeypatch.setattr(Notebook, "opened", [])
    monkeypatch.setattr(Notebook, "fails", "")
    return Notebook


def told(notebook: type[Notebook], what: str) -> list[Any]:
    (run,) = notebook.runs.values()
    return [value for kind, value in run if kind == what]


def test_a_tracker_is_told_what_the_log_says_the_configuration_and_the_result(
    notebook: type[Notebook], elsewhere: Path
) -> None:
    assert train.main([*SMALL, "--track", "wandb"]) == 0
    rows = read_metrics(run_folder(elsewhere / "out") / "metrics.csv")
    logged = told(notebook, "log")
    assert [row["step"] for row in logged] == [int(row[STEP_COLUMN]) for row in rows]
    for row, figures in zip(rows, logged, strict=True):
        kept = {key: float(value) for key, value in row.items() if value and key != STEP_COLUMN}
        del figures["step"]
        figures.pop(STEP_COLUMN, None)
        assert figures == pytest.approx(kept)
    (config,) = told(notebook, "config")
    assert (config["env_id"], config["learner"]["worlds"]) == ("Memory/Copy-v0", 8)
    (result,) = told(notebook, "finish")
    assert result["finished"]
    assert result["steps"] >= 4000
    assert result["best"] == min(row["eval/score"] for row in logged if "eval/score" in row)


def test_a_run_that_was_cut_off_goes_on_in_the_same_tracked_run_and_tells_nothing_twice(
    notebook: type[Notebook], elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    between = TrainingLoop.between_updates

    def power_cut(loop: TrainingLoop, learner: Any) -> None:
        between(loop, learner)
        if learner.num_timesteps > 2600:
            raise RuntimeError("the power is gone")

    with monkeypatch.context() as patched:
        patched.setattr(TrainingLoop, "between_updates", power_cut)
        with pytest.raises(RuntimeError, match="power"):
            train.main([*SMALL, "--track", "wandb,mlflow"])
    run = run_folder(elsewhere / "out")
    before = len(read_metrics(run / "metrics.csv"))
    assert train.main(["--resume", str(run)]) == 0
    steps = [int(row[STEP_COLUMN]) for row in read_metrics(run / "metrics.csv")]
    assert len(steps) > before
    assert len(notebook.runs) == 2
    assert notebook.opened == [False, False, True, True]
    for kept in notebook.runs.values():
        assert [value["step"] for kind, value in kept if kind == "log"] == steps
        assert [value["finished"] for kind, value in kept if kind == "finish"] == [False, True]
    assert set(json.loads((run / "tracking.json").read_text())) == {"wandb", "mlflow"}


@pytest.mark.parametrize("when", ["open", "log", "finish"])
def test_a_tracker_that_fails_is_spoken_of_once_and_stops_no_training(
    when: str, notebook: type[Notebook], elsewhere: Path, capsys: pytest.CaptureFixture
) -> None:
    notebook.fails = when
    assert train.main([*SMALL, "--track", "wandb"]) == 0
    said = capsys.readouterr().err
    assert said.count("note: --track wandb: ConnectionError: no route to host. Nothing more goes there.") == 1
    assert "and more" not in said
    assert len(read_metrics(run_folder(elsewhere / "out") / "metrics.csv")) > 5


def test_what_is_not_installed_or_unknown_is_said_before_anything_is_made(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    assert train.main([*SMALL, "--track", "wandb"]) == 2
    assert 'error: --track wandb needs wandb: pip install "foveate[wandb]".' in capsys.readouterr().err
    assert train.main([*SMALL, "--track", "wandbb"]) == 2
    assert "Did you mean 'wandb'?" in capsys.readouterr().err
    assert train.main([*SMALL, "--track", "wandb,wandb"]) == 2
    assert not (elsewhere / "out").exists()


def test_a_file_names_no_tracker_but_who_reads_it_may(notebook: type[Notebook], elsewhere: Path) -> None:
    assert train.main([*SMALL, "--track", "wandb"]) == 0
    file = run_folder(elsewhere / "out") / "config.json"
    assert json.loads(file.read_text())["options"]["track"] == "wandb"
    assert train.main(["--config", str(file), "--log-dir", "again"]) == 0
    assert len(notebook.runs) == 1
    assert train.main(["--config", str(file), "--log-dir", "again", "--track", "mlflow"]) == 0
    assert len(notebook.runs) == 2


@pytest.mark.parametrize("content", ["{", '{"wandb": {"id": "../../etc"}}', '{"wandb": {"id": 3}}', "[]"])
def test_a_damaged_note_of_the_tracked_run_begins_a_new_one(
    content: str, notebook: type[Notebook], elsewhere: Path, capsys: pytest.CaptureFixture
) -> None:
    assert train.main([*SMALL, "--track", "wandb"]) == 0
    run = run_folder(elsewhere / "out")
    (run / "tracking.json").write_text(content)
    assert train.main(["--resume", str(run), "--steps", "5000"]) == 0
    assert "tracking.json" in capsys.readouterr().err
    assert len(notebook.runs) == 2
    assert notebook.opened == [False, False]


PLAN = """
worlds: [Memory/Copy-v0]
arms: {one: lstm --agent.hidden 8}
steps: 600
seeds: 1
folder: plan
options: --env.max-length 2 --learner.worlds 8 --eval-episodes 8 --no-tensorboard --track mlflow
"""
SWEEP = """
command: Memory/Copy-v0 lstm --steps 600 --env.max-length 2 --eval-episodes 8 --no-tensorboard --track mlflow
space:
  agent.hidden: [8]
folder: tried
"""


@pytest.mark.parametrize(("verb", "file"), [("compare", PLAN), ("sweep", SWEEP)])
def test_plans_and_sweeps_pass_trackers_on(
    verb: str, file: str, elsewhere: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their trainings are processes of their own: the real tracker, or that it is asked for where it is missing."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{elsewhere}/all.db")
    (elsewhere / "plan.yaml").write_text(file)
    more = ["--no-report"] if verb == "compare" else []
    done = command(root, "train.py", verb, "plan.yaml", "--workers", "1", *more, cwd=elsewhere)
    logs = "".join(log.read_text() for log in elsewhere.rglob("log.txt"))
    if tracking.missing("mlflow"):
        assert 'pip install "foveate[mlflow]"' in logs + done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert rows_of(elsewhere / "all.db", "runs") == 1


def rows_of(file: Path, table: str) -> int:
    with sqlite3.connect(file) as database:
        return database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]


# ---- the real ones ----


def small_run(root: Path, elsewhere: Path, name: str) -> Path:
    """A training, then some more of it, each in a process of its own."""
    done = command(root, "train.py", *SMALL, "--track", name, cwd=elsewhere, apart=True)
    assert done.returncode == 0, done.stderr
    assert "note: --track" not in done.stderr
    run = run_folder(elsewhere / "out")
    done = command(root, "train.py", "--resume", str(run), "--steps", "6000", cwd=elsewhere, apart=True)
    assert done.returncode == 0, done.stderr
    assert "note: --track" not in done.stderr
    return run


def records(file: Path) -> Iterator[bytes]:
    """What a .wandb file holds: LevelDB's log format, in blocks of 32 KiB, behind seven bytes of its own."""
    content, at, whole = file.read_bytes(), 7, b""
    while at + 7 <= len(content):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield whole
            whole = b""


def test_weights_and_biases_offline(root: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    from wandb.proto import wandb_internal_pb2  # type: ignore[import-not-found]

    monkeypatch.setenv("WANDB_MODE", "offline")
    run = small_run(root, elsewhere, "wandb")
    told: dict[int, dict[str, float]] = {}
    ids, configs, summaries = set(), {}, {}

    def read(items: Any) -> dict[str, Any]:
        return {item.key or item.nested_key[0]: json.loads(item.value_json) for item in items}

    for data in (data for file in sorted(run.glob("wandb/offline-run-*/*.wandb")) for data in records(file)):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") == "run":
            ids.add(record.run.run_id)
            configs |= read(record.run.config.update)
        elif record.WhichOneof("record_type") == "history":
            told.setdefault(record.history.step.num, {}).update(read(record.history.item))
        elif record.WhichOneof("record_type") == "summary":
            summaries |= read(record.summary.update)
    assert ids == {json.loads((run / "tracking.json").read_text())["wandb"]["id"]}
    assert configs["env_id"] == "Memory/Copy-v0"
    rows = read_metrics(run / "metrics.csv")
    assert sorted(told) == sorted({int(row[STEP_COLUMN]) for row in rows})
    for row in rows:
        if row.get("eval/score"):
            assert told[int(row[STEP_COLUMN])]["eval/score"] == pytest.approx(float(row["eval/score"]))
    assert summaries["steps"] >= 6000


def test_mlflow_in_a_file(root: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    from mlflow import MlflowClient

    uri = f"sqlite:///{elsewhere}/runs.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    run = small_run(root, elsewhere, "mlflow")
    client = MlflowClient(uri)
    (found,) = client.search_runs([client.get_experiment_by_name("foveate").experiment_id])  # type: ignore[union-attr]
    assert (found.info.run_name, found.info.status) == (run.name, "FINISHED")
    assert found.data.params["learner.worlds"] == "8"
    assert found.data.tags["agent"] == "lstm"
    assert found.data.metrics["result/steps"] >= 6000
    rows = [row for row in read_metrics(run / "metrics.csv") if row.get("eval/score")]
    kept = client.get_metric_history(found.info.run_id, "eval/score")
    assert [(m.step, m.value) for m in kept] == [
        (int(row[STEP_COLUMN]), pytest.approx(float(row["eval/score"]))) for row in rows
    ]


def test_without_a_network_the_training_goes_on(root: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    done = command(root, "train.py", *SMALL, "--track", "mlflow", cwd=elsewhere, apart=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("note: --track mlflow") == 1
    assert run_folder(elsewhere / "out")


def test_no_tracker_is_imported_unless_it_is_asked_for(root: Path) -> None:
    code = "import sys, foveate.cli.training, foveate.cli.tracking; print({'wandb', 'mlflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.stdout.strip() == "set()", done.stderr
