"""Running text: what each character costs against whoever keeps all that can be known, names, markup, data."""

import math
from collections import defaultdict
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.envs.gym_env import VectorEnv
from foveate.envs.sequence import Text
from foveate.envs.sequence.prose import (
    ALPHABET,
    CONSONANTS,
    DIGITS,
    KINDS,
    MOST_NAMES,
    NAMED_SHARE,
    VOWELS,
    Arc,
    arcs,
    kinds_of,
)
from foveate.envs.sequence.text import spelt
from foveate.errors import FoveateError

ID = "Sequence/Text-v0"


def worlds_of(count: int, seed: int = 0, **options: Any) -> Text:
    world = cast(VectorEnv, gym.make_vec(ID, num_envs=count, **options).unwrapped).world
    world.reset(keys=torch.arange(seed, seed + count))
    return cast(Text, world)


def text_of(world: Text, index: int) -> str:
    state = world.state
    return spelt([int(state["inputs"][index, 0, 0]), *state["targets"][index, :, 0].tolist()])


class Reader:
    """Who reads a text character by character, and knows the grammar and every name that was said."""

    def __init__(self, names: int, markup: bool):
        self.arcs = list(arcs(names > 0, markup))
        self.names, self.known = names, dict[str, str]()  # by their first letters
        self.state, self.before = ("verse" if markup else "sentence"), ""

    def chances(self) -> dict[str, float]:
        """Of each character the chance that it comes next."""
        found: dict[str, float] = defaultdict(float)
        for arc in self.here():
            for letter, chance in self.following(arc):
                found[letter] += chance
        whole = sum(found.values())
        return {letter: chance / whole for letter, chance in found.items()}

    def here(self) -> list[Arc]:
        return [arc for arc in self.arcs if arc.state == self.state]

    def following(self, arc: Arc) -> list[tuple[str, float]]:
        place = len(self.before)
        if arc.text:
            fits = arc.text.startswith(self.before) and len(arc.text) > place
            return [(arc.text[place], arc.chance)] if fits else []
        if arc.state == "id":
            return [(digit, 1.0) for digit in "0123456789"]
        if not place:
            unheard = [letter for letter in CONSONANTS if letter not in self.known]
            new = (self.names - len(self.known)) / self.names / len(unheard) if unheard else 0.0
            return [(letter, NAMED_SHARE / self.names) for letter in self.known] + [
                (letter, NAMED_SHARE * new) for letter in unheard
            ]
        if self.before[0] not in CONSONANTS:
            return []
        if self.before[0] in self.known:
            name = self.known[self.before[0]]
            return [(name[place], arc.chance)] if name.startswith(self.before) else []
        if place == 6:
            return [(" ", arc.chance)]
        return [(letter, arc.chance) for letter in (VOWELS if place % 2 else CONSONANTS)]

    def read(self, letter: str) -> None:
        self.before += letter
        for arc in self.here():
            done = self.before == arc.text
            if not arc.text and arc.state == "id":
                done = len(self.before) == DIGITS
            elif not arc.text and self.before[0] in CONSONANTS:
                done = len(self.before) == 7
                if done:
                    self.known[self.before[0]] = self.before
            if done:
                self.state, self.before = arc.after, ""
                return


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 1, 2, 13]), st.booleans())
def test_the_optimum_is_what_a_reader_pays_who_knows_all_that_can_be_known(seed, names, markup):
    world = worlds_of(1, seed, names=names, markup=markup, length=150)
    text, state = text_of(world, 0), world.state
    reader = Reader(names, markup)
    for place, letter in enumerate(text):
        chances = reader.chances()
        if place:
            assert float(state["optimum"][0, place - 1]) == pytest.approx(-math.log2(chances[letter]), abs=1e-4)
            likely = ALPHABET[int(state["likeliest"][0, place - 1])]
            assert chances[likely] == pytest.approx(max(chances.values()))
        reader.read(letter)


def test_arcs_of_a_state_are_a_prefix_code_and_their_chances_are_one():
    for named in (False, True):
        for markup in (False, True):
            every = list(arcs(named, markup))
            for state in {arc.state for arc in every}:
                mine = [arc for arc in every if arc.state == state]
                assert sum(arc.chance for arc in mine) == pytest.approx(1.0)
                texts = [arc.text for arc in mine if arc.text]
                assert not [(a, b) for a in texts for b in texts if a is not b and b.startswith(a)]
    assert not any(arc.text and arc.text[0] in CONSONANTS for arc in arcs(True, True) if arc.state == "sentence")


