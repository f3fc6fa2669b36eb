"""What a sweep tries: distributions, grids, settings by chance, and what a file may not say."""

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
from commands import command
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.cli.configuration import configure
from foveate.cli.sweep.file import read_sweep
from foveate.cli.sweep.search import ListedSearch
from foveate.cli.sweep.space import Choice, Range, drawn, folder_name, grid, grid_size, read_space, words_for_setting
from foveate.errors import FoveateError

ROOT = Path(__file__).resolve().parents[2]
PAIR = ["Memory/Copy-v0", "lstm"]
GOOD = {"command": "Memory/Copy-v0 lstm --steps 100", "space": "{agent.hidden: [4, 8]}"}
UNFIT = {
    "no command": ({"command": None}, "must say command"),
    "no space": ({"space": None}, "must say command .* and space"),
    "an empty space": ({"space": "{}"}, "space is empty"),
    "an unknown entry": ({"sede": "1"}, "unknown entry of sweep.yaml 'sede'. Did you mean 'seed'"),
    "an unknown environment": ({"command": "Memory/Coy-v0 lstm"}, "Did you mean 'Memory/Copy-v0'"),
    "an unknown agent": ({"command": "Memory/Copy-v0 lsmt"}, "Did you mean 'lstm'"),
    "an unknown option": ({"space": "{agent.hiden: [4]}"}, "unknown option in space 'agent.hiden'.*'agent.hidden'"),
    "an option of nothing": ({"space": "{hidden: [4]}"}, "unknown option in space 'hidden'"),
    "another learner's option": ({"space": "{learner.horizon: [4]}"}, "unknown option in space 'learner.horizon'"),
    "an unknown learner": ({"space": "{learner: [ppo, pop]}"}, "unknown learner 'pop'. Did you mean 'ppo'"),
    "a value of another type": ({"space": "{agent.hidden: [4, many]}"}, "agent.hidden=many.*many is no whole number"),
    "a value out of range": ({"space": "{learner.lr: [0.1, -1]}"}, "learner.lr=-1.*lr=-1"),
    "what can't be made": ({"space": "{env.max-length: [4, 0]}"}, "env.max-length=0"),
    "a scalar": ({"space": "{agent.hidden: 4}"}, "agent.hidden='4' is not allowed"),
    "no values": ({"space": "{agent.hidden: []}"}, "agent.hidden has 0 values"),
    "a value twice": ({"space": "{agent.hidden: [4, 4]}"}, "agent.hidden has a value twice"),
    "an option twice": ({"space": "{env.max-length: [4], env.max_length: [5]}"}, "env.max-length is said twice"),
    "an option of the command": (
        {"command": "Memory/Copy-v0 lstm --agent.hidden=3"},
        "agent.hidden is said twice: in the command",
    ),
    "half a range": ({"space": "{learner.lr: {low: 0.1}}"}, "learner.lr doesn't say high"),
    "an unknown part of a range": ({"space": "{learner.lr: {low: 0.1, hi: 1}}"}, "'hi'. Did you mean 'high'"),
    "a range upside down": ({"space": "{learner.lr: {low: 1, high: 0.1}}"}, "low=1.0 is not below high=0.1"),
    "a logarithm of nothing": ({"space": "{learner.lr: {low: 0, high: 1, log: true}}"}, "learner.lr: low=0"),
    "a logarithm with steps": (
        {"space": "{learner.lr: {low: 0.1, high: 1, log: true, step: 0.1}}"},
        "log and step",
    ),
    "a step too wide": ({"space": "{agent.hidden: {low: 4, high: 8, step: 9}}"}, "step=9 is not allowed"),
    "half a unit": ({"space": "{agent.hidden: {low: 4.5, high: 8}}"}, "agent.hidden: low=4.5.*whole number"),
    "a range of words": ({"space": "{env.split: {low: 0, high: 1}}"}, "env.split is no number"),
    "a grid without steps": ({"space": "{learner.lr: {low: 0.1, high: 1}}"}, "learner.lr: a grid needs a list"),
    "a grid too large": (
        {"space": "{agent.hidden: {low: 1, high: 5000}, env.max-length: [1, 2, 3]}"},
        "15,000 trainings",
    ),
    "the seed": ({"space": "{seed: [1, 2]}"}, "seed can't be in a space: seeds says it"),
    "a seed in the command": ({"command": "Memory/Copy-v0 lstm --seed 3"}, "--seed is not allowed"),
    "a folder in the command": ({"command": "Memory/Copy-v0 lstm --log-dir x"}, "--log-dir is not allowed"),
    "an import": ({"command": "--import evil Memory/Copy-v0 lstm"}, "--import is not allowed"),
    "no command at all": ({"command": "lstm"}, "must begin with ENV AGENT"),
    "an unknown search": ({"search": "gird"}, "unknown search 'gird'. Did you mean 'grid'"),
    "random without trials": ({"search": "random"}, "must say trials"),
    "a grid with trials": ({"trials": "3"}, "a grid tries every combination"),
    "half a trial": ({"search": "random", "trials": "1.5"}, "trials=1.5"),
    "more trials than settings": ({"search": "random", "trials": "3"}, "no more than 2 settings"),
    "no seeds": ({"seeds": "0"}, "seeds=0"),
    "less than no retry": ({"retries": "-1"}, "retries=-1"),
    "an unknown pruning": ({"pruning": "medain"}, "unknown pruning 'medain'. Did you mean 'median'"),
    "an unknown part of pruning": ({"pruning": "{methd: median}"}, "'methd'. Did you mean 'method'"),
    "pruning of lengths": (
        {"pruning": "median", "command": "Memory/Copy-v0 lstm", "space": "{steps: [10, 20]}"},
        "steps can't be in the space",
    ),
    "a curriculum": ({"command": "Memory/GraphTraversal-v0 dnc"}, "--no-curriculum"),
    "a folder of data": (
        {"command": "Glimpse/Digits-v0 ram --env.data /", "space": "{agent.hidden: [4]}"},
        "sweep CONFIG.yaml --data VALUE",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_cannot_be_swept_is_refused_in_one_sentence_before_it_trains(name: str, tmp_path: Path) -> None:
    changes, says = UNFIT[name]
    lines = [f"{key}: {value}\n" for key, value in {**GOOD, **changes}.items() if value is not None]
    (tmp_path / "sweep.yaml").write_text("".join(lines))
    done = command(ROOT, "train.py", "sweep", "sweep.yaml", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert re.search(says, line), line
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]


# ---- distributions ----


def test_a_grid_is_nested_loops() -> None:
    space = {"a": Choice((1, "x", None)), "b": Range(0.1, 0.5, False, 0.2, False), "c": Range(2, 5, False, 3, True)}
    slow = [{"a": a, "b": b, "c": c} for a in (1, "x", None) for b in (0.1, 0.3, 0.5) for c in (2, 5)]
    assert list(grid(space)) == slow
    assert grid_size(space) == len(slow)
    assert all(type(setting["c"]) is int for setting in grid(space))
    assert len({folder_name(setting) for setting in grid(space)}) == len(slow)


@given(st.integers(1, 200), st.integers(1, 300), st.booleans(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_whole_numbers_by_chance_are_within_their_range_and_reach_its_ends(
    low: int, span: int, log: bool, seed: int
) -> None:
    one = Range(low, low + span, log, None if log else 1, True)
    rng = np.random.default_rng(seed)
    values = [one.draw(rng) for _ in range(50)]
    assert all(type(value) is int and low <= value <= low + span for value in values)
    few = Range(low, low + 1, log, None if log else 1, True)
    assert {few.draw(rng) for _ in range(60)} == {low, low + 1}


def test_logarithms_are_uniform() -> None:
    rng = np.random.default_rng(0)
    values = np.array([float(str(Range(1e-4, 1e-2, True, None, False).draw(rng))) for _ in range(4000)])
    assert ((values >= 1e-4) & (values <= 1e-2)).all()
    assert (values < 1e-3).mean() == pytest.approx(0.5, abs=0.03)
    assert ((values - 1e-4) / 0.0099 < 0.5).mean() == pytest.approx(math.log(50.5) / math.log(100), abs=0.03)


@given(st.integers(0, 1000), st.integers(0, 50))
@settings(deadline=None, max_examples=20)
def test_a_setting_depends_on_the_seed_and_its_number_alone(seed: int, number: int) -> None:
    space = {"a": Choice(tuple("abcdefgh")), "b": Range(0, 1, False, None, False)}
    assert drawn(space, seed, number) == drawn(space, seed, number)
    assert drawn(space, seed, number)["b"] != drawn(space, seed, number + 1)["b"]


def test_a_random_search_tries_nothing_twice_and_goes_on_where_it_was(tmp_path: Path) -> None:
    text = "command: Memory/Copy-v0 lstm\nspace: {agent.hidden: [1, 2, 3], env.max-length: [1, 2, 3]}\n"
    names = []
    for trials in (5, 9):
        (tmp_path / "sweep.yaml").write_text(f"{text}search: random\ntrials: {trials}\n")
        names.append([trial.name for trial in ListedSearch(read_sweep(tmp_path / "sweep.yaml")).known()])
    assert len(set(names[1])) == 9
    assert names[1][:5] == names[0]


# ---- words ----


@given(st.floats(1e-12, 1e5), st.integers(1, 10**6), st.booleans(), st.sampled_from(["dense", "whole"]))
@settings(deadline=None, max_examples=25)
def test_what_is_trained_has_the_exact_values(lr: float, hidden: int, tensorboard: bool, reward: str) -> None:
    setting = {"learner.lr": lr, "agent.hidden": hidden, "tensorboard": tensorboard, "env.reward": reward}
    config = configure([*PAIR, *words_for_setting(setting)], [])
    assert config.learner["lr"] == lr
    assert config.agent_options["hidden"] == hidden
    assert config.options.tensorboard is tensorboard
    assert config.env["reward"] == reward


def test_flags_of_parts_no_value_and_several_values_are_words() -> None:
    words = words_for_setting({"env.augment": False, "agent.x": True, "env.max-length": None, "agent.layers": (32, 16)})
    assert words == ["--env.no-augment", "--agent.x", "--env.max-length=None", "--agent.layers", "32", "16"]
    assert configure([*PAIR, "--env.max-length=None"], []).env["max_length"] is None


def test_the_type_of_an_option_decides_what_its_range_is() -> None:
    space = read_space({"learner.lr": {"low": 0, "high": 1}, "agent.hidden": {"low": 1e1, "high": 2e1}}, PAIR)
    assert space == {
        "learner.lr": Range(0, 1, False, None, False),
        "agent.hidden": Range(10, 20, False, 1, True),
    }
    both = read_space({"learner": ["ppo", "backprop"], "learner.horizon": [4], "learner.batch": [4]}, PAIR)
    assert list(both) == ["learner", "learner.horizon", "learner.batch"]
    with pytest.raises(FoveateError, match="unknown option in space"):
        read_space({"learner": ["ppo"], "learner.batch": [4]}, PAIR)


def test_folders_of_different_settings_differ() -> None:
    values = [1e-3, 1.00001e-3, "a b", "a-b", (1, 2), "1 2", True, 1, None, "None"]
    names = [folder_name({"x": value}) for value in values] + [folder_name({"y": 1})]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[\w.=-]+", name) and len(name) < 100 for name in names)
    assert folder_name({f"part.option{i}": "v" * 30 for i in range(9)})[:20] == "option0=" + "v" * 12
    long = [folder_name({f"o{i}": i for i in order}) for order in itertools.permutations(range(3))]
    assert len({name[-8:] for name in long}) == 1  # the order of the options is none of the setting
