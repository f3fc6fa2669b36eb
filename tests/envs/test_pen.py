"""Ink: letters against the font's strokes, the hand's changes, dots in time or late, and a word that is read of it."""

from typing import cast

import gymnasium as gym
import numpy as np
import pytest
import torch
from HersheyFonts import HersheyFonts
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate.envs.counter_rng import CounterRNG
from foveate.envs.gym_env import VectorEnv
from foveate.envs.sequence import pen
from foveate.envs.sequence.pen_reading import PenReading

ID = "Sequence/PenReading-v0"
WORDS = st.lists(st.integers(1, 26), min_size=1, max_size=6)


def spelled(*words: str) -> Tensor:
    """Words as numbers of letters from 1 on, 0 behind the end."""
    most = max(map(len, words))
    return torch.tensor([[pen.LETTERS.index(c) + 1 for c in word] + [0] * (most - len(word)) for word in words])


def plain(count: int) -> pen.Hand:
    """A hand that writes as the font is."""
    zero, one = torch.zeros(count), torch.ones(count)
    return pen.Hand(zero, one, one, zero, zero)


def strokes_of(ink: pen.Ink, row: int) -> list[Tensor]:
    """The points between two lifts of the pen, each (k, 2)."""
    count = int(ink.count[row])
    ends = (ink.lifts[row, :count].nonzero()[:, 0] + 1).tolist()
    return list(ink.points[row, :count].tensor_split(ends)[: len(ends)])


def test_a_letter_goes_through_the_points_of_the_font() -> None:
    font = HersheyFonts()
    font.load_default_font("scripts")
    for letter in pen.LETTERS:
        (glyph,) = font.glyphs_for_text(letter)
        ink = pen.written(spelled(letter), plain(1), 100, late=False)
        drawn = ink.points[0, : int(ink.count)]
        strokes = [list(stroke) for stroke in glyph.strokes]
        ends = torch.tensor([end for stroke in strokes for end in (stroke[0], stroke[-1])]).float()
        ends = torch.stack([ends[:, 0] - glyph.left_offset, 9 - ends[:, 1]], 1) / 9
        assert torch.cdist(ends, drawn).amin(1).max() < 1e-6, (
            letter
        )  # each stroke begins and ends where the font's does
        assert len(strokes_of(ink, 0)) == len(strokes), letter
        for stroke in strokes_of(ink, 0):
            steps = stroke.diff(dim=0).norm(dim=1)
            assert steps.max() < 1.5 * pen.STEP, letter


@settings(max_examples=30, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4), st.booleans(), st.booleans(), st.integers(0, 1000))
def test_every_point_belongs_to_a_letter_in_order(words: list[list[int]], late: bool, same: bool, seed: int) -> None:
    most = max(map(len, words))
    text = torch.tensor([word + [0] * (most - len(word)) for word in words])
    key = torch.arange(len(words)) + seed
    hand, room = pen.hands(CounterRNG(key, 0 * key, 0 * key)), pen.most_points(most, same)
    ink = pen.written(text, hand, room, late, same)
    known = pen.script(same)
    for i, word in enumerate(words):
        count = int(ink.count[i])
        assert count == sum(int(known.count[letter - 1].sum()) for letter in word) <= room
        assert ink.letter[i, :count].bincount().tolist() == [int(known.count[n - 1].sum()) for n in word]
        assert (ink.letter[i, count:] == -1).all()
        assert not ink.points[i, count:].any()
        assert ink.lifts[i, count - 1]
        bodies = [place for place, n in enumerate(word) for _ in range(int(known.count[n - 1, 0]))]
        if late:  # first all bodies from left to right, then all dots and bars
            assert ink.letter[i, : len(bodies)].tolist() == bodies
        assert (ink.letter[i, len(bodies) if late else 0 : count].diff() >= 0).all()
        assert ink.points[i, :count, 0].max() <= len(word) * pen.widest(same) + 2


def test_the_dot_comes_with_its_letter_or_when_the_word_is_written() -> None:
    at_once, late = (pen.written(spelled("iii"), plain(1), 200, late) for late in (False, True))
    body, dot = pen.script().count[pen.LETTERS.index("i")].tolist()
    assert dot > 0
    assert at_once.letter[0, : body + dot].tolist() == [0] * (body + dot)
    assert late.letter[0, : int(late.count)].tolist() == [n for k in (body, dot) for n in range(3) for _ in range(k)]
    above = late.points[0, int(late.count) - dot : int(late.count), 1]
    assert (above > 1.2).all()
    assert len(strokes_of(late, 0)) == 4  # the pen goes on from letter to letter, and is lifted before each dot
    assert len(strokes_of(at_once, 0)) == 6