def test_what_is_likely_comes_as_often_as_it_is_likely():
    world = worlds_of(400, names=2)
    cost, right = world.state["optimum"], world.state["likeliest"] == world.state["targets"][..., 0]
    sure = cost < 1e-6
    assert bool(right[sure].all())
    # a fair coin between the likeliest and all the rest, at the end of a sentence's first noun, comes out as it should
    ends = world.state["likeliest"] == ALPHABET.index(".")
    assert float(right[ends].float().mean()) == pytest.approx(0.7, abs=0.02)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, MOST_NAMES))
def test_a_letter_that_was_said_is_found_where_its_name_was_said_last(seed, names):
    world = worlds_of(3, seed, names=names, length=400)
    for index in range(3):
        text, last = text_of(world, index), dict[str, int]()
        words = text.split(" ")
        begin = 0
        expected = [-1] * (len(text) - 1)
        for word in words:
            # a name is the first word of a sentence, and is no article
            if (begin == 0 or text[begin - 2] == ".") and not "the".startswith(word):
                ends = begin + len(word) == len(text)
                for name in [name for name in last if name == word or (ends and name.startswith(word))]:
                    for place in range(1, len(word)):
                        expected[begin + place - 1] = last[name] + place
                last[word] = begin
            begin += len(word) + 1
        assert world.state["source"][index].tolist() == expected


def test_the_kinds_of_characters():
    text = 'the king.</verse>\n<verse id="12">a'
    assert [KINDS[kind] for kind in kinds_of("the king. ", False)] == [
        *("word begins", "inside a word", "inside a word", "space", "word begins", *["inside a word"] * 3),
        *("full stop", "space"),
    ]
    assert [KINDS[kind] for kind in kinds_of(text[17:-1], True)][1:] == [
        "digit of an id" if letter.isdigit() else "markup" for letter in text[18:-1]
    ]
    world = worlds_of(4, markup=True)
    for index in range(4):
        digits = world.state["kinds"][index] == KINDS.index("digit of an id")
        assert [letter.isdigit() for letter in text_of(world, index)[1:]] == digits.tolist()


def test_a_file_of_ones_own(tmp_path: Path):
    lines = [f"Line {number} says “so”." for number in range(200)]
    path = tmp_path / "mine.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    seen = {}
    for split in ("train", "validation", "test"):
        world = worlds_of(50, data=str(path), split=split, length=60, markup=False)
        assert "optimum" not in world.annotate(world.state)
        seen[split] = {text_of(world, index).split("\n")[0] for index in range(50)}
        assert all(line == line.lower() and "~so~" in line for line in seen[split])
    assert not seen["train"] & (seen["test"] | seen["validation"])
    world = worlds_of(3, data=str(path), length=200, markup=True)
    assert text_of(world, 0).startswith('<verse id="')
    assert "owner" in world.data_source


def test_the_verses_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "verses").mkdir()
    said = "\n".join(f"In the beginning, God created {number}." for number in range(100))
    for name in ("source.txt", "target.txt"):
        (tmp_path / "verses" / name).write_text(said, encoding="utf-8")
    monkeypatch.setenv("FOVEATE_DATA", str(tmp_path))
    from foveate.envs.sequence import parallel_text, running_text

    for kept in (parallel_text.found, running_text.load, running_text._lines):
        kept.cache_clear()
    try:
        assert text_of(worlds_of(1, data="verses", length=40), 0).startswith("in the beginning, god created ")
    finally:
        for kept in (parallel_text.found, running_text.load, running_text._lines):
            kept.cache_clear()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"names": 14}, "names=14 is not allowed"),
        ({"data": "nowhere.txt"}, "no file and no known name"),
        ({"data": __file__, "names": 1}, "names are of the grammar's texts"),
        ({"length": 1}, "length=1 is not allowed"),
        ({"split": "test-3"}, "test-500"),
    ],
)
def test_what_is_refused(options, says):
    with pytest.raises(FoveateError, match=says):
        Text(**options)


def test_a_part_without_lines_is_refused(tmp_path: Path):
    path = tmp_path / "short.txt"
    path.write_text("one line\n", encoding="utf-8")
    world = Text(data=str(path), split="train")
    assert "owner" in world.data_source
    with pytest.raises(FoveateError, match="none is in the test part"):
        Text(data=str(path), split="test")


@pytest.mark.parametrize("length", [2, 17, 256, 2000])
def test_walks_are_long_enough_for_their_texts(length):
    for names, markup in ((0, False), (1, False), (3, True), (0, True)):
        world = worlds_of(64, names=names, markup=markup, length=length)
        text = text_of(world, 0)
        assert len(text) == length
        assert length < 100 or len(set(text[-40:])) > 8
