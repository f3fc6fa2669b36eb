"""docs/lecture.md: every environment, agent, option, table, trained agent and picture that it names is there."""

import json
import re
import shlex
from pathlib import Path

import pytest

from foveate.cli.configuration import configure

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "lecture.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`]+)`", PAGE)


@pytest.mark.parametrize("words", sorted({code for code in CODE if re.match(r"\w+/\w+-v0 \w", code)}))
def test_what_is_to_be_trained_can_be(words: str) -> None:
    env_id, agent, *_ = shlex.split(words)
    configuration = configure(shlex.split(words), [])
    assert (configuration.env_id, configuration.preset) == (env_id, agent)


def test_tables_that_are_named_are_measured() -> None:
    every = {row["table"] for row in json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))}
    named = re.findall(r'tables? "([^"]+)"', PAGE)
    assert len(named) > 20
    assert [name for name in named if not any(table.startswith(name) for table in every)] == []


def test_trained_agents_and_pictures_are_there() -> None:
    names = set(re.findall(r"zoo/([\w-]+)", PAGE))
    assert names
    assert {name for name in names if not (ROOT / "zoo" / name).is_dir()} == set()
    links = set(re.findall(r"\]\(([^)]+)\)", PAGE))
    assert {link for link in links if not (ROOT / "docs" / link).is_file()} == set()


def test_each_row_says_whether_it_works() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| shown")]
    assert len(rows) > 50
    for row in rows:
        cells = [cell.strip() for cell in row.split("|")]
        shown, here = cells[1:3]
        assert row.count("|") == 5, shown
        assert cells[-2] or not here.startswith("works"), f"{shown}: no figure"
        assert re.match(r"works|partly: .{9}|not here: .{9}", here), shown
