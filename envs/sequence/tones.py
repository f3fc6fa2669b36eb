"""Digits as a formant synthesiser would say them: a few resonances and noise in each frame, at a speed of their own."""

import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from ...tree import outside_inference
from ..counter_rng import CounterRNG
from .sounds import MOST_FRAMES, WORDS, centres, mel

# what each digit is made of (the CMU pronouncing dictionary)
SPELLINGS = {
    "zero": "Z IH R OW",
    "one": "W AH N",
    "two": "T UW",
    "three": "TH R IY",
    "four": "F AO R",
    "five": "F AY V",
    "six": "S IH K S",
    "seven": "S EH V AH N",
    "eight": "EY T",
    "nine": "N AY N",
}


class Phone(NamedTuple):
    """A sound of speech.

    Attributes:
        frames: how long it is at a common speed.
        begin: its first three formants at its beginning, in Hz.
        end: at its end; diphthongs glide.
        voice: how loud these are, 0 to 1.
        hiss: where its noise is loudest, in Hz.
        breath: how loud that is.
    """

    frames: int
    begin: tuple[float, float, float]
    end: tuple[float, float, float]
    voice: float
    hiss: float = 3000.0
    breath: float = 0.0


def _steady(frames: int, *formants: float, voice: float = 1.0, hiss: float = 3000.0, breath: float = 0.0) -> Phone:
    first, second, third = formants
    return Phone(frames, (first, second, third), (first, second, third), voice, hiss, breath)


# formants of men's vowels from Peterson & Barney 1952, table II, of the other sounds after Klatt 1980, table III
PHONES = {
    "IY": _steady(5, 270, 2290, 3010),
    "IH": _steady(3, 390, 1990, 2550),
    "EH": _steady(4, 530, 1840, 2480),
    "AH": _steady(4, 640, 1190, 2390),
    "AO": _steady(5, 570, 840, 2410),
    "UW": _steady(6, 300, 870, 2240),
    "AY": Phone(7, (730, 1090, 2440), (390, 1990, 2550), 1.0),
    "EY": Phone(6, (530, 1840, 2480), (270, 2290, 3010), 1.0),
    "OW": Phone(6, (540, 1100, 2300), (300, 870, 2240), 1.0),
    "R": _steady(3, 310, 1060, 1380, voice=0.8),
    "W": _steady(3, 290, 610, 2150, voice=0.7),
    "N": _steady(3, 270, 1340, 2470, voice=0.6),
    "Z": _steady(3, 240, 1390, 2530, voice=0.4, hiss=3800, breath=0.6),
    "V": _steady(3, 220, 1100, 2080, voice=0.5, hiss=2400, breath=0.2),
    "F": _steady(4, 340, 1100, 2080, voice=0.0, hiss=2400, breath=0.3),
    "TH": _steady(4, 320, 1290, 2540, voice=0.0, hiss=3200, breath=0.3),
    "S": _steady(4, 320, 1390, 2530, voice=0.0, hiss=3800, breath=0.9),
    "T": _steady(2, 400, 1600, 2600, voice=0.0, hiss=3300, breath=0.7),
    "K": _steady(2, 300, 1990, 2850, voice=0.0, hiss=1900, breath=0.6),
}
WIDTH = 1.8  # of a formant, in mel
HISS_WIDTH = 6.0
TEMPO = 0.7, 0.8  # the shortest that sounds are for a speaker, as a factor, and how much longer they may be
VARIES = 0.4  # by how much one sound may differ from the next one like it
SOFTEST = 1e-3  # what is not there at all
TRACT = 0.85, 0.35  # the least factor of a speaker's formants, and how much more it may be: children's are higher


class Table(NamedTuple):
    """All digits as sounds, padded to P; what each sound is like.

    Attributes:
        frames: at a common speed, float32 (digits, P), 0 behind the end.
        formants: at beginning and end, in Hz, float32 (digits, P, 2, 3).
        levels: of voice and breath, logarithms, (digits, P, 2).
        hiss: in mel, (digits, P).
        fall: by how much the higher formants are softer, logarithms, (3,).
    """

    frames: Tensor
    formants: Tensor
    levels: Tensor
    hiss: Tensor
    fall: Tensor


