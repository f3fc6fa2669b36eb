"""Parallel texts: a folder of one's own, verses in the format of SWORD, vocabularies, parts, and the gold alignment."""

import json
import struct
import zlib
from pathlib import Path
from typing import cast

import gymnasium as gym
import pytest
import torch
from commands import run_folder
from episodes import Knowing

from foveate import evaluate, train
from foveate.agents.learning import checkpoint
from foveate.agents.learning.actor import Actor, play
from foveate.agents.learning.environments import environments_of
from foveate.analysis.bleu import Sentences
from foveate.envs import protocols
from foveate.envs.outside import options_of_file
from foveate.envs.registry import make_worlds
from foveate.envs.sequence import Translation, parallel_text, verses
from foveate.envs.sequence.parallel_text import OTHER, UNKNOWN, load
from foveate.errors import FoveateError

ID = "Sequence/Translation-v0"
MODULE_SOURCE, MODULE_TARGET = verses.MODULES


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOVEATE_DATA", raising=False)
    for kept in (load, parallel_text._vocabularies, parallel_text.found):
        kept.cache_clear()


def write_text(folder: Path, count: int = 400) -> Path:
    """Sentences of numbers, whose translation is the same backwards, in other words."""
    folder.mkdir(parents=True, exist_ok=True)
    digits = ["zero", "one", "two", "three", "four"]
    rows = [[(n // 5**k) % 5 for k in range(1 + n % 6)] for n in range(count)]
    (folder / "source.txt").write_text("\n".join(" ".join(digits[d] for d in row).title() + "." for row in rows))
    (folder / "target.txt").write_text("\n".join(" ".join(f"n{d}" for d in row[::-1]) + "!" for row in rows))
    return folder


def world_of(count: int, **options: object) -> Translation:
    env = gym.make_vec(ID, num_envs=count, output="torch", **{"view": "whole", "min_length": 2, **options})
    env.reset(seed=0)
    return cast(Translation, env.unwrapped.world)


def words(names: list[str], symbols: torch.Tensor) -> list[str]:
    return [names[symbol] for symbol in symbols.tolist() if symbol]


def test_each_line_is_read_beside_its_translation(tmp_path: Path) -> None:
    world = world_of(200, data=str(write_text(tmp_path)))
    state, corpus = world.state, world.corpus()
    for row in range(200):
        said, due = words(corpus.read, state["items"][row]), words(corpus.written, state["targets"][row])
        assert said[-1] == "."
        assert due[-1] == "!"
        backwards = [f"n{['zero', 'one', 'two', 'three', 'four'].index(word)}" for word in said[-2::-1]]
        assert backwards == due[:-1]
        assert int(state["length"][row]) == len(said)
        assert int(state["due"][row]) == len(due) + 1
    assert not state["aligned"].any()  # nobody says which word is whose
    assert "one's own" in world.data_source


def test_parts_share_no_sentence_and_one_vocabulary(tmp_path: Path) -> None:
    folder = str(write_text(tmp_path))
    corpora = {part: load(folder, part, 2, 7, 100) for part in ("train", "validation", "test")}
    texts = {part: {tuple(row) for row in corpus.items.tolist()} for part, corpus in corpora.items()}
    assert not texts["train"] & texts["test"]
    assert not texts["train"] & texts["validation"]
    assert not texts["validation"] & texts["test"]
    assert len(texts["train"]) > len(texts["test"]) > 5
    assert corpora["train"].read == corpora["test"].read == load(folder, "test", 4, 6, 100).read
    assert set(load(folder, "test", 4, 6, 100).length.tolist()) <= {4, 5, 6}
    spaces = [world_of(1, data=folder, split=split).observation_space for split in ("train", "test")]
    assert spaces[0] == spaces[1]


def test_rare_words_are_one(tmp_path: Path) -> None:
    folder = write_text(tmp_path)
    corpus = load(str(folder), "train", 1, 7, 3)
    assert len(corpus.read) == len(corpus.written) == 5
    assert corpus.read[UNKNOWN] == corpus.written[UNKNOWN] == OTHER
    every = load(str(folder), "train", 1, 7, 100)
    known = set(corpus.read[2:])
    for row, full in zip(corpus.items[:100], every.items[:100], strict=True):
        expected = [word if word in known else OTHER for word in words(every.read, full)]
        assert words(corpus.read, row) == expected
    count = [int((every.items == symbol).sum()) for symbol in range(2, len(every.read))]
    assert count == sorted(count, reverse=True)


def test_a_word_without_a_symbol_is_never_right_for_bleu(tmp_path: Path) -> None:
    options = {"view": "whole", "min_length": 2, "data": str(write_text(tmp_path)), "vocabulary": 3}
    env = make_worlds(ID, 20, "cpu", options)
    world = protocols.world_of(env)
    notes = Sentences(world, 1)
    actor = Actor(Knowing(world), environments_of(env))
    actor.reset(0)
    play(actor, episodes=1, observers=[notes])
    assert len(notes.pairs) == 20
    for said, due in notes.pairs:  # the answers are known, but not the words that have no symbol
        for ours, theirs in zip(said.split(), due.split(), strict=True):
            assert (ours == theirs) == (ours != OTHER)
    assert any(OTHER in said for said, _ in notes.pairs)


# ---- verses ----


def write_module(folder: Path, chapters: dict[str, list[str]]) -> None:
    """A module of SWORD with one block a testament, whose entries are a heading, then chapters and their verses."""
    folder.mkdir(parents=True)
    for testament, prefix in (("ot", "Gen"), ("nt", "Matt")):
        entries = ["", "<title>A book</title>"]
        for name, texts in chapters.items():
            if name.startswith(prefix):
                entries += [f'<chapter n="1" osisID="{name}" sID="{name}"/>', *texts]
        packed, index, begin = [], b"", 0
        for entry in entries:
            data = entry.encode()
            index += struct.pack("<IIH", 0, begin, len(data))
            packed.append(data)
            begin += len(data)
        block = zlib.compress(b"".join(packed))
        (folder / f"{testament}.bzv").write_bytes(index)
        (folder / f"{testament}.bzs").write_bytes(struct.pack("<III", 0, len(block), begin))
        (folder / f"{testament}.bzz").write_bytes(block)


ENGLISH = {
    "Gen.1": [
        'In <w lemma="strong:H7225">the beginning</w>, <w lemma="strong:H0430">God</w><note>a note</note>'
        '<w lemma="strong:H1254">created</w>.',
        "",
    ],
    "Gen.2": ["One.", "Two."],
    "Matt.1": ['<w lemma="strong:G2424 G5547">Jesus Christ</w>’s <w lemma="strong:G9">house</w>'],
}
SPANISH = {
    "Gen.1": [
        '<w lemma="strong:H7225">EN el principio</w> <w lemma="strong:H1254">crió</w> '
        '<w lemma="strong:H0430">Dios</w>.',
        "",
    ],
    "Gen.2": ["Uno."],
    "Matt.1": ['<w lemma="strong:G9">Casa</w> de <w lemma="strong:G2424">Jesús</w>'],
}


def test_verses_and_their_gold_alignment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_module(tmp_path / MODULE_SOURCE, ENGLISH)
    write_module(tmp_path / MODULE_TARGET, SPANISH)
    monkeypatch.setattr(verses, "SWORD", tmp_path)
    pairs = verses.read_verses()
    assert [(" ".join(a.words), " ".join(b.words)) for a, b in pairs] == [
        ("in the beginning , god created .", "en el principio crió dios ."),
        ("jesus christ ’ s house", "casa de jesús"),
    ]  # chapter 2 is divided otherwise, and who knows which verse is whose
    monkeypatch.setattr(parallel_text, "TWENTIETHS", dict.fromkeys(("train", "validation", "test"), (0, 20)))
    corpus = load("verses", "train", 1, 9, 100)
    assert "public domain" in corpus.source
    found = {
        (corpus.written[int(corpus.targets[row, k])], corpus.read[int(corpus.items[row, s])])
        for row, k, s in corpus.aligned.nonzero().tolist()
    }
    beginning = {(word, other) for word in ("en", "el", "principio") for other in ("the", "beginning")}
    assert found == beginning | {
        ("crió", "created"), ("dios", "god"), ("casa", "house"), ("jesús", "jesus"), ("jesús", "christ"),
    }  # fmt: skip


def test_a_folder_named_verses_goes_before_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text(tmp_path / "verses")
    monkeypatch.setenv("FOVEATE_DATA", str(tmp_path))
    assert "one's own" in world_of(2, data="verses").data_source


def test_a_run_learns_from_it_and_says_where_it_is_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = ["--env.data", str(write_text(tmp_path / "text")), "--env.min-length", "2", "--env.max-length", "5"]
    few = [
        "--steps",
        "400",
        "--learner.worlds",
        "8",
        "--learner.batch",
        "8",
        "--eval-episodes",
        "8",
        "--no-tensorboard",
    ]
    assert train.main([ID, "bahdanau", *data, *few, "--agent.hidden", "8", "--no-tensorboard", "--log-dir", "out"]) == 0
    run = run_folder(tmp_path / "out")
    kept = json.loads((checkpoint.find(run, "last") / "run.json").read_text())
    assert "one's own" in kept["data_source"]
    assert evaluate.main([str(run), "--episodes", "8"]) == 2  # a file's folder counts only if the command line says so
    assert evaluate.main([str(run), *data[:2], "--episodes", "8", "--no-progress", "--align", "words.png"]) == 0
    assert (tmp_path / "words.png").stat().st_size > 1000
    assert options_of_file(ID, {"data": "verses"}, {}, "a file") == {"data": "verses"}


@pytest.mark.parametrize("view", ["stream", "glimpse"])
def test_who_knows_the_answers_writes_them_in_other_views(tmp_path: Path, view: str) -> None:
    world = world_of(20, data=str(write_text(tmp_path)), view=view)
    kept = torch.zeros(20)
    while not bool(world.over.all()):
        before = world.over.clone()
        world.step(world.oracle())
        kept = torch.where(world.over & ~before, world.score(world.state), kept)
    assert (kept == 1).all()


# ---- what can't be used ----


def test_what_cannot_be_used_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FoveateError, match="Allowed: grammar, verses, or a folder with source"):
        world_of(1, data="vreses")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FoveateError, match=r"holds no source\.txt"):
        world_of(1, data=str(tmp_path / "empty"))
    folder = write_text(tmp_path / "text")
    with pytest.raises(FoveateError, match="agreement=True is not allowed"):
        world_of(1, data=str(folder), agreement=True)
    with pytest.raises(FoveateError, match="none of 50 to 60 words"):
        world_of(1, data=str(folder), min_length=50, max_length=60)
    with pytest.raises(FoveateError, match="vocabulary=0"):
        world_of(1, data=str(folder), vocabulary=0)
    (folder / "target.txt").write_text("n1\n")
    parallel_text.found.cache_clear()
    load.cache_clear()
    with pytest.raises(FoveateError, match=r"source\.txt has 400 lines and target\.txt 1"):
        world_of(1, data=str(folder))
    monkeypatch.setattr(verses, "SWORD", tmp_path / "nowhere")
    with pytest.raises(FoveateError, match="Install Debian's sword-text-web and sword-text-sparv"):
        world_of(1, data="verses")
    write_module(tmp_path / "broken" / MODULE_SOURCE, ENGLISH)
    (tmp_path / "broken" / MODULE_SOURCE / "ot.bzz").write_bytes(b"nothing of the kind")
    monkeypatch.setattr(verses, "SWORD", tmp_path / "broken")
    with pytest.raises(FoveateError, match="can't be read as a module of SWORD"):
        world_of(1, data="verses")
