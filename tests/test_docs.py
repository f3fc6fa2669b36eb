"""What the README shows is run as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


def blocks(root: Path) -> list[str]:
    """The README's Python blocks."""
    return re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)


def run(code: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr


RUNNING = [block for block in blocks(Path(__file__).parents[1]) if "register_world(" not in block]


@pytest.mark.parametrize("block", RUNNING, ids=lambda block: re.findall(r"[A-Z]\w+", block)[-1])
def test_a_block_runs_as_it_is_printed(block: str, tmp_path: Path) -> None:
    """In an empty folder, where zoo/NAME is what comes with the package."""
    run(block, tmp_path)
    for film in re.findall(r'"(\w+\.mp4)"', block):
        assert (tmp_path / film).stat().st_size > 1000


def test_a_world_of_your_own(root: Path, tmp_path: Path) -> None:
    (code,) = [block for block in blocks(root) if "Their/World-v0" in block]
    (tmp_path / "their_module.py").write_text(code)
    (line,) = re.findall(r"python path/to/train.py (--import their_module .*)", (root / "README.md").read_text())
    words = [sys.executable, str(root / "train.py"), *line.split()]
    more = ["--steps", "1500", "--learner.worlds", "16", "--eval-episodes", "10"]
    done = subprocess.run([*words, *more], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_commands_in_the_readme_exist(root: Path) -> None:
    text = (root / "README.md").read_text()
    targets = set(re.findall(r"`?make (\w+)", text)) - {"it", "sure"}
    makefile = (root / "Makefile").read_text()
    assert targets >= {"demo", "test"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for name in re.findall(r"\]\(([\w./-]+)\)", text):  # links within the repository
        assert (root / name).exists(), name
