"""``evaluate.py --saliency`` and ``--score-saliency``, as a user runs them."""

import json
import re
from pathlib import Path

import pytest
from commands import command, run_folder

import foveate


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(__file__).resolve().parents[2]
    logs = tmp_path_factory.mktemp("runs")
    done = command(
        root, "train.py", "Probe/Distractors-v0", "dueling", "--steps", "256", "--agent.stream", "16",
        "--agent.shrink", "2",
        "--learner.worlds", "4", "--learner.horizon", "16", "--learner.minibatches", "2", "--eval-episodes", "2",
        "--log-dir", str(logs),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return run_folder(logs)


def test_a_film_of_what_is_looked_at(run: Path, root: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    film = tmp_path / "maps.mp4"
    done = command(
        root, "evaluate.py", str(run), "--saliency", "jacobian,perturbation", "--of", "value,advantage", "--video",
        str(film), "--frames", "5",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "5 frames: jacobian, perturbation" in done.stdout
    with av.open(str(film)) as opened:
        assert opened.streams.video[0].codec_context.name == "h264"
        assert len(list(opened.decode(video=0))) == 5


def test_the_truth_of_all_methods_in_one_table(run: Path, root: Path, tmp_path: Path) -> None:
    done = command(
        root, "evaluate.py", str(run), "--score-saliency", "--saliency", "jacobian,smoothgrad,sarfa,random",
        "--moments", "6", "--report", str(tmp_path / "report"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "report" / "saliency.json").read_text())
    assert {(row["method"], row["target"]) for row in found["rows"]} == {
        ("jacobian", "value"), ("jacobian", "advantage"), ("smoothgrad", "value"), ("smoothgrad", "advantage"),
        ("sarfa", "advantage"), ("random", "value"), ("random", "advantage"),
    }  # fmt: skip
    for row in found["rows"]:
        assert 0 <= row["pointing"] <= 1
        assert 0 <= row["auc"] <= 1
        assert set(row["shares"]) == {"ball", "paddle", "score", "decoy"}
        assert row["method"] in done.stdout
    assert set(found["effects"]["value"]) <= {"ball", "paddle", "score", "decoy"}
    assert (tmp_path / "report" / "curves.png").stat().st_size > 1000
    page = (tmp_path / "report" / "saliency.html").read_text()
    assert "data:image/png;base64," in page
    for words in (str(run), "train.py ", "evaluate.py ", "--score-saliency", f"with foveate {foveate.__version__} by"):
        assert words in page  # where it comes from
    assert not re.search(r"""(src|href)=(?!["']data:)""", page)  # it asks for nothing from anywhere


def test_the_sequential_jacobian_of_a_memory(root: Path, tmp_path: Path) -> None:
    done = command(
        root, "evaluate.py", "zoo/Copy-ntm", "--score-saliency", "--moments", "2", "--env.max-length", "4", "--report",
        str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "saliency.json").read_text())["sequential"]["logits"]
    assert found["as trained"]["pointing"] >= 0.95 > found["random weights"]["pointing"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--saliency", "jacobain", "--video", "a.mp4"], "Did you mean 'jacobian'"),
        (["--saliency", "jacobian"], "--video"),
        (["--of", "value"], "--saliency"),
        (["--saliency", "jacobian", "--of", "location", "--video", "a.mp4"], "Allowed: action:left"),
        (["--saliency", "attention", "--video", "a.mp4"], "this one has: jacobian"),
        (["--score-saliency", "--saliency", "jacobian,attention"], "this one has: jacobian"),
        (["--score-saliency", "--saliency", "sarfa", "--of", "value"], "explains one action"),
    ],
)
def test_mistakes_get_one_clear_line(run: Path, root: Path, tmp_path: Path, words: list[str], said: str) -> None:
    done = command(root, "evaluate.py", str(run), *words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "a.mp4").exists()
