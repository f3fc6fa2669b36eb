"""A stranger's environment, as the how-to page has it, trains by our commands (the other pages: test_docs.py)."""

import re
from pathlib import Path

import pytest
from commands import run_folder

from foveate import evaluate, train


def blocks(root: Path, page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (root / "docs" / "how-to" / page).read_text(), re.DOTALL)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's own, where their modules are found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("number", "module", "words", "wait"),
    [
        (0, "corners", ["Mine/Corners-v0", "ram", "--learner", "ppo"], []),
        (1, "delay", ["Mine/Delay-v0", "gru", "--env.wait", "5"], ["--env.wait", "8"]),
    ],
)
def test_a_stranger_s_environment(
    root: Path,
    elsewhere: Path,
    number: int,
    module: str,
    words: list[str],
    wait: list[str],
    capsys: pytest.CaptureFixture,
) -> None:
    code = blocks(root, "your-own-environment.md")[number]
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    (elsewhere / f"{module}.py").write_text(code)
    more = ["--steps", "600", "--learner.worlds", "8", "--eval-episodes", "8", "--no-tensorboard", "--log-dir", "out"]
    assert train.main([*words, *more]) == 2  # without --import nothing is known of it
    assert words[0] in capsys.readouterr().err
    assert train.main(["--import", module, *words, *more]) == 0
    run = str(run_folder(elsewhere / "out"))
    assert evaluate.main(["--import", module, run, "--episodes", "20", "--no-progress", *wait]) == 0
    assert words[0] in capsys.readouterr().out
