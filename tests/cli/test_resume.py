"""A run that goes on: longer, in other worlds, and never otherwise than it says."""

import dataclasses
import json
from pathlib import Path

import pytest

from foveate import train
from foveate.agents import AGENTS, load
from foveate.cli.configuration import configure
from foveate.introspect import constructor_options

WORDS = ["Memory/TMaze-v0", "gru", "--learner", "a2c", "--learner.worlds", "4", "--steps", "80", "--eval-episodes", "4"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run."""
    assert train.main([*WORDS, "--device", "cpu", "--no-tensorboard", "--log-dir", str(tmp_path)]) == 0
    return next(tmp_path.iterdir())


def edit(run: Path, part: str, **changes: object) -> None:
    config = json.loads((run / "config.json").read_text())
    config[part] |= changes
    (run / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("steps", ["160", "1.6e2"])
def test_a_finished_run_can_be_made_longer(run: Path, steps: str, capsys: pytest.CaptureFixture) -> None:
    assert train.main(["--resume", str(run), "--steps", steps]) == 0
    assert load(run, prefer="last").num_timesteps == 160
    assert json.loads((run / "config.json").read_text())["options"]["steps"] == 160
    for no in ("160", "10", "many", "nan", "170.5"):
        assert train.main(["--resume", str(run), "--steps", no]) == 2
        assert f"--steps {no} is not allowed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("options", {"seed": 7}),
        ("learner", {"lr": 0.5}),
        ("learner", {"gamma": 0.5}),
        ("agent_options", {"hidden": 3}),
    ],
)
def test_what_was_changed_in_a_configuration_is_not_ignored(
    run: Path, part: str, changes: dict, capsys: pytest.CaptureFixture
) -> None:
    edit(run, part, **changes)
    assert train.main(["--resume", str(run), "--steps", "160"]) == 2
    said = capsys.readouterr().err
    assert next(iter(changes)) in said
    assert json.loads((run / "config.json").read_text())["options"]["steps"] == 80  # nothing was touched


def test_a_run_goes_on_in_another_number_of_worlds(run: Path, capsys: pytest.CaptureFixture) -> None:
    edit(run, "learner", worlds=6)
    assert train.main(["--resume", str(run), "--steps", "140"]) == 0
    assert "4 worlds and goes on in 6" in capsys.readouterr().err
    assert load(run, prefer="last").num_timesteps == 140


def test_a_memory_that_grows_with_the_lessons_goes_on(tmp_path: Path) -> None:
    """Its checkpoint has the rows of its lesson, config.json the most."""
    words = ["Memory/GraphTraversal-v0", "dnc", "--device", "cpu", "--no-tensorboard", "--eval-episodes", "4"]
    words += ["--agent.hidden", "6", "--agent.width", "4", "--agent.rows", "40", "--learner.worlds", "8"]
    assert train.main([*words, "--steps", "600", "--log-dir", str(tmp_path)]) == 0
    (run,) = tmp_path.iterdir()
    for steps in (600, 1200):
        agent = load(run, prefer="last")
        assert agent.num_timesteps >= steps
        assert agent.policy.core.rows == 5 * 2 + 2  # edges, and the moments of a path of one
        assert json.loads((run / "config.json").read_text())["agent_options"]["rows"] == 40
        if steps == 600:
            assert train.main(["--resume", str(run), "--steps", "1200"]) == 0


def test_an_option_that_a_run_did_not_know_is_as_by_default() -> None:
    config = configure(["Memory/GraphTraversal-v0", "dnc"], [])
    known, options = constructor_options(AGENTS["dnc"]), config.agent_options
    changed = {name for name, value in options.items() if value != known[name].default}
    assert {"rows", "controller"} <= changed < {*options}
    for name in options:
        older = dataclasses.replace(config, agent_options={n: v for n, v in options.items() if n != name})
        different = older.differences(config)
        assert len(different) == (name in changed)
        assert all(line.startswith(f"agent_options.{name}: ") for line in different)