def test_an_l_is_an_i_without_its_dot_where_they_are_confusable() -> None:
    with_dot, without = (pen.written(spelled(word), plain(1), 100, False, True) for word in "il")
    body = int(pen.script(True).count[pen.LETTERS.index("i"), 0])
    assert int(without.count) == body
    assert torch.equal(with_dot.points[0, :body], without.points[0, :body])
    tall = pen.written(spelled("l"), plain(1), 100, False).points[0, :, 1].max()
    assert tall > 1.5 > without.points[0, :, 1].max()


def test_the_letters_are_ordinary_numbers_wherever_they_are_first_wanted() -> None:
    pen.script.cache_clear()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode():
            known = pen.script()
    finally:
        torch.set_default_dtype(torch.float32)
    assert known.points.dtype == known.width.dtype == torch.float32
    assert not any(part.is_inference() for part in known)


def test_a_hand_slants_stretches_and_raises() -> None:
    text, one = spelled("u"), torch.ones(1)
    straight = pen.written(text, plain(1), 60, False).points
    hand = plain(1)._replace(slant=0.5 * one, height=1.25 * one, wide=0.9 * one)
    x, y = straight.unbind(-1)
    changed = torch.stack([(x + 0.5 * y) * 0.9, y * 1.25], -1)
    torch.testing.assert_close(pen.written(text, hand, 60, False).points, changed)


@pytest.mark.parametrize("options", [{}, {"dots": "at once", "confusable": False, "split": "test-15"}])
def test_what_is_seen_is_the_ink_and_relevant_is_what_the_letter_is_made_of(options: dict) -> None:
    env = gym.make_vec(ID, num_envs=50, view="whole", output="torch", **options)
    seen, _ = env.reset(seed=1)
    world = cast(PenReading, cast(VectorEnv, env.unwrapped).world)
    key = torch.arange(1, 51)
    rng = CounterRNG(key, 0 * key, 0 * key)
    text = world.passage(rng).targets
    ink = pen.written(text, pen.hands(rng), world.most_items, world.dots == "late", world.confusable)
    assert torch.equal(seen["length"], ink.count)
    source = seen["source"][:, : world.most_items]
    inside = ink.letter >= 0
    assert torch.equal(source[..., 4] > 0.5, ink.lifts)
    x, y = (source[..., 0] * (world.widest + 4) - 2)[inside], (source[..., 1] * 5.5 - 2)[inside]
    torch.testing.assert_close(torch.stack([x, y], -1), ink.points[inside], atol=1e-4, rtol=0)
    assert (source[..., :2][inside] > 0).all()
    assert (source[..., :2][inside] < 1).all()  # nothing is cut off
    assert not source[~inside].any()
    for letter in range(3):
        assert torch.equal(world.relevance(world.state)[:, : world.most_items], ink.letter == letter)
        world.step(world.oracle())


def reading_world(count: int, **options: object) -> tuple[PenReading, CounterRNG]:
    """Words to be read at once, and the random numbers that they were drawn by."""
    env = gym.make_vec(ID, num_envs=count, view="whole", answer="string", output="torch", **options)
    env.reset(seed=1)
    key = torch.arange(1, count + 1)
    return cast(PenReading, cast(VectorEnv, env.unwrapped).world), CounterRNG(key, 0 * key, 0 * key)


@pytest.mark.parametrize("dots", ["late", "at once"])
def test_late_points_are_the_last_stroke_of_i_j_and_t(dots: str) -> None:
    world, _ = reading_world(60, dots=dots)
    late, word, known = world.late_points(), world.state["targets"], pen.script(True)
    for b in range(60):
        for place, letter in enumerate(word[b][word[b] > 0].tolist()):
            own = world.state["aligned"][b, place]
            assert late[b][own].sum() == known.count[letter - 1, 1]
            if letter - 1 in map(pen.LETTERS.index, "ijt"):
                assert (
                    own.nonzero()[-int(known.count[letter - 1, 1]) :, 0].tolist()
                    == (own & late[b]).nonzero()[:, 0].tolist()
                )
        assert not late[b, int(world.state["length"][b]) :].any()
    assert late.any()


