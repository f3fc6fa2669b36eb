"""``train.py list``: everything once, what is alike in one line, and what a word names."""

import pytest

from foveate import train
from foveate.agents import AGENTS, presets
from foveate.envs import IDS, MULTI_IDS


def listed(capsys: pytest.CaptureFixture, *words: str) -> list[str]:
    assert train.main(["list", *words]) == 0
    return capsys.readouterr().out.splitlines()


def test_everything_has_a_line_and_many_games_have_one(capsys: pytest.CaptureFixture) -> None:
    lines = listed(capsys)
    names = [line.split()[0] for line in lines if line.startswith("  ")]
    assert len(set(names)) == len(names)
    ours = {*IDS, *MULTI_IDS, *presets.names(), *AGENTS}
    assert set(names) >= ours  # and what other tests registered
    assert all(len(line.split()) > 2 for line in lines if line[2:].split(" ")[0] in ours)  # each says what it is


def test_a_word_names_what_contains_it(capsys: pytest.CaptureFixture) -> None:
    pytest.importorskip("ale_py")
    games = listed(capsys, "ale/p")
    assert games[0] == "environments"
    assert [line for line in games if "ALE/Pong-v5" in line]
    assert all(line.startswith("  ALE/P") for line in games[1:])
    assert {line.split()[0] for line in listed(capsys, "RAM") if line.startswith("  ")} >= {"ram", "ram-soft", "dram"}


def test_a_word_that_is_in_no_name(capsys: pytest.CaptureFixture) -> None:
    assert train.main(["list", "tranzlate"]) == 2
    assert "tranzlate" in capsys.readouterr().err
