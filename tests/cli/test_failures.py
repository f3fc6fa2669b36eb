"""What goes wrong outside (signals, disks, letters, damaged logs) ends in one line, and nothing is lost in silence."""

import ast
import csv
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from commands import command, run_folder
from ids import playground

from foveate.agents import AGENTS, presets
from foveate.agents.learning import checkpoint
from foveate.agents.learning.keeper import make_logger
from foveate.agents.learning.run_folder import cut_logs, is_locked, locked, read_log
from foveate.cli import words
from foveate.cli.configuration import configure
from foveate.envs.registry import make_one
from foveate.errors import FoveateError, FoveateWarning
from foveate.files import as_csv, write_text
from foveate.viz.plots import figure_png, subplots

TINY = ["--learner", "ppo", "--steps", "100", "--eval-episodes", "4", "--agent.hidden", "8", "--device", "cpu"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A finished run."""
    root, folder = Path(__file__).resolve().parents[2], tmp_path_factory.mktemp("runs")
    done = command(root, "train.py", "Memory/TMaze-v0", "gru", *TINY, "--log-dir", str(folder), cwd=folder)
    assert done.returncode == 0, done.stderr
    return run_folder(folder)


# ---- signals and locks ----

PLAN = """
worlds: Memory/TMaze-v0
arms: {gru: gru --learner ppo, lstm: lstm --learner ppo}
seeds: 1
steps: 100000000
folder: out
options: --save-every 500 --agent.hidden 8 --eval-episodes 4 --no-tensorboard --device cpu
"""


def test_what_stops_compare_stops_its_trainings_and_they_save_themselves(root: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    script = [sys.executable, str(root / "train.py"), "compare", "plan.yaml", "--no-report", "--workers", "2"]
    parent = subprocess.Popen(script, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def saved() -> list[Path]:
        """Runs with a checkpoint; one may have two for a moment, the last and the one before it."""
        return sorted({path.parents[2] for path in tmp_path.glob("out/runs/*/*/checkpoints/last-*/run.json")})

    try:
        while len(saved()) < 2 and parent.poll() is None:
            time.sleep(0.05)
        runs = saved()
        assert [is_locked(folder) for folder in runs] == [True, True]
        again = command(root, "train.py", "compare", "plan.yaml", "--no-report", cwd=tmp_path)
        assert again.stdout.count("is being trained by another process") == 2, again.stdout + again.stderr
    finally:
        parent.send_signal(signal.SIGTERM)
        output, _ = parent.communicate()
    assert parent.returncode == 130, output
    assert "the same command goes on" in output
    assert [is_locked(folder) for folder in runs] == [False, False]  # a lock ends with its process: none is left
    for folder in runs:
        assert "--resume" in (folder.parent / "log.txt").read_text(encoding="utf-8")


def test_a_run_is_trained_by_one_process_at_a_time(root: Path, run: Path) -> None:
    before = sorted(run.rglob("*"))
    with locked(run):
        done = command(root, "train.py", "--resume", str(run))
        assert done.returncode == 2
        assert "another process" in done.stderr
    assert sorted(run.rglob("*")) == before
    assert not is_locked(run)  # the file of the lock alone locks nothing


# ---- disks ----


@pytest.mark.parametrize("part", ["_optimizer_tensors", "_flush"])
def test_a_full_disk_is_one_line_and_leaves_no_half_checkpoint(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(checkpoint, part, full)
    done = command(root, "train.py", "Memory/TMaze-v0", "gru", *TINY, "--log-dir", "runs", cwd=tmp_path)
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] == [
        "error: No space left on device."
    ]
    assert not list((run_folder(tmp_path / "runs") / "checkpoints").iterdir())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train.py", "Memory/TMaze-v0", "gru", "--log-dir", "file"], "--log-dir file"),
        (["train.py", "Memory/TMaze-v0", "gru", "--log-dir", "file/runs"], "file is no folder"),
        (["train.py", "Memory/TMaze-v0", "gru", "--device", "cuda"], "no cuda device"),
        (["train.py", "Memory/TMaze-v0", "gru", "--agent.hidden", "many"], "many is no whole number"),
        (["train.py", "Memory/TMaze-v0", "gru", "--trace"], "attends to nothing"),
        (["train.py", "draw", "--out", "file"], "--out file"),
        (["train.py", "CartPole-v1"], "ENV and AGENT come first"),
        (["evaluate.py", "RUN", "--video", "x.avi"], "must end in .mp4"),
        (["evaluate.py", "RUN", "--contact-sheet", "x.gif"], "must end in .png"),
        (["evaluate.py", "RUN", "--trace", "file/x.png"], "--trace file/x.png"),
        (["evaluate.py", "RUN", "--json", "file/x.json"], "--json file/x.json"),
        (["evaluate.py", "RUN", "--video", "/proc/x.mp4"], "--video /proc/x.mp4"),
        (["evaluate.py", "RUN", "--score-saliency", "--report", "file"], "--report file"),
        (["evaluate.py", "compare", "RUN", "RUN", "--report", "file/x"], "--report file/x"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_what_cannot_be_is_refused_before_the_work(
    root: Path, tmp_path: Path, run: Path, words: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)  # as on a machine without, wherever this runs
    done = command(root, *(str(run) if word == "RUN" else word for word in words), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["file"]  # no run folder


# ---- letters ----


def test_every_file_is_opened_with_its_encoding(root: Path) -> None:
    rooms = ["viz", "envs", "agents", "wrappers", "analysis", "sb3", "cli", "benchmarks"]
    wrong = []
    for file in [*root.glob("*.py"), *(file for room in rooms for file in (root / room).rglob("*.py"))]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            modes = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") in ("av", "os"):
                continue  # PyAV's, and the system's own
            opens = name == "open" and any(mode in ("r", "w", "a", "x", "rt", "wt") for mode in modes)
            reads = name in ("read_text", "write_text") and isinstance(node.func, ast.Attribute)
            if (opens or reads) and not any(k.arg == "encoding" for k in node.keywords):
                wrong.append(f"{file.relative_to(root)}:{node.lineno} {name}")
    assert not wrong, "\n".join(wrong)


def test_an_ascii_terminal_loses_no_figure(root: Path, run: Path, tmp_path: Path) -> None:
    env = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    shutil.copytree(run, tmp_path / "läufe")
    script = [
        sys.executable,
        str(root / "evaluate.py"),
        "läufe",
        "--episodes",
        "4",
        "--device",
        "cpu",
        "--json",
        "ä.json",
    ]
    done = subprocess.run(script, cwd=tmp_path, env=env, capture_output=True)
    assert done.returncode == 0, done.stderr.decode("ascii", "replace")
    (figures,) = json.loads((tmp_path / "ä.json").read_text(encoding="utf-8"))
    low, high = figures["interval"]
    assert f"{low:.4f}-{high:.4f}" in done.stdout.decode("ascii")


@pytest.mark.parametrize("name", [r"$\frac{$", "$a$ $", "\udcff", "日本", "=1+1", "a\nb"])
def test_any_name_can_be_drawn_written_and_tabled(tmp_path: Path, name: str) -> None:
    figure, axes = subplots(1, 1, (2, 2))
    axes[0][0].plot([1, 10], [1, 100], label=name)
    axes[0][0].set_title(name)
    axes[0][0].set_yscale("log")
    axes[0][0].legend()
    assert figure_png(figure).startswith(b"\x89PNG")
    write_text(tmp_path / "page.html", name)
    write_text(tmp_path / "table.csv", as_csv([{"arm": name, "score": -0.5}]))
    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["arm"][0] not in "=+-@"
    assert row["score"] == "-0.5"


# ---- logs ----

LOG = "time/total_timesteps,eval/score\n100,0.5\n200,0.6\n300,0.7\n"


@pytest.mark.parametrize(
    ("text", "rows", "says"),
    [
        (LOG.encode(), 3, ""),
        (b"\xef\xbb\xbf" + LOG.encode(), 3, ""),
        (LOG.encode()[:-3], 3, ""),  # a row that lacks its end says its steps all the same
        (LOG.encode() + b"4", 3, ""),  # a kill in the middle of a row
        (LOG.replace("200,0.6", '2"0').encode(), 2, "1 lines of it can't be read and 1 rows"),
        (LOG.replace("200,0.6", "\0\0\0").encode(), 2, "1 lines of it can't be read and 1 rows"),
        (LOG.encode()[:50], 2, "1 rows that the checkpoint saw are gone"),
        (LOG.encode()[20:], 0, "3 rows that the checkpoint saw are gone"),
    ],
)
def test_no_row_of_a_log_is_lost_in_silence(
    tmp_path: Path, recwarn: pytest.WarningsRecorder, text: bytes, rows: int, says: str
) -> None:
    (tmp_path / "metrics.csv").write_bytes(text)
    cut_logs(tmp_path, {"steps": 300, "log_rows": 3, "event_sizes": {}})
    assert len(read_log(tmp_path / "metrics.csv").rows) == rows
    told = [str(w.message) for w in recwarn if issubclass(w.category, FoveateWarning)]
    assert (says in told[0]) if says else not told
    if "lines" in says:
        assert (tmp_path / "metrics-damaged.csv").read_bytes() == text


def test_events_stay_in_order_when_the_clock_is_set_back(tmp_path: Path) -> None:
    first = tmp_path / "events.out.tfevents.2999999998.host.1.0"
    first.touch()
    for step in (1, 2):
        logger = make_logger(tmp_path, tensorboard=True)
        logger.record("eval/score", float(step))
        logger.dump(step)
        logger.close()
    names = sorted(file.name for file in tmp_path.glob("events*"))
    assert len(names) == 3
    assert names[0] == first.name
    assert (tmp_path / names[1]).stat().st_size == (tmp_path / names[2]).stat().st_size > 100


# ---- commands ----


@pytest.mark.parametrize(
    ("called", "command"),
    [
        ("train.py", "python evaluate.py --import a.b 'my runs/x'"),
        ("/opt/a b/train.py", "python '/opt/a b/evaluate.py' --import a.b 'my runs/x'"),
        ("/usr/bin/foveate-train", "foveate-evaluate --import a.b 'my runs/x'"),
        ("/lib/foveate/__main__.py", "python -m foveate evaluate --import a.b 'my runs/x'"),
    ],
)
def test_printed_commands_can_be_copied(monkeypatch: pytest.MonkeyPatch, called: str, command: str) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    assert words.command_line("evaluate", ["a.b"], "my runs/x") == command


def test_only_import_looks_in_the_working_directory_and_last(root: Path, tmp_path: Path) -> None:
    for name in ("grp", "torch", "yaml", "csv"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    (tmp_path / "mine.py").write_text("print('imported')")
    code = "import sys; from foveate.train import main; sys.exit(main())"
    for begin in ([str(root / "train.py")], ["-P", "-c", code], ["-P", "-m", "foveate", "train"]):
        script = [sys.executable, *begin, "--import", "mine", "list"]
        done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stdout[:8]) == (0, "imported"), done.stderr


def test_the_version_is_said(root: Path) -> None:
    for script in ("train.py", "evaluate.py"):
        assert command(root, script, "--version").stdout.startswith("foveate ")


def test_a_run_of_another_version_is_noted(root: Path, tmp_path: Path, run: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    for file in (tmp_path / "run").glob("checkpoints/*/run.json"):
        content = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps({**content, "versions": {"foveate": "0.0.7"}}), encoding="utf-8")
    done = command(root, "evaluate.py", "run", "--episodes", "2", "--device", "cpu", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "note: run/checkpoints/best" in done.stderr
    assert "written by foveate 0.0.7" in done.stderr


def test_a_preset_s_word_that_a_world_does_not_know_is_left_out() -> None:
    for agent in presets.names():
        for env_id in ("Memory/Copy-v0", "Glimpse/Catch-v0", "Probe/Distractors-v0", "Memory/TMaze-v0"):
            configured = configure([env_id, agent], [])
            make_one(env_id, configured.env).close()


@pytest.mark.parametrize("agent", presets.names())
def test_every_agent_can_be_built_without_memory(agent: str) -> None:
    """Which is how the weights in a file are compared with what a file describes, before memory is taken for it."""
    configured = configure([playground(agent)[0], agent], [])
    env = make_one(configured.env_id, configured.env)
    with torch.device("meta"):
        policy = AGENTS[configured.agent](env.observation_space, env.action_space, **configured.agent_options)
    assert {value.device.type for value in policy.parameters()} == {"meta"}


def test_whole_numbers_may_be_written_as_powers_of_ten(root: Path, tmp_path: Path) -> None:
    words = ["Memory/TMaze-v0", "gru", *TINY, "--log-dir", "runs", "--steps", "1e2"]
    assert command(root, "train.py", *words, cwd=tmp_path).returncode == 0
    config = json.loads((run_folder(tmp_path / "runs") / "config.json").read_text(encoding="utf-8"))
    assert config["options"]["steps"] == 100
    assert command(root, "train.py", *words[:-1], "1.5", cwd=tmp_path).returncode == 2


def test_a_locked_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keep").write_text("kept")
    (tmp_path / ".lock").symlink_to(tmp_path / "keep")
    with pytest.raises(FoveateError, match="link"), locked(tmp_path):
        pass
    assert (tmp_path / "keep").read_text() == "kept"
