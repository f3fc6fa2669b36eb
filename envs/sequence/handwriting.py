"""Handwriting: a text is to be written by a pen, point after point."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ...errors import FoveateError, check_choice
from ..batch import Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from . import pen, render_ink
from .passage import Passages
from .pen_passage import DONE, LIFTED, PenPassage, nearness
from .render import spelt

LONGEST = 24
SYMBOLS = pen.LETTERS + " "  # that a text is made of
STEP = 0.5  # heights of an x from point to point, where the hand is not wide: some thirteen points a letter
UNIT = 0.416  # of a move, in heights of an x: the deviation of all moves, along x and y alike
REACH = {"at once": 16.0, "late": 256.0}  # no move is as long: within a line, or back through the longest one
TREMOR = 0.07  # heights of an x that a point of an unsteady hand strays at most, in x and in y
SPACES = 0.25  # how likely a letter would be followed by a space, if words needed no letters
GUESSES = 12  # orders of a text's letters that `unaligned` thinks of


class Handwriting(PenPassage):
    """Write a text by hand: where the pen goes to next, and whether it is lifted then, until all is written.

    Description:
        A line of words of random letters is to be written, point after point, in somebody's hand. Slant, height and
        width of the letters and how steadily the line goes differ from episode to episode, and nothing tells them: who
        imitates many hands learns what hands there are, and may then write in any of them (who knows the text, but not
        the hand, gets 0.75). All of them tremble a little. With hands="one" all episodes are in the same steady hand.
        The letters come one after the other; with dots="late" the dots of i and j and the bar of t are set when the
        whole line is written, where a window that moves along the text and never back has lost them.

        As a "stream" the letters come one a moment, then a marker, then the line is written from memory. As a "whole"
        the text is seen all the time. With view "glimpse" one letter is seen, at the place chosen before.

    Observation space:
        "stream": ``Box((31,))``: while reading one of 28 channels is 1, that of the marker, of a letter or of the
        space; beside them stands the point that was written last. "whole": ``Dict(source=MultiDiscrete([28] * 24),
        written=Box((3,)))``: the text (1 to 26 are letters, 27 is the space, 0 is behind the end), and the last point:
        the move to it in x and in y (which goes up), -16 to 16 (-256 to 256 with dots="late"), in units of the moves'
        deviation, and what the pen did then: 0, it went on, or 1, it was lifted. Before the first point these are 0,
        0, 1. "glimpse": ``Dict(glimpse=Discrete(28), place=Discrete(24), written=Box((3,)))``.

    Action space:
        ``Box((3,))``: the move to the next point, -16 to 16 in x and in y (-256 to 256 with dots="late"), and what the
        pen does there, 0 to 2, rounded: 0 it goes on, 1 it is lifted, 2 all is written; ignored while reading. The
        first move begins on the base line, at the left end of the line. "glimpse": ``Dict(location=Discrete(24),
        write=Box((3,)))``: also which letter is seen next.

    Rewards:
        "dense": for each point a share of exp(-distance between its move and the one that is due), if the pen does the
        same; all shares add up to 1. "whole": their sum, at the end.

    Starting state:
        A uniform number of letters and spaces, each letter uniform in the alphabet, no spaces at the ends or beside
        each other; and a hand. Of a glimpse, the first letter is seen.

    Episode end:
        When all is written, or after as many points as the longest text can have. Never truncated.

    Info:
        target, target_mask: the point that is due now, as in an action, and whether one is; score: the sum of the
        shares so far; relevance (on request): the letter that the point that is due belongs to, bool (24,); as a
        stream, bool (S + 1 + L,), the moment that showed it.

    Args:
        view: "stream", "whole" or "glimpse".
        text: what is to be written in all episodes, up to 24 letters from a to z and spaces; None for random words.
        hands: "mixed", or "one" for always the same.
        dots: "at once" or "late", when dots and bars are set.
        split: "train" (4 to 12 letters and spaces), "validation" and "test" (the same), "test-8", -16 and -24 (exactly
            so many).
        min_length: the fewest letters and spaces; None leaves it to the split.
        max_length: the most of them; None leaves it to the split.
        reward: "dense" or "whole".
        looks: moments for each point that is written, of which the last writes it (view "glimpse").

    Source:
        Graves 2013, "Generating sequences with recurrent neural networks", section 5, where people wrote on a
        whiteboard; here the strokes are A. V. Hershey's script (1967), from the package Hershey-Fonts, in hands made
        up.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.3154, 0.01),
        random=Certified(0.0001, 0.0002),
        memoryless=Certified(0.3154, 0.01),
        unaligned=Certified(0.3456, 0.01),
    )
    splits = Splits.of("length", Range(4, 12), exactly=(8, 16, 24))
    room = LONGEST
    ahead = 16  # of few texts at once each operator costs as much as of many

    def __init__(
        self,
        *,
        view: Literal["stream", "whole", "glimpse"] = "stream",
        text: str | None = None,
        hands: Literal["mixed", "one"] = "mixed",
        dots: Literal["at once", "late"] = "at once",
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        reward: Literal["dense", "whole"] = "dense",
        looks: int = 1,
    ):
        sizes = self.splits.sizes(split, min_length=min_length, max_length=max_length)
        self.length = sizes.range("length", 1, LONGEST)
        self.text = None if text is None else as_letters(text)
        if self.text is not None:
            self.length = Range(len(self.text), len(self.text))
        self.hands = check_choice("hands", hands, ["mixed", "one"])
        self.dots = check_choice("dots", dots, ["at once", "late"])
        self.reach = REACH[self.dots]
        self.most_items, self.most_written = self.length.high, pen.most_points(self.length.high, step=STEP)
        self.set_passage(view, reward, looks, ["", *SYMBOLS])

    def passage(self, rng: CounterRNG) -> Passages:
        text, length = self._texts_of(rng)
        ink = self._ink(text, self._hands_of(rng))
        if self.hands == "mixed":
            stray = TREMOR * (2 * rng.uniform("tremor", self.most_written, 2) - 1)
            ink = ink._replace(points=ink.points + stray)
        place = torch.arange(self.most_items, device=text.device)
        return Passages(text, length, as_points(ink), ink.count, ink.letter[..., None] == place)

    def _texts_of(self, rng: CounterRNG) -> tuple[Tensor, Tensor]:
        """Texts, int64 (n, S), and how long they are, (n,)."""
        if self.text is not None:
            text = self.text.to(rng.key.device).expand(len(rng), -1).clone()
            return text, torch.full_like(text[:, 0], text.shape[1])
        length = self.length.sample(rng, "length")  # (n,)
        place = torch.arange(self.most_items, device=length.device)
        letters = 1 + rng.integers("letters", len(pen.LETTERS), self.most_items)  # (n, S)
        parts = rng.uniform("spaces", self.most_items) < SPACES
        parts = parts & ~parts.roll(1, 1) & (place > 0) & (place < length[:, None] - 1)
        return torch.where(parts, pen.SPACE, letters) * (place < length[:, None]), length

    def _hands_of(self, rng: CounterRNG) -> pen.Hand:
        return pen.hands(rng) if self.hands == "mixed" else pen.one_hand(len(rng), rng.key.device)

    def _ink(self, text: Tensor, hand: pen.Hand) -> pen.Ink:
        return pen.written(text, hand, self.most_written, self.dots == "late", step=STEP)

    # ---- who knows the letters but not their order ----

    def unaligned(self) -> Tensors:
        """At each place the point that is nearest to those of a dozen orders of the text's letters, in other hands."""
        place, _ = self.writing(self.state)
        every, column = torch.arange(len(place), device=place.device), self._column(place)[:, 0]
        guesses = self._guesses()[every, :, column]  # (B, G, 3)
        worth = nearness(guesses[:, :, None], guesses[:, None]).sum(2)  # (B, G)
        return self._as_action(guesses[every, worth.argmax(1)])

    def _guesses(self) -> Tensor:
        """How the text may have been written by who has its letters in any order, (B, G, L, 3)."""
        now = (self.key, self.episode)
        known = self.__dict__.get("_guessed")
        if known is None or not all(torch.equal(a, b) for a, b in zip(known[0], now, strict=True)):
            text = self.state["items"]
            inks = []
            for number in range(GUESSES):
                rng = CounterRNG(self.key, self.episode, torch.full_like(self.key, number)).branch(1)
                chance = rng.uniform("order", text.shape[1]) + 2.0 * (text == 0)
                inks.append(as_points(self._ink(text.gather(1, chance.argsort(1)), self._hands_of(rng))))
            self._guessed = known = (now, torch.stack(inks, 1))
        return known[1]

    # ---- pictures ----

    def source_picture(self, index: int) -> np.ndarray:
        return self.frame(index)

    def frame(self, index: int) -> np.ndarray:
        one = {name: value[index].cpu().numpy() for name, value in self.state.items()}
        length, count = int(one["length"]), int(one["due"])
        return render_ink.sheet(
            render_ink.Sheet(
                text=spelt(one["items"][:length], self.source_names),
                due=self.relevance(self.state)[index, :length].cpu().numpy(),
                seen=self._seen(one),
                gold=render_ink.strokes(one["targets"][:count], UNIT),
                written=self.strokes(index),
            ),
            self.most_items * pen.widest(),
        )

    def strokes(self, index: int) -> list[np.ndarray]:
        """What was written so far in world `index`: the lines that the pen drew, each (k, 2), in heights of an x."""
        place, _ = self.writing(self.state)
        count = max(0, int(place[index]))
        return render_ink.strokes(self.state["written"][index, :count].numpy(force=True), UNIT)


