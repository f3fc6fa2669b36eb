"""The catalogue, which is written by hand, names everything there is, and nothing else."""

import re
from pathlib import Path

from foveate.agents import AGENTS, presets
from foveate.envs import IDS, MULTI_IDS


def named(page: str, title: str) -> set[str]:
    """What the first column of a table names; behind the first id of a cell stand others of its family in short."""
    found, family = set(), ""
    (section,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    for cell in re.findall(r"^\| ([^|]*) \|", section, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", cell):
            family = name.partition("/")[0] if "/" in name else family
            found.add(f"{family}/{name}-v0" if family and "/" not in name else name)
    return found


def test_it_names_every_environment(root: Path) -> None:
    found = named((root / "docs" / "catalogue.md").read_text(encoding="utf-8"), "Environments")
    assert {name for name in found if not name.startswith("ALE/")} == {*IDS, *MULTI_IDS}


def test_it_names_every_preset_and_agent(root: Path) -> None:
    page = (root / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert named(page, "Agents") == set(presets.names())
    missing = [name for name in AGENTS if name not in presets.names() and f"`{name}`" not in page]
    assert missing == []
