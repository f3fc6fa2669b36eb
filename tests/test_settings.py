"""benchmarks/settings.py: figures of another preset are not taken for today's."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from commands import run_folder

from foveate import train
from foveate.cli import configuration

COMMAND = "Memory/RepeatCopy-v0 ntm --agent.rows 12 --agent.hidden 8 --steps 400 --eval-episodes 2"


@pytest.fixture
def config() -> configuration.Configuration:
    return configuration.configure(COMMAND.split(), [])


def test_what_is_as_the_constructors_have_it_is_not_said(
    bench: SimpleNamespace, config: configuration.Configuration
) -> None:
    found = bench.settings.special(config)
    assert (found["agent_options.rows"], found["env.zeros"], found["learner.batch"]) == (12, 0.2, 4)
    assert not {"agent_options.width", "env.width", "learner.recompute_every"} & set(found)
    assert found["options.steps"] == 400
    assert not {"options.seed", "options.log_dir", "options.eval_episodes"} & set(found)


def test_an_option_that_came_later_changes_nothing_until_it_is_set(
    bench: SimpleNamespace, config: configuration.Configuration
) -> None:
    """For the environment's options as for the agent's and the learner's."""
    before = bench.settings.special(config)
    for part, name, other in [("env", "width", 9), ("agent_options", "width", 9), ("learner", "recompute_every", 3)]:
        values = getattr(config, part)
        earlier = replace(config, **{part: {k: v for k, v in values.items() if k != name}})
        assert bench.settings.special(earlier) == before
        assert bench.settings.special(replace(config, **{part: {**values, name: other}})) != before


def test_a_run_is_of_today_until_the_preset_changes(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*COMMAND.split(), "--seed", "3", "--no-progress", "--no-tensorboard", "--log-dir", str(tmp_path)]
    assert train.main(words) == 0
    settings = bench.settings.special(configuration.read(run_folder(tmp_path)))
    row = {"name": "it", "command": COMMAND, "settings": json.loads(json.dumps(settings))}
    assert bench.settings.is_of_today(row)
    assert bench.settings.is_of_today({"name": "older", "command": COMMAND})  # which doesn't say what it was set to
    load = configuration.load_preset

    def changed(*arguments: object) -> configuration.Preset:
        preset = load(*arguments)
        return replace(preset, learner={**preset.learner, "batch": 7})

    bench.settings.of_today.cache_clear()
    monkeypatch.setattr(configuration, "load_preset", changed)
    assert not bench.settings.is_of_today(row)
    bench.settings.of_today.cache_clear()


def test_kept_rows_say_what_they_were_set_to(bench: SimpleNamespace, root: Path) -> None:
    """Whatever is kept can be compared, and somebody else's queue trains what isn't of today."""
    rows = json.loads((root / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    told = [row for row in rows if "settings" in row]
    assert len(told) > 100
    kept = bench.run_jobs.kept()
    for entry in bench.run_jobs.benchmarks().entries():
        (row,) = [row for row in told if row["name"] == entry.home.name] or [None]
        if row is not None:
            assert kept(entry) == (row["command"] == entry.job["command"] and bench.settings.is_of_today(row))
