"""Memory worlds through the commands: back-propagation, curricula, traces, generalisation tables."""

import csv
import json
from pathlib import Path

import pytest
from commands import command, run_folder

from foveate.analysis.generalisation import Grown, grown, numbers_due

TINY = ["--no-tensorboard", "--eval-episodes", "20", "--agent.hidden", "16", "--learner.worlds", "16"]
ROWS = ["--agent.rows", "6", "--agent.width", "5"]


def train(root: Path, log_dir: Path, *words: str) -> Path:
    done = command(root, "train.py", *words, *TINY, "--log-dir", str(log_dir))
    assert done.returncode == 0, done.stderr
    return run_folder(log_dir)


def test_train_and_measure_a_turing_machine(root: Path, tmp_path: Path) -> None:
    words = ["Memory/Copy-v0", "ntm", "--steps", "3000", "--env.max-length", "3", "--trace", *ROWS]
    folder = train(root, tmp_path / "runs", *words)
    assert (folder / "traces" / "training.mp4").exists()
    words = ["--episodes", "30", "--sweep", "test-10", "test-20", "--plot", str(tmp_path / "sizes.png")]
    words += ["--trace", str(tmp_path / "trace.png"), "--json", str(tmp_path / "figures.json"), "--no-progress"]
    done = command(root, "evaluate.py", str(folder), *words)
    assert done.returncode == 0, done.stderr
    assert "wrong bits by split" in done.stdout
    assert "memoryless" in done.stdout
    (figures,) = json.loads((tmp_path / "figures.json").read_text())
    assert figures["sweep"].keys() == {"test-10", "test-20"}
    assert 0 < figures["score"] < figures["sweep"]["test-10"]["score"] < figures["sweep"]["test-20"]["score"]
    assert figures["sweep"]["test-20"]["due"] == 160  # bits
    assert figures["bits"] > 0
    for name in ("sizes.png", "trace.png"):
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize(
    ("env_id", "splits", "expected"),
    [
        ("Memory/Copy-v0", ["test-10", "test-40"], Grown("length", [10, 40], (1, 20))),
        ("Memory/RepeatCopy-v0", ["test-10-10", "test-length-20"], Grown("length", [10, 20], (1, 10))),
        ("Memory/RepeatCopy-v0", ["test-10-10", "test-length-20", "test-repeats-20"], None),
        ("Memory/Copy-v0", ["test", "test-40"], None),  # one of them has a range
        ("Glimpse/Digits-v0", ["validation", "test"], None),
    ],
)
def test_the_axis_of_a_sweep_is_the_one_size_that_grows(env_id: str, splits: list[str], expected: Grown | None) -> None:
    assert grown(env_id, splits) == expected


def test_what_an_episode_asks_for_is_counted() -> None:
    assert numbers_due("Memory/Copy-v0", {"width": 3, "max_length": 5}, "test-10") == 30
    assert numbers_due("Glimpse/Digits-v0", {}, "test") is None


