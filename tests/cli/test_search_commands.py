"""``evaluate.py RUN … --score-search`` and the shares of ``--score-saliency``, as a user runs them."""

import json
from pathlib import Path

from commands import command, run_folder

SIZES = ("--steps", "64", "--learner.worlds", "4", "--eval-episodes", "2")


def test_searches_of_two_runs_in_one_plot(root: Path, tmp_path: Path) -> None:
    for search in ("feature", "conjunction"):
        done = command(
            root, "train.py", "Glimpse/FindEight-v0", "ram", *SIZES, "--env.glimpses", "2", "--env.search", search,
            "--agent.hidden", "8", "--log-dir", str(tmp_path / search),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    runs = [str(run_folder(tmp_path / search)) for search in ("feature", "conjunction")]
    plot, figures = tmp_path / "search.png", tmp_path / "search.json"
    done = command(
        root, "evaluate.py", *runs, "--score-search", "--moments", "8", "--plot", str(plot), "--json", str(figures)
    )
    assert done.returncode == 0, done.stderr
    assert "feature search" in done.stdout
    assert "conjunction search" in done.stdout
    assert plot.stat().st_size > 5000
    found = json.loads(figures.read_text())
    assert [one["search"] for one in found] == ["feature", "conjunction"]
    assert [row["characters"] for row in found[0]["found"]] == [4, 9, 16, 25, 36, 49, 64]
    assert all(row["episodes"] == 8 for one in found for row in one["found"])


def test_shares_of_a_map_on_fur_and_background(root: Path, tmp_path: Path) -> None:
    done = command(root, "train.py", "Glimpse/Fur-v0", "cnn", *SIZES, "--log-dir", str(tmp_path / "runs"))
    assert done.returncode == 0, done.stderr
    done = command(
        root, "evaluate.py", str(run_folder(tmp_path / "runs")), "--score-saliency", "--saliency", "jacobian",
        "--moments", "4", "--report", str(tmp_path / "report"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "share of jacobian of value on each object: fur 0." in done.stdout
    assert "share of the picture: fur 0." in done.stdout


def test_searches_are_of_the_world_that_was_learned_in(root: Path) -> None:
    done = command(root, "evaluate.py", "zoo/Digits-ram", "--score-search", "--world", "Glimpse/FindEight-v0")
    assert done.returncode == 2
    assert "leave --world out" in done.stderr