def test_an_i_without_its_dot_is_the_ink_of_an_l() -> None:
    """By writing the word anew in the same hand, with an l instead of the i."""
    world, rng = reading_world(400)
    word, dotted, plain_stem = world.state["targets"], *(1 + pen.LETTERS.index(c) for c in "il")
    chosen = ((word == dotted).cumsum(1) == 1) & (word == dotted)  # the first i of each word
    gone = (world.state["aligned"] & chosen[..., None]).any(1) & world.late_points()
    seen = world.without(gone)
    ink = pen.written(torch.where(chosen, plain_stem, word), pen.hands(rng), world.most_items, True, True)
    assert torch.equal(seen["length"], ink.count)
    assert int((seen["length"] < world.state["length"]).sum()) == int(chosen.any(1).sum()) > 30
    wanted = world._seen_of(ink.points, ink.lifts, ink.letter >= 0)
    torch.testing.assert_close(seen["source"][:, : world.most_items], wanted, atol=1e-5, rtol=0)
    same = world.without(torch.zeros_like(gone))["source"]
    torch.testing.assert_close(same, world.observe(world.state)["source"], atol=1e-5, rtol=0)


def test_a_picture_is_of_one_size_and_shows_the_ink() -> None:
    env = gym.make(ID, view="whole", render_mode="rgb_array")
    shapes = set()
    for seed in range(4):
        _, info = env.reset(seed=seed)
        before = np.asarray(env.render())
        shapes.add(before.shape)
        env.step(info["target"])
        assert not np.array_equal(before, np.asarray(env.render()))
        assert (before < 100).all(-1).sum() > 300  # ink
    assert len(shapes) == 1


@settings(max_examples=30, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4), st.booleans(), st.integers(0, 1000), st.data())
def test_gaps_are_what_spaces_leave(words: list[list[int]], late: bool, seed: int, data: st.DataObject) -> None:
    most = max(map(len, words))
    key = torch.arange(len(words)) + seed
    hand = pen.hands(CounterRNG(key, 0 * key, 0 * key))._replace(wobble=torch.zeros(len(words)))  # it depends on x
    plain = torch.tensor([word + [0] * (most - len(word)) for word in words])
    gaps = torch.tensor([[k > 0 and data.draw(st.booleans()) for k in range(most)] for _ in words])
    parted = [
        [symbol for k, letter in enumerate(word) for symbol in ([pen.SPACE] * bool(gap[k]) + [letter])]
        for word, gap in zip(words, gaps, strict=True)
    ]
    longest = max(map(len, parted))
    spaced = torch.tensor([row + [0] * (longest - len(row)) for row in parted])
    room = pen.most_points(most)
    found = pen.with_gaps(pen.written(plain, hand, room, late), gaps, hand)
    wanted = pen.written(spaced, hand, room, late)
    torch.testing.assert_close(found.points, wanted.points, rtol=0, atol=1e-5)
    assert torch.equal(found.lifts, wanted.lifts)
    assert torch.equal(found.count, wanted.count)
    for row, text in enumerate(spaced):
        letters = (text != pen.SPACE).cumsum(0) - 1
        there = wanted.letter[row] >= 0
        assert torch.equal(found.letter[row, there], letters[wanted.letter[row, there]])


def test_ink_of_anybody_is_seen_as_the_world_s_own() -> None:
    env = cast(VectorEnv, gym.make_vec(ID, num_envs=20, output="torch", view="whole", ink="handwriting"))
    env.reset(seed=0)
    world = cast(PenReading, env.world)
    items, count = world.state["items"], world.state["length"]
    seen = world.of_ink(world._points_of(items), items[..., 4] > 0.5, count)
    own = world.observe(world.state)
    assert isinstance(seen, dict)
    assert isinstance(own, dict)
    torch.testing.assert_close(seen["source"], own["source"], rtol=0, atol=1e-5)
    assert torch.equal(seen["length"], count)
    long = world.room + 5
    cut = world.of_ink(torch.zeros(20, long, 2), torch.zeros(20, long, dtype=torch.bool), torch.full((20,), long))
    assert isinstance(cut, dict)
    assert cut["source"].shape == own["source"].shape
    assert (cut["length"] == world.room).all()


def test_the_writer_s_ink_is_coarser_and_trembles() -> None:
    fine, coarse = (
        cast(PenReading, gym.make(ID, view="whole", ink=ink).unwrapped.world) for ink in ("fine", "handwriting")
    )
    assert coarse.room < 0.7 * fine.room
    key = torch.arange(200)
    known = coarse.passage(CounterRNG(key, 0 * key, 0 * key))
    many = pen.script(True, step=0.5).count.sum(1)
    assert torch.equal(known.length, torch.where(known.targets > 0, many[known.targets - 1], 0).sum(1))
    assert torch.equal(known.aligned.sum((1, 2)), known.length)
