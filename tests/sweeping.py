"""A sweep in a folder of a test: run it, and look at what it left."""

import json
from pathlib import Path
from typing import Any

from commands import command

ROOT = Path(__file__).resolve().parent.parent


def sweep(folder: Path, *words: str) -> Any:
    """``train.py sweep sweep.yaml``, in a folder, one training at a time."""
    return command(ROOT, "train.py", "sweep", "sweep.yaml", "--workers", "1", *words, cwd=folder)


def homes(folder: Path) -> list[Path]:
    """The folders of its trainings."""
    return sorted((folder / "out" / "trials").iterdir())


def board(folder: Path) -> dict[str, Any]:
    """Its leaderboard."""
    return json.loads((folder / "out" / "leaderboard.json").read_text())
