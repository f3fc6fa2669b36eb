"""The shipped agents: someone who sees observations alone gets near the oracle, on every id."""

import json
from pathlib import Path

import numpy as np
import pytest
from ids import no_fashion

from foveate.agents import load
from foveate.analysis.alignment import agreement
from foveate.analysis.measure import main_figure, measure

# at least this far from the best blind policy (0) to the oracle (1), on images never seen in training
LEAST = {
    "Glimpse/Digits-v0": 0.85,
    "Glimpse/TranslatedDigits-v0": 0.9,
    "Glimpse/ClutteredDigits-v0": 0.75,
    "Glimpse/ClutteredDigits100-v0": 0.45,  # far from done after seven million steps, and far above chance
    "Glimpse/Fashion-v0": 0.75,
}  # Catch has a scripted player in envs/test_glimpse.py


@pytest.mark.parametrize("env_id", [pytest.param(i, marks=no_fashion if "Fashion" in i else ()) for i in LEAST])
def test_an_agent_that_sees_observations_alone_gets_near_the_oracle(root: Path, env_id: str) -> None:
    folder = root / "zoo" / f"{env_id.split('/')[1].removesuffix('-v0')}-ram"
    run = json.loads((folder / "run.json").read_text())
    assert run["env_id"] == env_id
    agent = load(folder, device="cpu")
    episodes = measure(agent.policy, env_id, run["env"], "test", 1000)
    figure = float(np.mean(main_figure(episodes)))
    assert (figure - 0.1) / (1 - 0.1) > LEAST[env_id], figure
    assert sum(file.stat().st_size for file in folder.iterdir()) < 2_500_000


def test_the_shipped_turing_machine_copies_what_is_six_times_as_long_as_it_ever_saw(root: Path) -> None:
    agent = load(root / "zoo" / "Copy-ntm", device="cpu")
    run = json.loads((root / "zoo" / "Copy-ntm" / "run.json").read_text())
    for split in ("test-20", "test-120"):
        assert measure(agent.policy, "Memory/Copy-v0", run["env"], split, 20).scores.max() == 0  # wrong bits


def test_the_shipped_translator_reads_the_words_that_it_writes(root: Path) -> None:
    agent = load(root / "zoo" / "Translation-bahdanau", device="cpu")
    run = json.loads((root / "zoo" / "Translation-bahdanau" / "run.json").read_text())
    assert measure(agent.policy, run["env_id"], run["env"], "test", 500).scores.mean() > 0.98  # wholly right
    found = agreement(agent, run["env_id"], run["env"], 100, 0)
    assert found["weights"].pointing > 0.8
    assert found["weights"].entropy < found["jacobian"].entropy - 1  # what is attended to is sharper than what is owed


def test_the_shipped_reader_reads_the_writer_s_ink(root: Path) -> None:
    agent = load(root / "zoo" / "PenReading-ctc", device="cpu")
    run = json.loads((root / "zoo" / "PenReading-ctc" / "run.json").read_text())
    assert run["env"]["ink"] == "handwriting"
    assert measure(agent.policy, run["env_id"], run["env"], "test", 500).scores.mean() > 0.98  # wholly right


@pytest.mark.parametrize(("name", "least"), [("SharedGaze-ram", 0.75), ("CocktailParty-gru", 0.99)])
def test_the_shipped_teams_do_what_none_can_alone(root: Path, name: str, least: float) -> None:
    agent = load(root / "zoo" / name, device="cpu")
    run = json.loads((root / "zoo" / name / "run.json").read_text())
    figure = float(main_figure(measure(agent.policy, run["env_id"], run["env"], "test", 400)).mean())
    assert figure > least  # alone: 0.64 and 0.59
    assert sum(file.stat().st_size for file in (root / "zoo" / name).iterdir()) < 2_500_000
