"""Sequence worlds through the commands: with and without attention, alignments drawn and measured."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from commands import command, run_folder

TINY = ["--no-tensorboard", "--eval-episodes", "20", "--agent.hidden", "16", "--learner.worlds", "16", "--steps", "400"]
SHORT = ["--env.min-length", "4", "--env.max-length", "6", "--learner.batch", "8"]


def train(root: Path, log_dir: Path, agent: str) -> Path:
    done = command(root, "train.py", "Sequence/Translation-v0", agent, *TINY, *SHORT, "--log-dir", str(log_dir))
    assert done.returncode == 0, done.stderr
    return run_folder(log_dir)


@pytest.mark.parametrize(
    ("agent", "rows"), [("bahdanau", {"weights", "jacobian", "uniform"}), ("gru", {"jacobian", "uniform"})]
)
def test_alignments_are_drawn_and_measured(root: Path, tmp_path: Path, agent: str, rows: set[str]) -> None:
    folder = train(root, tmp_path / "runs", agent)
    words = ["--align", str(tmp_path / "words.png"), "--score-alignment", "--moments", "5"]
    done = command(root, "evaluate.py", str(folder), *words, "--json", str(tmp_path / "figures.json"))
    assert done.returncode == 0, done.stderr
    assert "pointing" in done.stdout
    assert (tmp_path / "words.png").stat().st_size > 1000
    figures = json.loads((tmp_path / "figures.json").read_text())
    explained = figures.pop("explanation", None)
    assert (explained is not None) == ("is attention explanation?" in done.stdout) == ("weights" in rows)
    assert figures.keys() == rows
    for row in figures.values():
        assert 0 <= row["pointing"] <= 1
        assert 0 <= row["mass"] <= 1
    done = command(root, "evaluate.py", str(folder), "--align", str(tmp_path / "words.mp4"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "words.mp4").stat().st_size > 1000
    done = command(root, "evaluate.py", str(folder), "--episodes", "20", "--no-progress")
    assert "best that knows what is there, not where" in done.stdout


def test_a_text_is_written_by_hand(root: Path, tmp_path: Path) -> None:
    words = ["Sequence/Handwriting-v0", "handwriting", *TINY, "--env.max-length", "4", "--learner.batch", "8"]
    runs = {}
    for attention in ("window", "none"):
        log_dir = tmp_path / attention
        done = command(root, "train.py", *words, "--agent.attention", attention, "--log-dir", str(log_dir))
        assert done.returncode == 0, done.stderr
        runs[attention] = run_folder(log_dir)
    for name, more in (("page.svg", ["--styles", "3"]), ("page.png", ["--deterministic"])):
        out = tmp_path / name
        done = command(root, "evaluate.py", "write", str(runs["window"]), "on it", "--out", str(out), *more)
        assert done.returncode == 0, done.stderr
        assert "reads no text" not in done.stdout
        assert out.stat().st_size > 500
    page = ElementTree.parse(tmp_path / "page.svg").getroot()
    assert len(page.findall(".//{*}path")) == 3
    done = command(root, "evaluate.py", "write", str(runs["none"]), "on it", "--out", str(tmp_path / "none.svg"))
    assert "reads no text" in done.stdout
    score_handwriting(root, runs, tmp_path / "figures.json")


def score_handwriting(root: Path, runs: dict[str, Path], file: Path) -> None:
    words = ["--score-writing", "zoo/PenReading-ctc", "--moments", "3", "--bias", "0.5"]
    for name, run in runs.items():
        done = command(root, "evaluate.py", str(run), *words, "--json", str(file))
        assert done.returncode == 0, done.stderr
        assert "3 texts" in done.stdout
        figures = json.loads(file.read_text())
        assert figures["bias"] == 0.5
        assert figures["legibility"]["world"]["share"] == 1
        assert figures["legibility"]["read"]["share"] < 0.5
        assert (figures["legibility"]["window"] is None) == (name == "none")
        assert ("the window, while sampling   none" in done.stdout) == (name == "none")
        assert figures["style"]["world"]["samples"] == 3
    for reader, says in ((runs["window"], "transcribes"), (root / "zoo" / "Copy-ntm", "transcribes")):
        done = command(root, "evaluate.py", str(runs["window"]), "--score-writing", str(reader))
        assert done.returncode == 2
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    done = command(root, "evaluate.py", str(runs["window"]), *words, "--moments", "1")
    assert "--moments 1 is too few" in done.stderr


def test_only_handwriting_is_scored_by_a_reader(root: Path) -> None:
    done = command(root, "evaluate.py", "zoo/Copy-ntm", "--score-writing", "zoo/PenReading-ctc")
    assert done.returncode == 2
    assert "Sequence/Handwriting-v0" in done.stderr
    assert "Memory/Copy-v0" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["zoo/Copy-ntm", "on it"], ["Memory/Copy-v0", "Sequence/Handwriting-v0"]),
        (["zoo/Copy-ntm"], ["a run and a text", "1 of them"]),
        (["zoo/Copy-ntm", "on it", "--bias", "-1"], ["bias=-1", "0"]),
        (["zoo/Copy-ntm", "on it", "--out", "page.txt"], [".svg", ".png"]),
        (["/nowhere", "on it"], ["/nowhere"]),
        (["--help"], ["--bias", "--styles", "--out"]),
    ],
)
def test_what_cannot_be_written_is_said_in_one_line(root: Path, words: list[str], says: list[str]) -> None:
    done = command(root, "evaluate.py", "write", *words)
    assert done.returncode == (0 if words == ["--help"] else 2)
    assert all(each in done.stderr + done.stdout for each in says), done.stderr
    assert "Traceback" not in done.stderr


def test_what_has_no_alignment_says_so(root: Path, tmp_path: Path) -> None:
    for words in (["--align", str(tmp_path / "words.png")], ["--score-alignment"]):
        done = command(root, "evaluate.py", "zoo/Copy-ntm", *words)
        assert done.returncode == 2
        assert "alignment" in done.stderr
        assert "Traceback" not in done.stderr
    done = command(root, "evaluate.py", "zoo/Copy-ntm", "--align", "words.txt")
    assert done.returncode == 2
    assert ".png" in done.stderr


def test_what_characters_cost_is_measured(root: Path, tmp_path: Path) -> None:
    words = ["Sequence/Text-v0", "transformer", *TINY, "--env.length", "40", "--learner.batch", "8"]
    done = command(root, "train.py", *words, "--log-dir", str(tmp_path / "runs"))
    assert done.returncode == 0, done.stderr
    folder, file = run_folder(tmp_path / "runs"), tmp_path / "figures.json"
    words = ["--score-text", "--moments", "40", "--json", str(file), "--env.length", "200"]
    done = command(root, "evaluate.py", str(folder), *words)
    assert done.returncode == 0, done.stderr
    assert "a name's letter" in done.stdout
    figures = json.loads(file.read_text())
    assert figures["all"]["characters"] == 40 * 199
    assert figures["all"]["bits"] > figures["all"]["optimum"] > 0
    assert figures["recall"][0]["optimum"] == 0
    done = command(root, "evaluate.py", "zoo/Copy-ntm", "--score-text")
    assert done.returncode == 2
    assert "Memory/Copy-v0" in done.stderr


def test_how_long_a_run_thinks_is_measured(root: Path, tmp_path: Path) -> None:
    words = ["Memory/Parity-v0", "act", *TINY, "--env.bits", "8", "--env.per-step", "8", "--learner.batch", "8"]
    done = command(root, "train.py", *words, "--log-dir", str(tmp_path / "runs"))
    assert done.returncode == 0, done.stderr
    file = tmp_path / "figures.json"
    words = ["--score-ponder", "--moments", "100", "--json", str(file)]
    done = command(root, "evaluate.py", str(run_folder(tmp_path / "runs")), *words)
    assert done.returncode == 0, done.stderr
    assert "by bits" in done.stdout
    figures = json.loads(file.read_text())
    assert [row["bits"] for row in figures["levels"]] == list(range(1, 9))
    assert sum(row["moments"] for row in figures["levels"]) == 100
    assert all(1 <= row["ponder"] <= 11 for row in figures["levels"])
    done = command(root, "evaluate.py", "zoo/Copy-ntm", "--score-ponder")
    assert done.returncode == 2
    assert "Memory/Copy-v0" in done.stderr