@cache
@outside_inference
def table_of(device: torch.device | str = "cpu") -> Table:
    """What the digits sound like."""
    said = [[PHONES[name] for name in SPELLINGS[word].split()] for word in WORDS]
    most = max(map(len, said))
    silence = _steady(0, 500, 1500, 2500, voice=0.0)
    padded = [[*some, *[silence] * (most - len(some))] for some in said]

    def table(of: "list") -> Tensor:
        return torch.tensor(of, dtype=torch.float32, device=device)

    return Table(
        table([[phone.frames for phone in some] for some in padded]),
        table([[(phone.begin, phone.end) for phone in some] for some in padded]),
        table([[(phone.voice, phone.breath) for phone in some] for some in padded]).clamp(min=SOFTEST).log(),
        table([[float(mel(phone.hiss)) for phone in some] for some in padded]),
        table([1.0, 0.85, 0.7]).log(),
    )


class Synthesiser:
    """A voice that makes digits of formants and noise; see `Voice`."""

    words, source = WORDS, "generated tones"

    def durations(self, rng: CounterRNG, words: Tensor) -> Tensor:
        """See `Voice`."""
        known = table_of(words.device).frames[words]  # (n, K, P)
        speaker = TEMPO[0] + TEMPO[1] * rng.uniform("tempo")[:, None, None]
        each = 1 + VARIES * (rng.uniform("lengths", *known.shape[1:]) - 0.5)
        frames = (known * speaker * each).round().long()
        frames = torch.where(known > 0, frames.clamp(min=1), 0)
        return torch.minimum(
            frames, (MOST_FRAMES - frames.cumsum(2) + frames).clamp(min=0)
        )  # what is left of its word's room

    def sounded(self, rng: CounterRNG, words: Tensor, frames: Tensor, within: Tensor, place: Tensor) -> Tensor:
        """See `Voice`; arguments as in it."""
        known, every = table_of(words.device), torch.arange(len(words), device=words.device)[:, None]
        ends = frames.cumsum(2)[every, place]  # (n, S, P)
        phone = (within[..., None] >= ends).sum(2).clamp(max=ends.shape[2] - 1)  # (n, S)
        long = frames[every, place, phone]
        begun = ends.gather(2, phone[..., None])[..., 0] - long
        along = ((within - begun).float() + 0.5) / long.clamp(min=1)  # 0 to 1 through its sound
        word = words.gather(1, place)
        begin, end = known.formants[word, phone].unbind(2)  # (n, S, 3) each
        tract = TRACT[0] + TRACT[1] * rng.uniform("tract")[:, None, None]
        peaks = _mel((begin + (end - begin) * along[..., None]) * tract)
        voice, breath = known.levels[word, phone].unbind(2)  # logarithms, (n, S)
        bands = torch.as_tensor(centres(), dtype=torch.float32, device=words.device)
        distance = ((bands - peaks[..., None]) / WIDTH).square()  # (n, S, 3, bands)
        resonance = (known.fall[:, None] - distance).amax(2) + voice[..., None]
        noise = breath[..., None] - ((bands - known.hiss[word, phone][..., None]) / HISS_WIDTH).square()
        return torch.maximum(resonance, noise).clamp(min=math.log(SOFTEST)).exp()


TONES = Synthesiser()


def _mel(hertz: Tensor) -> Tensor:
    """As `sounds.mel`, of tensors."""
    ratio = float(mel(6400.0)) - 15.0  # 27 steps to 6.4 times as high
    above = 15.0 + ratio / torch.log(hertz.new_tensor(6.4)) * (hertz.clamp(min=1000.0) / 1000.0).log()
    return torch.where(hertz < 1000.0, hertz * 0.015, above)
