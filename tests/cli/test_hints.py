"""What a command prints at its end and in its help: it can be pasted, and does what it says."""

import shlex
import sys
from pathlib import Path

import pytest
from commands import command, measure_little

ROOT = Path(__file__).resolve().parents[2]
BLIND = '''
import gymnasium as gym, torch
from foveate.envs import BatchWorld, register_world


class Unseen(BatchWorld):
    """A world without a picture."""

    def __init__(self, *, size: int = 2):
        self.episode_length = 1
        self.observation_space, self.action_space = gym.spaces.Box(0, 1, (size,)), gym.spaces.Discrete(2)

    def start(self, rng):
        return {"shown": rng.integers("shown", 2)}

    def advance(self, state, action, rng):
        return state, (action == state["shown"]).float(), torch.ones_like(action, dtype=torch.bool)

    def observe(self, state):
        return state["shown"][:, None].expand(-1, 2).float()


register_world("Unseen/World-v0", Unseen)
'''
PAIRS = {
    "Glimpse/Digits-v0 ram": ["--video"],
    "Glimpse/Digits-v0 cnn": ["--video", "--saliency"],
    "Memory/Copy-v0 ntm": ["--video", "--trace"],
    "Memory/TMaze-v0 gru": ["--video"],
    "Probe/Catch-v0 dueling": ["--video", "--saliency"],
    "Multi/SharedGaze-v0 ram": ["--video"],
    "Sequence/Translation-v0 bahdanau --learner.batch 8": ["--video", "--align"],
    "Sequence/Handwriting-v0 handwriting --env.max-length 4 --learner.batch 8": ["--video", "write"],
    "CartPole-v1 mlp": [],
    "--import unseen Unseen/World-v0 mlp": [],
}
FEW = ["--steps", "8", "--eval-episodes", "4", "--learner.worlds", "16", "--no-tensorboard"]


@pytest.mark.parametrize("pair", PAIRS)
def test_closing_hints_can_be_pasted_and_do_what_they_say(
    pair: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every family, from a folder whose name has blanks and quotes."""
    monkeypatch.setitem(sys.modules, "pygame", None)  # CartPole draws with what isn't installed here
    measure_little(monkeypatch)
    (tmp_path / "unseen.py").write_text(BLIND)
    done = command(ROOT, "train.py", *pair.split(), *FEW, "--log-dir", "it's a run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    hints = [line.strip() for line in done.stdout.split("finished: ")[1].splitlines()[1:]]
    assert hints
    said = " ".join(hints)
    assert {flag for flag in ("--video", "--trace", "--saliency", "--align", "write") if flag in said} == set(
        PAIRS[pair]
    )
    for hint in hints:
        python, script, *words = shlex.split(hint)
        assert (python, Path(script)) == ("python", ROOT / "evaluate.py")
        again = command(ROOT, "evaluate.py", *words, cwd=tmp_path)
        assert again.returncode == 0, again.stderr
        for flag in ("--video", "--trace", "--align"):
            if flag in words:
                assert (tmp_path / words[words.index(flag) + 1]).stat().st_size > 500


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["train.py", "Glimpse/Digits-v0", "ram", "--help"],
            ["--learner.lr", "--learner NAME", "--resume", "1e6"],
        ),
        (["train.py", "compare", "--help"], ["worlds:", "arms:", "minutes:", "steps", "seeds:", "folder:", "report:"]),
        (["train.py", "--version"], ["foveate "]),
        (["evaluate.py", "--version"], ["foveate "]),
        (["evaluate.py", "zoo/Copy-ntm", "--episodes", "2", "--no-progress"], ["bits: -log2 of the probability"]),
    ],
)
def test_help_says_what_there_is(words: list[str], says: list[str]) -> None:
    done = command(ROOT, *words)
    assert done.returncode == 0, done.stderr
    for text in says:
        assert text in done.stdout, text