def test_who_learned_in_one_world_is_measured_in_another(root: Path, tmp_path: Path) -> None:
    words = ["Memory/GraphTraversal-v0", "dnc", "--no-curriculum", "--env.lesson", "1", "--steps", "500", *ROWS]
    folder = train(root, tmp_path / "runs", *words)
    asked = ["evaluate.py", str(folder), "--episodes", "4", "--no-progress", "--json", str(tmp_path / "figures.json")]
    there = ["--world", "Memory/Underground-v0", "--env.stations", "interchanges", "--env.path", "2", "--rows", "90"]
    done = command(root, *asked, *there)
    assert done.returncode == 0, done.stderr
    (figures,) = json.loads((tmp_path / "figures.json").read_text())
    assert figures["env_id"] == "Memory/Underground-v0"
    assert figures["mean_length"] == 84 + 2 + 2  # edges, the question, the answer
    assert "Memory/Underground-v0" in done.stdout
    done = command(root, *asked[:2], *there, "--episodes", "0", "--trace", str(tmp_path / "trace.png"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "trace.png").stat().st_size > 1000
    plot = ["--score-memory", "--moments", "4", "--plot", str(tmp_path / "graph.png")]
    done = command(root, *asked[:2], *there, *asked[4:], *plot)
    assert done.returncode == 0, done.stderr
    assert "some head reads the row of the due edge most" in done.stdout
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["episodes"] == 4
    assert len(figures["heads"]) == len(figures["answering"]) == 3
    assert (tmp_path / "graph.png").stat().st_size > 1000
    for world, said in (("Memory/Copy-v0", "observations"), ("Memory/Undergroud-v0", "Did you mean")):
        done = command(root, *asked, "--world", world)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_what_memory_and_heads_are_for(root: Path, tmp_path: Path) -> None:
    game = [
        "Memory/DynamicNGrams-v0",
        "--steps",
        "600",
        "--env.context",
        "2",
        "--env.bits",
        "20",
        "--learner.batch",
        "16",
    ]
    for agent, options, score, said in (
        ("ntm", ROWS, "--score-memory", "ones less zeros so far"),
        (
            "transformer",
            ["--agent.heads", "2", "--agent.without", "norm", "places"],
            "--score-heads",
            "the moment before",
        ),
    ):
        folder = train(root, tmp_path / agent, game[0], agent, *game[1:], *options)
        plot, figures = tmp_path / f"{agent}.png", tmp_path / f"{agent}.json"
        words = [score, "--moments", "4", "--plot", str(plot), "--json", str(figures)]
        done = command(root, "evaluate.py", str(folder), *words)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
        assert plot.stat().st_size > 1000
        assert json.loads(figures.read_text())["episodes"] == 4
        done = command(root, "evaluate.py", str(folder), score, "--sweep", "test-400", "--plot", str(plot))
        assert done.returncode == 2
        assert "one of --sweep" in done.stderr


def test_a_memory_grows_after_training(root: Path) -> None:
    found = []
    for rows in ("64", "512"):
        done = command(root, "evaluate.py", "zoo/Copy-ntm", "--episodes", "20", "--rows", rows, "--split", "test-80")
        assert done.returncode == 0, done.stderr
        found.append(float(done.stdout.splitlines()[1].split()[2]))
    assert found[0] > 100 > 1 > found[1]  # 64 rows can't hold 80 vectors
    done = command(root, "evaluate.py", "zoo/Digits-ram", "--episodes", "20", "--rows", "9")
    assert done.returncode == 2
    assert "--rows" in done.stderr


def test_a_curriculum_goes_on_and_is_resumed_in_its_lesson(root: Path, tmp_path: Path) -> None:
    words = ["Memory/GraphTraversal-v0", "gru", "--steps", "6000", "--env.lesson", "3", "--pass-score", "0.0"]
    folder = train(root, tmp_path / "runs", *words, "--learner.batch", "16")
    run = json.loads((sorted((folder / "checkpoints").glob("last-*"))[-1] / "run.json").read_text())
    assert run["progress"]["lesson"] == 3  # a pass score of zero passes every lesson
    assert run["env"]["lesson"] == 3
    with (folder / "metrics.csv").open() as handle:
        lessons = [float(row["eval/lesson"]) for row in csv.DictReader(handle) if row["eval/lesson"]]
    assert lessons == sorted(lessons)
    assert lessons[-1] == 3
    config = json.loads((folder / "config.json").read_text())
    config["options"]["steps"] = 9000
    (folder / "config.json").write_text(json.dumps(config))
    done = command(root, "train.py", "--resume", str(folder))
    assert done.returncode == 0, done.stderr
    done = command(root, "train.py", "Memory/Copy-v0", "gru", "--curriculum", "--steps", "10", *TINY)
    assert done.returncode == 2
    assert "has none" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train.py", "Memory/Copy-v0", "nmt"], "Did you mean 'ntm'"),
        (["train.py", "Memory/Cpoy-v0", "ntm"], "Did you mean 'Memory/Copy-v0'"),
        (["train.py", "Memory/Copy-v0", "ntm", "--learner", "backprob"], "Did you mean 'backprop'"),
        (["train.py", "Memory/Copy-v0", "ntm", "--env.split", "test-41"], "test-40"),
        (["train.py", "Memory/GraphTraversal-v0", "dnc", "--env.lesson", "99"], "lesson"),
    ],
)
def test_mistakes_get_one_line(root: Path, tmp_path: Path, words: list[str], message: str) -> None:
    done = command(root, *words, *(["--log-dir", str(tmp_path)] if "--env.split" in words or "99" in words else []))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_policy_gradient_on_the_same_worlds(root: Path, tmp_path: Path) -> None:
    words = ["Memory/TMaze-v0", "dnc", "--learner", "ppo", "--steps", "600", "--env.corridor", "2"]
    folder = train(root, tmp_path / "runs", *words, "--learner.horizon", "8", *ROWS)
    config = json.loads((folder / "config.json").read_text())
    assert config["learner"]["objective"] == "ppo"
    assert config["learner"]["hybrid"] is False
