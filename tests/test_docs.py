"""What the README shows is run as it stands there."""

import re
import subprocess
import sys
from pathlib import Path


def blocks(root: Path) -> list[str]:
    """The README's Python blocks."""
    return re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)


def run(code: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, timeout=200)
    assert done.returncode == 0, done.stderr


def test_the_first_steps(root: Path, tmp_path: Path) -> None:
    """With a trained agent from the zoo in place of a run of the user's own."""
    (code,) = [block for block in blocks(root) if 'agents.load("runs' in block]
    agent = root / "zoo" / "ClutteredDigits-ram"
    run(code.replace("runs/…", str(agent)), tmp_path)


def test_what_is_it_looking_at(root: Path, tmp_path: Path) -> None:
    (code,) = [block for block in blocks(root) if "Saliency(" in block]
    run(code.replace("zoo/", f"{root}/zoo/") + "\nenv.step(3)\nenv.close()\n", tmp_path)
    assert (tmp_path / "drive.mp4").stat().st_size > 1000


def test_a_world_of_your_own(root: Path, tmp_path: Path) -> None:
    (code,) = [block for block in blocks(root) if "Their/World-v0" in block]
    (tmp_path / "their_module.py").write_text(code)
    words = [sys.executable, str(root / "train.py"), "--import", "their_module", "Their/World-v0", "ram"]
    more = ["--env.size", "50", "--steps", "1500", "--learner.worlds", "16", "--eval-episodes", "10"]
    done = subprocess.run([*words, *more], capture_output=True, text=True, cwd=tmp_path, timeout=200)
    assert done.returncode == 0, done.stderr


def test_stable_baselines3(root: Path, tmp_path: Path) -> None:
    (code,) = [block for block in blocks(root) if "PPO(" in block]
    run(
        code.replace("100_000", "64")
        .replace("num_envs=64", "num_envs=2")
        .replace("worlds)))", "worlds)), n_steps=32)"),
        tmp_path,
    )


def test_commands_in_the_readme_exist(root: Path) -> None:
    text = (root / "README.md").read_text()
    targets = set(re.findall(r"`?make (\w+)", text)) - {"it", "sure"}
    makefile = (root / "Makefile").read_text()
    assert targets >= {"demo", "test"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for name in re.findall(r"\]\(([\w./-]+)\)", text):  # links within the repository
        assert (root / name).exists(), name
