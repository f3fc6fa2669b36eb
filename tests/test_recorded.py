"""Nothing changed that wasn't meant to: worlds, agents, learners and instruments do what they did when recorded."""

import os
from pathlib import Path

import pytest
from recorded.digest import differences
from recorded.record import CASES, COMMAND, FILE, read

EXACT = os.environ.get("FOVEATE_EXACT") == "1"
RECORDED = read(Path(os.environ.get("FOVEATE_RECORDED", FILE)))


def test_every_case_is_recorded_and_no_other() -> None:
    assert list(CASES) == list(RECORDED), f"to record anew: {COMMAND}"


@pytest.mark.parametrize("name", CASES)
def test_it_does_what_it_did(name: str) -> None:
    lines = differences(RECORDED[name], CASES[name](), EXACT)
    more = f"\n… and {len(lines) - 12} more" if len(lines) > 12 else ""
    assert not lines, (
        f"{name} changed:\n  "
        + "\n  ".join(lines[:12])
        + f"{more}\nIf that was meant, say why and record anew: {COMMAND}"
        f"\nTo see all of it: python tests/recorded/record.py --compare tests/recorded/{FILE.name} --only '{name}'"
    )
