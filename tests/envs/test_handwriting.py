"""Handwriting: points against the ink they are made of, three views of one line, rewards, texts of one's own."""

import math
from typing import cast

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate.envs.counter_rng import CounterRNG
from foveate.envs.sequence import Handwriting, pen
from foveate.envs.sequence.blind import best_points
from foveate.envs.sequence.handwriting import STEP, SYMBOLS, TREMOR, UNIT, as_letters
from foveate.envs.sequence.pen_passage import DONE, LIFTED, nearness
from foveate.envs.sequence.render_ink import strokes
from foveate.errors import FoveateError

ID = "Sequence/Handwriting-v0"


def keys(count: int, seed: int = 0) -> CounterRNG:
    every = torch.arange(seed, seed + count)
    return CounterRNG(every, 0 * every, 0 * every)


def world_of(**options: object) -> Handwriting:
    return cast(Handwriting, gym.make(ID, **options).unwrapped.world)


@pytest.mark.parametrize("dots", ["at once", "late"])
@pytest.mark.parametrize("hands", ["mixed", "one"])
def test_what_is_due_is_the_ink_point_by_point(dots: str, hands: str) -> None:
    world = world_of(dots=dots, hands=hands)
    known = world.passage(keys(40))
    hand = pen.hands(keys(40)) if hands == "mixed" else pen.one_hand(40)
    ink = pen.written(known.items, hand, world.most_written, dots == "late", step=STEP)
    for i in range(40):
        count = int(ink.count[i])
        assert int(known.due[i]) == count
        places = known.targets[i, :count, :2].cumsum(0) * UNIT
        stray = (places - ink.points[i, :count]).abs()
        assert stray.max() < (TREMOR if hands == "mixed" else 0) + 1e-3
        assert stray.mean() > (0.3 * TREMOR if hands == "mixed" else -1)
        assert (known.targets[i, : count - 1, 2] == ink.lifts[i, : count - 1].float() * LIFTED).all()
        assert known.targets[i, count - 1, 2] == DONE
        assert not known.targets[i, count:].any()
        assert torch.equal(known.aligned[i, :count].int().argmax(1), ink.letter[i, :count])
        assert (known.aligned[i].sum(1) == (torch.arange(world.most_written) < count)).all()


def test_moves_have_the_deviation_of_one_and_none_is_cut() -> None:
    known = world_of().passage(keys(4000))
    moves = known.targets[torch.arange(known.targets.shape[1]) < known.due[:, None]][:, :2]
    assert float((moves - moves.mean(0)).square().mean().sqrt()) == pytest.approx(1, abs=0.02)
    letters = (known.items > 0) & (known.items < pen.SPACE)
    assert 13 < float(known.due.sum() / letters.sum()) < 14  # points a letter
    for dots in ("at once", "late"):  # the longest moves: over a space or back to the first letter, in the widest hand
        every = torch.tensor([[a, pen.SPACE, b] for a in range(1, 27) for b in range(1, 27)])
        if dots == "late":
            every = torch.cat([every[:, :1], torch.full((len(every), 22), 13), every[:, :1] * 0 + 20], 1)
        one = torch.ones(len(every))
        hand = pen.Hand(0.5 * one, 1.25 * one, 1.25 * one, 0.06 * one, 0 * one)
        world = world_of(dots=dots, split="test-24")
        ink = pen.written(every, hand, world.most_written, dots == "late", step=STEP)
        steps = ink.points.diff(dim=1).abs().amax(-1) * (ink.letter[:, 1:] >= 0)
        assert 0.7 * world.reach / 2 < float(steps.max()) / UNIT < world.reach


