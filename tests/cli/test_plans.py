"""What can't be compared is refused before anything trains, in one sentence that names it."""

import re
from pathlib import Path

import pytest
from commands import command

from foveate.cli import compare
from foveate.cli.configuration import configure
from foveate.cli.plan import read_plan

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "worlds": "Glimpse/Digits-v0",
    "arms": "{ram: ram --learner.worlds 4, net: cnn --learner.worlds 4}",
    "seeds": "[1]",
    "steps": "8",
}
UNFIT = {
    "an unknown environment": ({"worlds": "Glimpse/Digis-v0"}, "'Glimpse/Digits-v0'"),
    "an unknown agent": ({"arms": "{ram: , net: cn}"}, "Did you mean 'cnn'"),
    "an agent that can't play there": ({"arms": "{ram: , net: cnn --env.view glimpse}"}, "arm 'net' in Glimpse/Digits"),
    "an option that an arm doesn't know": ({"arms": "{ram: , net: cnn --agent.nope 1}"}, "arm 'net'.*--agent.nope"),
    "an option's impossible value": ({"arms": "{ram: , net: cnn --learner.lr much}"}, "arm 'net'.*'much'"),
    "an option out of its range": ({"arms": "{ram: , net: cnn --learner.lr -1}"}, "arm 'net'.*lr=-1"),
    "a device that isn't there": ({"options": "--device xpu"}, "arm 'ram'.*--device xpu"),
    "the same arm twice in a list": ({"arms": "[ram, ram]"}, "'ram' is there twice"),
    "the same arm twice with options": ({"arms": "{ram: , ram: cnn}"}, "'ram' is there twice"),
    "two arms in one folder": ({"arms": "{a b: ram, a-b: cnn}"}, "'a b' and 'a-b' would share a folder"),
    "an arm's name too long for a folder": ({"arms": "{" + "x" * 300 + ": ram, net: cnn}"}, "at most 100 letters"),
    "one arm": ({"arms": "[ram]"}, "arm 'ram'.*no other arm"),
    "arms in different worlds": ({"arms": "{ram: , net: cnn --env.augment 0.1 --env.size 40}"}, "no other arm"),
    "another split": ({"options": "--env.split validation"}, "split 'validation'"),
    "a world without a comparable score": (
        {"worlds": "Memory/Copy-v0", "arms": "[ntm, gru]"},
        "arm 'ntm' in Memory/Copy",
    ),
    "a world without a score at all": ({"worlds": "CartPole-v1", "arms": "[mlp, gru]"}, "arm 'mlp' in CartPole"),
    "one of two worlds": ({"worlds": "[Glimpse/Digits-v0, Glimpse/Catch-v0]"}, "in Glimpse/Catch-v0"),
    "the same world twice": ({"worlds": "[Glimpse/Digits-v0, Glimpse/Digits-v0]"}, "world .* is there twice"),
    "the same seed twice": ({"seeds": "[1, 1]"}, "seed '1' is there twice"),
    "no seeds": ({"seeds": "0"}, "seeds=0"),
    "a seed below zero": ({"seeds": "[-1]"}, "seed=-1"),
    "seeds that are a flag": ({"seeds": "true"}, "seeds=True"),
    "no steps": ({"steps": "0"}, "steps=0"),
    "steps below zero": ({"steps": "-1e6"}, "steps=-1000000"),
    "half a step": ({"steps": "1.5"}, "steps=1.5"),
    "no minutes": ({"steps": None, "minutes": "0"}, "minutes=0"),
    "minutes below zero": ({"steps": None, "minutes": "-3"}, "minutes=-3"),
    "endless minutes": ({"steps": None, "minutes": ".inf"}, "minutes=inf"),
    "a budget of its own": ({"arms": "{ram: , net: cnn --steps 40}"}, "--steps is not allowed in arm 'net'"),
    "a seed of its own": ({"options": "--seed=4"}, "--seed is not allowed in options"),
    "a report of nothing": ({"report": "{episodes: 0}"}, "episodes=0"),
}


def plan(folder: Path, **changes: str | None) -> str:
    file = folder / "plan.yaml"
    file.write_text("".join(f"{key}: {value}\n" for key, value in {**GOOD, **changes}.items() if value is not None))
    return str(file)


@pytest.fixture(autouse=True)
def nothing_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(*_: object) -> object:
        raise AssertionError("it trains")

    monkeypatch.setattr(compare, "budget", trained)


@pytest.mark.parametrize("name", UNFIT)
def test_what_cannot_be_compared_is_refused_in_one_sentence_before_it_trains(name: str, tmp_path: Path) -> None:
    changes, says = UNFIT[name]
    done = command(ROOT, "train.py", "compare", plan(tmp_path, **changes), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert re.search(says, line), line
    assert [path.name for path in tmp_path.iterdir()] == ["plan.yaml"]


@pytest.mark.parametrize("changes", [{}, {"steps": "1e6"}, {"steps": None, "minutes": "0.5"}])
def test_what_can_be_compared_begins_to_train(changes: dict[str, str | None], tmp_path: Path) -> None:
    done = command(ROOT, "train.py", "compare", plan(tmp_path, **changes), cwd=tmp_path)
    assert "it trains" in done.stderr


@pytest.mark.parametrize("name", ["a world without a comparable score", "one arm", "another split"])
def test_without_a_report_anything_may_be_trained(name: str, tmp_path: Path) -> None:
    done = command(ROOT, "train.py", "compare", plan(tmp_path, **UNFIT[name][0]), "--no-report", cwd=tmp_path)
    assert "it trains" in done.stderr


@pytest.mark.parametrize("name", ["first.yaml", "core.yaml", "jobs.yaml"])
def test_every_training_of_a_plan_of_ours_can_be_configured(name: str) -> None:
    entries = read_plan(ROOT / "benchmarks" / name).entries()
    assert len({entry.home for entry in entries}) == len(entries)
    for words in {tuple(entry.words[:-1]) for entry in entries}:  # but for the seed
        configure([*words, "1"], (), "")
