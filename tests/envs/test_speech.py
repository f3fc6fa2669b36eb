"""Speech: sounds against a slow synthesiser, spelling against text, and what is heard."""

import math

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from utterances import ID, speech_of, text_of

from foveate.envs.counter_rng import CounterRNG
from foveate.envs.sequence import sounds, tones
from foveate.envs.sequence.sounds import BANDS, MOST_FRAMES, WORDS
from foveate.envs.sequence.spelling import SPACE, Spelling
from foveate.errors import FoveateError

KEY = torch.arange(20)
RNG = CounterRNG(KEY, 0 * KEY, 0 * KEY)


# ---- sounds ----


def slow_frame(phone: tones.Phone, along: float, tract: float) -> list[float]:
    """One frame of a sound, band by band."""
    found = []
    for band in range(BANDS):
        middle = (band + 0.5) / BANDS * float(sounds.mel(4000.0))
        loud = 1e-3
        for number, fall in enumerate((1.0, 0.85, 0.7)):
            hertz = phone.begin[number] + (phone.end[number] - phone.begin[number]) * along
            near = math.exp(-(((middle - float(sounds.mel(hertz * tract))) / tones.WIDTH) ** 2))
            loud = max(loud, max(phone.voice, 1e-3) * fall * near)
        hiss = math.exp(-(((middle - float(sounds.mel(phone.hiss))) / tones.HISS_WIDTH) ** 2))
        found.append(max(loud, max(phone.breath, 1e-3) * hiss))
    return found


def test_digits_are_made_of_their_phones_one_after_the_other() -> None:
    words = torch.arange(20)[:, None] % 10
    long = tones.TONES.durations(RNG, words)
    within = torch.arange(MOST_FRAMES).expand(20, -1)
    found = tones.TONES.sounded(RNG, words, long, within, torch.zeros_like(within))
    tract = tones.TRACT[0] + tones.TRACT[1] * RNG.uniform("tract")
    for row, word in enumerate(words[:, 0].tolist()):
        phones = [tones.PHONES[name] for name in tones.SPELLINGS[WORDS[word]].split()]
        frames = long[row, 0].tolist()
        assert all(frames[: len(phones)])
        assert not any(frames[len(phones) :])
        assert sum(frames) <= MOST_FRAMES
        slow = [
            slow_frame(phone, (t + 0.5) / count, float(tract[row]))
            for phone, count in zip(phones, frames, strict=False)
            for t in range(count)
        ]
        torch.testing.assert_close(found[row, : len(slow)], torch.tensor(slow), atol=1e-4, rtol=1e-4)


def test_who_speaks_differs_in_tempo_and_tract() -> None:
    key = torch.arange(500)
    long = tones.TONES.durations(CounterRNG(key, 0 * key, 0 * key), torch.full((500, 1), 7)).sum(2)
    assert long.max() > 1.8 * long.min()


def test_a_spectrogram_shows_a_tone_in_its_band_and_silence_as_zero() -> None:
    rate = 8000
    time = np.arange(rate) / rate
    for hertz in (300.0, 1000.0, 3000.0):
        loud = sounds.spectrogram(np.sin(2 * np.pi * hertz * time), rate)
        assert loud.shape == (math.ceil(rate / round(rate * sounds.FRAME)), BANDS)
        band = int(sounds.mel(hertz) / sounds.mel(4000.0) * BANDS)
        assert (loud[2:-2].argmax(1) == band).all()
    broken = np.concatenate([np.sin(2000 * np.pi * time), np.zeros(rate)])
    assert not sounds.spectrogram(broken, rate)[-10:].any()
    faster = sounds.spectrogram(np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050), 22050)
    assert (faster[2:-2].argmax(1) == sounds.spectrogram(np.sin(2000 * np.pi * time), rate)[5].argmax()).all()


def test_mel_is_slaney_s() -> None:
    assert sounds.mel(0.0) == 0
    assert sounds.mel(1000.0) == pytest.approx(15)
    assert sounds.mel(6400.0) == pytest.approx(42)
    hertz = torch.tensor([50.0, 999.0, 1001.0, 3000.0])
    torch.testing.assert_close(
        tones._mel(hertz).double(), torch.from_numpy(sounds.mel(hertz.numpy())), rtol=1e-5, atol=0
    )


