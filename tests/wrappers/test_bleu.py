"""BLEU: against the formula, and of the sentences that the scored episodes had."""

import json
import math
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from commands import command
from episodes import Knowing

from foveate.agents import load
from foveate.agents.learning.actor import Actor, play
from foveate.agents.learning.environments import environments_of
from foveate.analysis.bleu import Pair, Sentences, bleu
from foveate.analysis.measure import measure
from foveate.envs.protocols import world_of
from foveate.envs.registry import make_worlds
from foveate.errors import FoveateError

ID, SHORT = "Sequence/Translation-v0", {"view": "whole", "min_length": 4, "max_length": 6}
SACREBLEU = pytest.mark.skipif(find_spec("sacrebleu") is None, reason="sacrebleu (the extra text) is not installed")


def papineni(pairs: list[Pair]) -> float:
    """Papineni et al. 2002, section 2.3: the geometric mean of clipped precisions, times the brevity penalty."""
    said, due = ([pair[side].split() for pair in pairs] for side in (0, 1))
    precision = []
    for n in range(1, 5):
        right = total = 0
        for a, b in zip(said, due, strict=True):
            ours, theirs = (Counter(tuple(x[i : i + n]) for i in range(len(x) - n + 1)) for x in (a, b))
            right += sum(min(count, theirs[gram]) for gram, count in ours.items())
            total += sum(ours.values())
        precision.append(right / total)
    c, r = (sum(map(len, texts)) for texts in (said, due))
    return 100 * min(1.0, math.exp(1 - r / c)) * math.prod(precision) ** 0.25


@SACREBLEU
def test_bleu_is_the_formula() -> None:
    words = np.array(["the", "old", "king", "sees", "a", "new", "town"])
    generator = np.random.default_rng(0)
    pairs = []
    for _ in range(40):
        due = generator.choice(words, 8)
        said = np.where(generator.random(8) < 0.2, generator.choice(words, 8), due)[: generator.integers(6, 9)]
        pairs.append(Pair(" ".join(said), " ".join(due)))
    found = bleu(pairs)
    assert found["score"] == pytest.approx(papineni(pairs), abs=1e-6)
    assert found["interval"][0] < found["score"] < found["interval"][1]
    assert found["sentences"] == 40
    assert "tok:none" in found["signature"]
    assert bleu([Pair("das Markt , neu zu gehen", "das Markt , neu zu gehen")])["score"] == pytest.approx(100)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(FoveateError, match=r"foveate\[text\]"):
        bleu([Pair("a", "a")])


def test_sentences_are_those_that_are_scored(root: Path) -> None:
    policy = load(root / "zoo" / "Translation-bahdanau", device="cpu").policy
    watched: list[Sentences] = []

    def watch(world: object, rounds: int) -> Sentences:
        watched.append(Sentences(world, rounds))
        return watched[-1]

    played = measure(policy, ID, SHORT, "validation", 300, watch=watch)
    pairs = watched[0].pairs
    assert len(pairs) == len(played.scores) == 512  # two rounds of 256
    assert [float(pair.written == pair.due) for pair in pairs] == played.scores.tolist()
    assert 0.5 < played.scores.mean() < 1
    assert len({pair.due for pair in pairs}) > 500
    assert all(4 <= len(pair.due.split()) <= 6 for pair in pairs)


def test_what_are_no_sentences_is_refused() -> None:
    for env_id in ("Sequence/PenReading-v0", "Memory/Copy-v0"):
        with pytest.raises(FoveateError, match="Sequence/Translation-v0 and Sequence/Caption-v0"):
            Sentences(world_of(make_worlds(env_id, 2, "cpu", {})), 1)


@pytest.mark.parametrize(("view", "looks"), [("whole", 1), ("stream", 1), ("glimpse", 2)])
def test_sentences_are_whole_in_every_view_and_round(view: str, looks: int) -> None:
    env = make_worlds(ID, 7, "cpu", {**SHORT, "view": view, "looks": looks})
    world = world_of(env)
    notes = Sentences(world, 3)
    actor = Actor(Knowing(world), environments_of(env))
    actor.reset(0)
    play(actor, episodes=4, observers=[notes])
    assert len(notes.pairs) == 3 * 7
    assert all(pair.written == pair.due and len(pair.due.split()) in (4, 5, 6) for pair in notes.pairs)


@SACREBLEU
def test_the_command_says_bleu(root: Path, tmp_path: Path) -> None:
    words = ["--episodes", "40", "--bleu", "--no-progress", "--env.min-length", "10", "--env.max-length", "12"]
    done = command(root, "evaluate.py", "zoo/Translation-bahdanau", *words, "--json", str(tmp_path / "figures.json"))
    assert done.returncode == 0, done.stderr
    assert "BLEU" in done.stdout
    (row,) = json.loads((tmp_path / "figures.json").read_text())
    assert row["bleu"]["sentences"] == 40
    assert row["bleu"]["score"] > 95


@SACREBLEU
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["zoo/Translation-bahdanau", "--bleu", "--episodes", "0"], "--episodes 0"),
        (["zoo/Copy-ntm", "--bleu", "--episodes", "4"], "sentences of words"),
    ],
)
def test_what_bleu_cannot_judge_is_said(root: Path, words: list[str], says: str) -> None:
    done = command(root, "evaluate.py", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