def test_texts_are_words_with_single_spaces_between() -> None:
    known = world_of(split="test-24").passage(keys(500))
    texts = ["".join(SYMBOLS[n - 1] for n in row if n) for row in known.items.tolist()]
    assert {len(text) for text in texts} == {24}
    assert all(text == text.strip() and "  " not in text for text in texts)
    assert set("".join(texts)) == set(SYMBOLS)
    words = [len(word) for text in texts for word in text.split()]
    assert 3 < np.mean(words) < 6
    # the pen is lifted before a space, however near the letters behind it begin
    ink = pen.written(known.items, pen.one_hand(500), 600, False, step=STEP)
    gaps = ink.letter.diff(dim=1) == 2
    assert ink.lifts[:, :-1][gaps].all()
    assert gaps.sum() > 1000


@pytest.mark.parametrize("wrong", [0.0, 0.3])
def test_three_views_write_one_line(wrong: float) -> None:
    stream, whole, glimpse = (gym.make(ID, view=view, relevance=True) for view in ("stream", "whole", "glimpse"))
    for seed in range(3):
        streamed, told = stream.reset(seed=seed)
        seen, whole_told = whole.reset(seed=seed)
        looked, glimpse_told = glimpse.reset(seed=seed)
        length = int((seen["source"] > 0).sum())
        for item in [*seen["source"][:length], 0]:
            assert streamed[:28].argmax() == item
            assert streamed.tolist()[28:] == [0, 0, 1]
            assert not told["target_mask"]
            streamed, reward, over, _, told = stream.step(np.ones(3, np.float32))
            assert (reward, over) == (0.0, False)
        over, total, place = False, 0.0, 0
        while not over:
            assert not streamed[:28].any()
            for other in (seen, looked):
                np.testing.assert_array_equal(streamed[28:], other["written"])
            assert looked["glimpse"] == seen["source"][looked["place"]]
            for other in (whole_told, glimpse_told):
                np.testing.assert_array_equal(told["target"], other["target"])
                assert told["target_mask"] == other["target_mask"]
                np.testing.assert_array_equal(told["relevance"][:length], other["relevance"][:length])
            assert whole_told["relevance"].sum() == 1
            point = told["target"] + np.array([wrong, 0, 0], np.float32)
            streamed, reward, over, _, told = stream.step(point)
            seen, gained, also, _, whole_told = whole.step(point)
            looked, won, too, _, glimpse_told = glimpse.step({"location": place % length, "write": point})
            assert reward == gained == won
            assert over == also == too
            total, place = total + reward, place + 1
            assert told["score"] == pytest.approx(total, abs=1e-5)
        assert total == pytest.approx(math.exp(-wrong), abs=1e-4)


@pytest.mark.parametrize("reward", ["dense", "whole"])
def test_who_lifts_the_pen_where_it_should_go_on_gets_nothing_for_it(reward: str) -> None:
    env = gym.make(ID, view="whole", reward=reward, text="on")
    _, told = env.reset(seed=0)
    total, due, right, over = 0.0, 0, 0, False
    while not over:
        point = told["target"].copy()
        due += 1
        if due % 3 == 0 and point[2] != DONE:
            point[2] = 1 - point[2]
        else:
            right += 1
        _, gained, over, _, told = env.step(point)
        total += gained
    assert total == pytest.approx(right / due, abs=1e-5)
    assert right < due