# ---- spelling ----


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), min_size=1, max_size=3))
def test_digits_are_spelt_with_spaces_between_them(some: list[list[int]]) -> None:
    spelling = Spelling(WORDS)
    most = max(map(len, some))
    words = torch.tensor([row + [0] * (most - len(row)) for row in some])
    there = torch.tensor([[place < len(row) for place in range(most)] for row in some])
    text = spelling.written(words, there, most * spelling.longest)
    for i, row in enumerate(some):
        wanted = " ".join(WORDS[digit] for digit in row)
        assert text_of(text.symbols[i]) == wanted
        assert int(text.count[i]) == len(wanted) + 1
        assert [WORDS[row[k]] for k in text.word[i, : len(wanted)].unique().tolist()] == [WORDS[d] for d in row]
        assert torch.equal(text.next[i, :, 0], text.symbols[i] == SPACE)
        told = [spelt for spelt, own in zip(wanted, text.own[i, :, 0].tolist(), strict=False) if own]
        # six and seven, two and three, four and five begin alike: the second letter tells; of all others the first
        assert told == [c for digit in row for c in WORDS[digit][: 2 if WORDS[digit][0] in "stf" else 1]]


def test_where_a_word_goes_on_in_another_its_sound_tells_that_it_ends() -> None:
    spelling = Spelling(["six", "sixty"])
    text = spelling.written(torch.tensor([[0], [1]]), torch.ones(2, 1, dtype=torch.bool), 6)
    assert text.own[..., 0].tolist() == [[False, False, False, True, False, False], [False] * 3 + [True, False, False]]


# ---- the world ----


def test_what_is_heard_are_words_in_order_with_pauses_and_relevant_are_their_frames() -> None:
    world = speech_of(200)
    rng = CounterRNG(torch.arange(200), torch.zeros(200, dtype=torch.int64), torch.zeros(200, dtype=torch.int64))
    said, state = world.passage(rng), world.state
    assert torch.equal(said.items, state["items"])
    opening, gaps = [], []
    for row in range(200):
        words = text_of(said.targets[row]).split()
        assert 1 <= len(words) <= 3
        starts = np.cumsum([0, *(len(word) + 1 for word in words)])[:-1]
        spans = [said.aligned[row, start].nonzero()[:, 0] for start in starts]
        ends = 0
        for span in spans:  # each word in one piece, behind the one before
            assert (span.diff() == 1).all()
            assert int(span[0]) >= ends
            assert len(span) <= MOST_FRAMES
            gaps.append(int(span[0]) - ends)
            ends = 1 + int(span[-1])
        opening.append(gaps.pop(-len(spans)))
        for start, following in zip(starts[1:], spans[1:], strict=True):  # a space is known from the next word
            assert torch.equal(said.aligned[row, start - 1].nonzero()[:, 0], following)
        assert not said.aligned[row, int(said.due[row]) - 1].any()
        inside = torch.cat(spans)
        outside = torch.ones(world.most_items, dtype=torch.bool)
        outside[inside] = False
        length = int(said.length[row])
        assert 0 <= length - ends <= 15
        assert not said.items[row, length:].any()
        assert said.items[row, outside].max() <= 1.5 * 0.15
        assert (said.items[row, inside].amax(1) > 0.15).all()
    assert (min(opening), max(opening)) == (0, 30)
    assert (min(gaps), max(gaps)) == (0, 8)
    assert set(state["targets"].unique().tolist()) == {0, 27, *(1 + ord(c) - 97 for c in set("".join(WORDS)))}


def test_three_views_show_one_utterance() -> None:
    stream, whole, glimpse = (gym.make(ID, view=view, relevance=True) for view in ("stream", "whole", "glimpse"))
    for seed in range(3):
        heard, told = stream.reset(seed=seed)
        seen, _ = whole.reset(seed=seed)
        glimpse.reset(seed=seed)
        for place in range(int(seen["length"])):
            assert np.array_equal(heard[:BANDS], seen["source"][place])
            assert not heard[BANDS:].any()
            assert not told["target_mask"]
            heard, *_, told = stream.step(1)
        assert heard[BANDS] == 1
        looked, *_ = glimpse.step({"location": 7, "write": 1})
        assert np.array_equal(looked["glimpse"], seen["source"][7])
        assert not seen["source"][seen["length"] :].any()


@pytest.mark.parametrize(("lesson", "most"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (None, 3)])
def test_lessons_have_more_words_each_and_are_seen_alike(lesson: int | None, most: int) -> None:
    world = speech_of(200, lesson=lesson)
    assert {len(text_of(row).split()) for row in world.state["targets"]} == set(range(1, most + 1))
    assert gym.make(ID, lesson=lesson, view="whole").observation_space == gym.make(ID, view="whole").observation_space


def test_pauses_can_be_taken_away() -> None:
    world = speech_of(50, pause=0)
    assert world.state["aligned"][:, 0, 0].all()
    with pytest.raises(FoveateError, match="pause=31"):
        speech_of(1, pause=31)
