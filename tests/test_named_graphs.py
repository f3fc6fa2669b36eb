"""benchmarks/named_graphs.py: who learned in random graphs, in graphs that somebody knows."""

import json
from pathlib import Path

import pytest
from commands import command, run_folder

TINY = ["--agent.hidden", "8", "--agent.rows", "12", "--agent.width", "6", "--agent.read-heads", "1"]


@pytest.mark.parametrize(
    ("env_id", "task", "graphs"),
    [
        ("Memory/GraphInference-v0", "inference", ["family, 54 edges", "family, 159 edges"]),
        ("Memory/ShortestPath-v0", "shortest path", ["Underground, 84 edges", "Underground, 260 edges"]),
    ],
)
def test_a_run_becomes_a_row_of_the_table(
    root: Path, tmp_path: Path, env_id: str, task: str, graphs: list[str]
) -> None:
    words = ["train.py", env_id, "dnc", "--steps", "500", "--no-tensorboard", "--eval-episodes", "10", *TINY]
    done = command(root, *words, "--learner.worlds", "8", "--log-dir", str(tmp_path / "runs"), "--seed", "3")
    assert done.returncode == 0, done.stderr
    run, file = run_folder(tmp_path / "runs"), tmp_path / "graphs.json"
    for _ in range(2):  # a run that is measured again replaces its row
        done = command(root, "benchmarks/named_graphs.py", str(run), "--episodes", "4", "--json", str(file), apart=True)
        assert done.returncode == 0, done.stderr
    (row,) = json.loads(file.read_text())
    assert (row["env_id"], row["agent"], row["seed"], row["lesson"], row["episodes"]) == (env_id, "dnc", 3, 1, 4)
    assert list(row["named"]) == graphs
    assert row["minutes"] > 0
    for found in (row["last lesson"], *row["named"].values()):
        assert 0 <= found["interval"][0] <= found["score"] <= found["interval"][1] <= 1
    table = [line for line in done.stdout.splitlines() if line.startswith(f"| {task} |")]
    assert len(table) == 2  # the paper's row, and ours
    assert f"| DNC | 1 of {row['lessons']} | **" in table[1]
    assert len({line.count("|") for line in table}) == 1
