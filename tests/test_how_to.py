"""A stranger's environment, as the how-to page has it, trains by our commands (the other pages: test_docs.py)."""

import re
from pathlib import Path

import pytest
from commands import run_folder
from sources import write_sources

from foveate import evaluate, train


def blocks(root: Path, page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (root / "docs" / "how-to" / page).read_text(), re.DOTALL)


@pytest.mark.parametrize(
    ("page", "number", "module", "words", "more"),
    [
        ("register-and-train", 0, "recall", ["Mine/Recall-v0", "slim"], []),
        ("your-own-environment", 0, "corners", ["Mine/Corners-v0", "ram", "--learner", "ppo"], []),
        ("your-own-environment", 1, "delay", ["Mine/Delay-v0", "gru", "--env.wait", "5"], ["--env.wait", "8"]),
        (
            "your-own-source",
            0,
            "pairs",
            ["Mine/Pairs-v0", "bahdanau", "--learner.batch", "8"],
            ["--align", "words.png"],
        ),
        (
            "your-own-source",
            1,
            "sounds",
            ["Mine/Sounds-v0", "bahdanau", "--learner.batch", "8"],
            ["--align", "frames.png"],
        ),
    ],
)
def test_a_stranger_s_environment(
    root: Path,
    elsewhere: Path,
    page: str,
    number: int,
    module: str,
    words: list[str],
    more: list[str],
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(elsewhere))
    code = blocks(root, f"{page}.md")[number]
    written = [line for line in code.splitlines() if line.strip() and "import " not in line]
    assert len(written) <= 20 * len(re.findall(r"^class ", code, re.MULTILINE))
    write_sources(elsewhere)
    (elsewhere / f"{module}.py").write_text(code)
    few = ["--steps", "600", "--learner.worlds", "8", "--eval-episodes", "8", "--no-tensorboard", "--log-dir", "out"]
    assert train.main([*words, *few]) == 2  # without --import nothing is known of it
    assert words[0] in capsys.readouterr().err
    assert train.main(["--import", module, *words, *few]) == 0
    run = str(run_folder(elsewhere / "out"))
    assert evaluate.main(["--import", module, run, "--episodes", "20", "--no-progress", *more]) == 0
    assert words[0] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "module", "words"),
    [
        (0, "bands", ["Glimpse/TranslatedDigits-v0", "ram-soft", "--agent.attention", "bands", "--agent.bands", "4"]),
        (1, "leaky", ["Memory/RepeatPrevious-v0", "mlp", "--agent.core", "leaky"]),
        (1, "leaky", ["Glimpse/TranslatedDigits-v0", "ram", "--agent.core", "leaky"]),
    ],
)
def test_a_stranger_s_attention_and_core(
    root: Path,
    elsewhere: Path,
    number: int,
    module: str,
    words: list[str],
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(elsewhere))
    (elsewhere / f"{module}.py").write_text(blocks(root, "your-own-attention.md")[number])
    few = ["--steps", "600", "--learner.worlds", "64", "--eval-episodes", "8", "--no-tensorboard", "--log-dir", "out"]
    with pytest.raises(SystemExit):  # without --import nothing is known of it
        train.main([*words, *few])
    assert module in capsys.readouterr().err
    with pytest.raises(SystemExit):
        train.main(["--import", module, *words, "--help"])
    assert module in capsys.readouterr().out  # among the choices
    assert train.main(["--import", module, *words, *few]) == 0
    run = str(run_folder(elsewhere / "out"))
    assert evaluate.main(["--import", module, run, "--episodes", "20", "--no-progress"]) == 0
    assert words[0] in capsys.readouterr().out