def test_who_never_ends_is_ended_and_who_ends_has_ended() -> None:
    env = gym.make(ID, view="whole", text="ab")
    env.reset(seed=0)
    assert env.step(np.array([0, 0, 1.6], np.float32))[2]  # rounded
    env.reset(seed=0)
    ends = [env.step(np.zeros(3, np.float32))[2] for _ in range(env.unwrapped.world.most_written)]
    assert ends == [False] * (len(ends) - 1) + [True]


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet=SYMBOLS, min_size=1, max_size=24))
def test_a_text_of_one_s_own_is_written_in_every_episode(text: str) -> None:
    if not text.strip():
        with pytest.raises(FoveateError, match="no letter"):
            as_letters(text)
        return
    world = Handwriting(text=text, view="whole")
    known = world.passage(keys(3))
    assert ["".join(SYMBOLS[n - 1] for n in row) for row in known.items.tolist()] == [text] * 3
    drawn = [letter for letter in range(len(text)) if text[letter] != " "]
    assert known.aligned[0].any(0).nonzero()[:, 0].tolist() == drawn
    assert not torch.equal(known.targets[0], known.targets[1])  # in another hand


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"text": "a" * 25}, ["25", "1 to 24"]),
        ({"text": ""}, ["0", "1 to 24"]),
        ({"text": "Hi, you"}, ["'H'", "','", "a to z"]),
        ({"reward": "edit"}, ["edit", "dense, whole"]),
        ({"hands": "mine"}, ["mine", "mixed"]),
        ({"dots": "never"}, ["never", "at once"]),
        ({"max_length": 25}, ["25", "24"]),
    ],
)
def test_what_is_not_allowed_is_named(options: dict, words: list[str]) -> None:
    with pytest.raises(FoveateError) as error:
        gym.make(ID, **options)
    assert all(word in str(error.value) for word in words)


def slow_best(points: Tensor, worth: Tensor, move: Tensor, place: int, does: int) -> float:
    """What a point is worth, text by text."""
    return sum(
        float(w[place]) * math.exp(-math.dist(p[place, :2].tolist(), move.tolist()))
        for p, w in zip(points, worth, strict=True)
        if int(p[place, 2]) == does
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_points_of_the_blind_are_worth_most_of_their_neighbours(seed: int) -> None:
    chance = torch.Generator().manual_seed(seed)
    points = torch.randn(6, 3, 3, generator=chance)
    points[..., 2] = torch.randint(3, (6, 3), generator=chance).float()
    worth = torch.rand(6, 3, generator=chance)
    best = best_points(points, worth)
    assert torch.equal(best_points(points.flip(0), worth.flip(0))[..., 2], best[..., 2])
    later = 0.0  # worked out from the end: what is written there, and whether it was better to end
    for place in (2, 1, 0):
        own = slow_best(points, worth, best[place, :2], place, int(best[place, 2]))
        own += later if best[place, 2] != DONE else 0
        for does in range(3):
            for move in (best[place, :2], *points[:, place, :2].mul(5).round().div(5).clamp(-3, 3)):
                other = slow_best(points, worth, move, place, does) + (later if does != DONE else 0)
                assert own >= other - 1e-5
        later = own


def test_nearness_is_one_of_the_same_and_none_of_another_pen() -> None:
    a = torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 1.0], [1.0, 2.0, 1.0]])
    b = torch.tensor([[3.0, 4.0, 0.0], [1.0, 2.0, 1.0], [1.0, 2.0, 0.0]])
    torch.testing.assert_close(nearness(a, b), torch.tensor([math.exp(-5), 1.0, 0.0]))


def test_strokes_part_where_the_pen_is_lifted() -> None:
    points = np.array([[1, 0, 0], [1, 0, 1], [0, 2, 0], [1, 0, 2]], np.float32)
    drawn = strokes(points, 0.5)
    assert [stroke.tolist() for stroke in drawn] == [[[0.5, 0], [1, 0]], [[1, 1], [1.5, 1]]]
    assert strokes(points[:0], 1.0) == []


def test_a_picture_shows_ink_so_far_and_ink_that_is_due() -> None:
    env = gym.make(ID, view="whole", render_mode="rgb_array")
    _, told = env.reset(seed=0)
    dark = []
    for _ in range(3):
        dark.append(int((np.asarray(env.render()) < 60).all(-1).sum()))
        for _ in range(10):
            _, _, _, _, told = env.step(told["target"])
    assert dark[0] < dark[1] < dark[2]
    env.reset(seed=0)
    env.step(np.array([16, 16, 0], np.float32))  # off the page
    assert env.render().shape == (288, 622, 3)
