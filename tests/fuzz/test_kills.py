"""Killed at any moment, a run loses nothing before its last checkpoint, and goes on as if nothing had happened."""

import random
from pathlib import Path

import pytest
from commands import run_folder
from fuzz_size import FULL
from killing import assert_same_run, finish, start, train_with_kills

SMALL = [
    "--agent.hidden",
    "16",
    "--eval-episodes",
    "8",
    "--log-every",
    "3",
    "--save-every",
    "400",
    "--eval-every",
    "3000",
]
PPO = ["--learner", "ppo", "--learner.worlds", "8", "--learner.horizon", "16"]
RUNS = {
    "ram by reinforce": ["Glimpse/Digits-v0", "ram", *SMALL, "--learner.worlds", "16", "--agent.core", "lstm"],
    "gru by ppo": ["Memory/TMaze-v0", "gru", *SMALL, *PPO],
    "ntm by backprop": ["Memory/Copy-v0", "ntm", *SMALL, "--learner.worlds", "16", "--learner.batch", "8"],
    "lstm by backprop in a curriculum": [
        *("Memory/GraphTraversal-v0", "lstm", *SMALL, "--curriculum", "--pass-score", "0.0"),
        *("--learner.worlds", "16", "--learner.batch", "8"),
    ],
    "dueling by ppo": ["Probe/Driving-v0", "dueling", *SMALL[2:], *PPO, "--learner.minibatches", "2"],
    "mlp by dqn with its replay memory": [
        *("Memory/TMaze-v0", "mlp", *SMALL, "--learner", "dqn", "--learner.worlds", "8", "--learner.memory", "2000"),
        *("--learner.warm-up", "800", "--learner.target-every", "400", "--learner.save-replay"),
    ],
    "several agents": ["Multi/SharedGaze-v0", "ram", *SMALL, "--learner.worlds", "8"],
}
STEPS = 12_000 if FULL else 4_000
KILLS = 6 if FULL else 2
CHOSEN = list(RUNS) if FULL else ["gru by ppo"]


@pytest.mark.parametrize("name", CHOSEN)
def test_a_run_that_is_killed_at_any_moment_is_the_run_that_was_not(tmp_path: Path, name: str) -> None:
    words = [*RUNS[name], "--seed", "3", "--steps", str(STEPS), "--device", "cpu", "--no-progress"]
    whole = start([*words, "--log-dir", str(tmp_path / "whole")], tmp_path / "whole.log")
    hits = train_with_kills(words, tmp_path / "killed", KILLS, random.Random(name))
    assert finish(whole) == 0, (tmp_path / "whole.log").read_text()
    assert hits >= 1
    assert_same_run(run_folder(tmp_path / "whole"), run_folder(tmp_path / "killed"))
    print(f"{name}: {hits} kills")
