"""The catalogue, which is written by hand, names everything there is."""

from pathlib import Path

import pytest

from foveate.agents import AGENTS, presets
from foveate.envs import IDS, MULTI_IDS


@pytest.mark.parametrize("name", [*IDS, *MULTI_IDS, *presets.names(), *sorted(set(AGENTS) - set(presets.names()))])
def test_it_is_in_the_catalogue(name: str, root: Path) -> None:
    page = (root / "docs" / "catalogue.md").read_text(encoding="utf-8")
    short = name.partition("/")[2].removesuffix("-v0")  # behind the first id of a line
    assert f"`{name}`" in page or (short and f"`{short}`" in page)