def as_points(ink: pen.Ink) -> Tensor:
    """Ink as what is written point by point, float32 (n, M, 3), zero behind the end."""
    moves = torch.diff(ink.points, dim=1, prepend=torch.zeros_like(ink.points[:, :1])) / UNIT
    inside = ink.letter >= 0
    place = torch.arange(moves.shape[1], device=moves.device)
    does = torch.where(place == ink.count[:, None] - 1, DONE, ink.lifts * LIFTED)
    return torch.cat([moves, does[..., None].to(moves.dtype)], -1) * inside[..., None]


def as_letters(text: str) -> Tensor:
    """A text as numbers of its letters, int64 (S,).

    Raises:
        FoveateError: it has no letter, too many, or others than from a to z and spaces.
    """
    if not 1 <= len(text) <= LONGEST:
        raise FoveateError(f"text={text!r} has {len(text)} letters and spaces, allowed are 1 to {LONGEST}.")
    other = sorted(set(text) - set(SYMBOLS))
    if other:
        raise FoveateError(f"text={text!r} has {', '.join(map(repr, other))} in it, allowed are a to z and spaces.")
    if not text.strip():
        raise FoveateError(f"text={text!r} has no letter.")
    return torch.tensor([1 + SYMBOLS.index(letter) for letter in text])
