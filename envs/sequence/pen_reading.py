"""PenReading: words as a pen wrote them, point after point, are to be read."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...errors import check_choice
from ..batch import Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from . import pen, render_pen
from .blind import END
from .handwriting import SPACES, TREMOR
from .handwriting import STEP as HALF
from .passage import Passages
from .render import spelt
from .transcript import Transcript

LONGEST = 30
HIGH, LOW, BESIDE = 3.5, 2.0, 2.0  # heights of an x that ink may go above and below the base line, and beside a word


class PenReading(Transcript):
    """Read a word that was written by hand: the points that the pen went through are known, and when it was lifted.

    Description:
        A word of random letters is written in a hand of its own: slant, height and width of the letters and how
        steadily the line goes differ from episode to episode. The letters come one after the other; with dots="late"
        the dots of i and j and the bar of t are set when the word is finished, as many people do, so a letter may be
        decided long after its body. With `confusable` an l is an i without its dot, of a height that says nothing: only
        the dot tells. What is written is asked for letter by letter, and then the end.

        As a "stream" the points come one a moment, then a marker, then the word is due, from memory. As a "whole" the
        ink is seen all the time. With view "glimpse" one point of it is seen, at the place chosen before. With
        answer="string" the whole word is one action.

    Observation space:
        "stream": ``Box(0, 1, (33,))``: the point that is read, the marker, and while writing one channel for the letter
        that was written last (the first of these 27 for none). A point is five numbers: its x over the longest word's
        width, its y, the step to it in x and in y (0.5 is none, and a step of one height of an x is 0.25; longer ones
        are cut), and whether the pen goes up after it. "whole": ``Dict(source=Box(0, 1, (R, 5)), length=Discrete(R +
        1), written=Discrete(27))``: the points, zero behind the last, how many they are, and what was written last, 0
        for nothing; R is the room for the longest word of all splits. "glimpse": ``Dict(glimpse=Box(0, 1, (5,)),
        place=Discrete(R), written=Discrete(27))``.

    Action space:
        ``Discrete(27)``: the letter that is written now, 0 to end; ignored while reading. "glimpse":
        ``Dict(location=Discrete(R), write=Discrete(27))``: also which point is seen next. With answer="string":
        ``MultiDiscrete([27] * N)``, the word, with 0 behind its end.

    Rewards:
        "dense": a share of 1 for each right letter at its place (the end is one); "edit": at the end 1 - edit distance
        / length of the longer word; "whole": 1 at the end if all is right.

    Starting state:
        A uniform number of letters, each uniform in the alphabet, and a hand. Of a glimpse, the first point is seen.

    Episode end:
        When the end is written, or after one letter more than the longest word has; with answer="string" after one
        action. Never truncated.

    Info:
        target, target_mask: the letter that is due now, and whether one is; score: whether all is right, the end among
        it; relevance (on request): which points belong to the letter that is due next, its late ones among them, bool
        (R,); as a stream, bool (S + 1 + L,), the moments that showed them.

    Args:
        view: "stream", "whole" or "glimpse".
        dots: "late" or "at once", when dots and bars are set.
        confusable: whether an l is an i without its dot.
        ink: "fine" (a point each quarter of an x's height, and a steady line), or "handwriting" (as in that world).
        split: "train" (3 to 7 letters), "validation" and "test" (the same), "test-5", -10 and -15 (exactly so many).
        min_length: the fewest letters; None leaves it to the split.
        max_length: the most letters; None leaves it to the split.
        answer: "symbols" (letters, one after the other), or "string" for the whole word at once (view "whole").
        reward: "dense", "edit" or "whole".
        looks: moments for each letter that is written, of which the last writes it (view "glimpse").

    Source:
        Graves et al. 2009, "A novel connectionist system for unconstrained handwriting recognition": online recognition
        of a whiteboard's points; the late dot of an i is that of its sequential Jacobian in Graves 2012, "Supervised
        sequence labelling with recurrent neural networks", section 7.4. The strokes are A. V. Hershey's script (1967),
        from the package Hershey-Fonts.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.072, 0.01),
        random=Certified(0.034, 0.005),
        memoryless=Certified(0.034, 0.005),
        unaligned=Certified(0.4136, 0.01),
    )
    splits = Splits.of("length", Range(3, 7), exactly=(5, 10, 15))
    numbers = 5
    ahead = 16  # of few words at once each operator costs as much as of many

    def __init__(
        self,
        *,
        view: Literal["stream", "whole", "glimpse"] = "stream",
        dots: Literal["late", "at once"] = "late",
        confusable: bool = True,
        ink: Literal["fine", "handwriting"] = "fine",
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        answer: Literal["symbols", "string"] = "symbols",
        reward: Literal["dense", "edit", "whole"] = "dense",
        looks: int = 1,
    ):
        sizes = self.splits.sizes(split, min_length=min_length, max_length=max_length)
        self.length, self.confusable = sizes.range("length", 1, LONGEST), confusable
        self.dots = check_choice("dots", dots, ["late", "at once"])
        self.ink_kind = check_choice("ink", ink, ["fine", "handwriting"])
        self.step_size = pen.STEP if ink == "fine" else HALF
        longest = max(self.length.high, self.splits.largest("length"))
        self.room, self.most_items = (
            pen.most_points(letters, confusable, self.step_size) for letters in (longest, self.length.high)
        )
        self.most_written = self.length.high + 1
        self.widest = longest * pen.widest(confusable)
        self.string_room = longest + 1
        self.set_transcript(answer, view, reward, looks, ["end", *pen.LETTERS])

    def passage(self, rng: CounterRNG) -> Passages:
        length = self.length.sample(rng, "length")  # (n,)
        place = torch.arange(self.most_written, device=length.device)
        letters = 1 + rng.integers("letters", len(pen.LETTERS), self.most_written)  # (n, L)
        targets = torch.where(place < length[:, None], letters, END)
        hand = pen.hands(rng)
        ink = pen.written(targets, hand, self.most_items, self.dots == "late", self.confusable, self.step_size)
        if self.ink_kind == "handwriting":
            gaps = (rng.uniform("gaps", self.most_written) < SPACES) & (place > 0)
            stray = TREMOR * (2 * rng.uniform("tremor", self.most_items, 2) - 1)
            ink = pen.with_gaps(ink._replace(points=ink.points + stray), gaps, hand)
        aligned = (ink.letter[:, None] == place[:, None]) & (place < length[:, None])[..., None]  # (n, L, S)
        seen = self._seen_of(ink.points, ink.lifts, ink.letter >= 0)
        return Passages(seen, ink.count, targets, length + 1, aligned)

    def _seen_of(self, points: Tensor, lifts: Tensor, there: Tensor) -> Tensor:
        """The five numbers of each point, in [0, 1], (n, S, 5)."""
        step = torch.diff(points, dim=1, prepend=points[:, :1])  # (n, S, 2)
        x, y = points.unbind(-1)
        place = [(x + BESIDE) / (self.widest + 2 * BESIDE), (y + LOW) / (HIGH + LOW)]
        parts = torch.stack([*place, *(0.5 + step / 4).unbind(-1), lifts.float()], -1)
        return parts.clamp(0, 1) * there[..., None]

    def _points_of(self, items: Tensor) -> Tensor:
        """Where the pen was, in heights of an x, (…, 2): of the five numbers of points, (…, 5)."""
        x, y = items[..., 0], items[..., 1]
        return torch.stack([x * (self.widest + 2 * BESIDE) - BESIDE, y * (HIGH + LOW) - LOW], -1)

    # ---- the ink, for instruments ----

    def ink(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The points of world `index` in heights of an x, float (S, 2), and after which the pen goes up, bool (S,)."""
        items = self.state["items"][index, : int(self.state["length"][index])]
        return self._points_of(items).numpy(force=True), (items[:, 4] > 0.5).numpy(force=True)

    def late_points(self) -> Tensor:
        """Which points are a dot of i or j or the bar of a t, bool (B, S); whose they are says `aligned`."""
        late = self.dots == "late"
        return pen.late_points(self.state["targets"], self.most_items, late, self.confusable, self.step_size)

    def without(self, points: Tensor) -> Tensors:
        """What would be observed now if these points had never been written.

        The pen goes from the point before them to the one behind them. With `confusable` and dots="late", an i without
        its dot is the same ink as an l of that hand in its place.

        Args:
            points: bool, (B, S).
        """
        items, length = self.state["items"], self.state["length"]
        place = torch.arange(items.shape[1], device=items.device)
        kept = ~points & (place < length[:, None])
        order = kept.long().argsort(dim=1, descending=True, stable=True)  # those that are kept come first
        moved = items.gather(1, order[..., None].expand_as(items))
        return self.of_ink(self._points_of(moved), moved[..., 4] > 0.5, kept.sum(1))

    def of_ink(self, points: Tensor, lifts: Tensor, count: Tensor) -> Tensors:
        """What would be observed now if this ink had been written, by whomever; what there is no room for is cut off.

        Args:
            points: where the pen was, in heights of an x from the left end of the base line, y going up, (B, M, 2).
            lifts: whether it goes up after a point, bool (B, M).
            count: how many points there are, (B,).
        """
        room = self.room
        missing = max(0, room - points.shape[1])
        points, lifts = F.pad(points, (0, 0, 0, missing))[:, :room], F.pad(lifts, (0, missing))[:, :room]
        count = count.clamp(max=room)
        seen = self._seen_of(points, lifts, torch.arange(room, device=count.device) < count[:, None])
        return self.observe({**self.state, "items": seen, "length": count})

    # ---- who knows the letters but not their order ----

    def unaligned_texts(self) -> Tensor:
        """The commonest letter of the word at every place, and the end after as many letters as it has."""
        word, due = self.state["targets"], self.state["due"]  # (B, L), (B,)
        often = (word[:, :, None] == word[:, None]).sum(2) * (word > 0)
        commonest = word.gather(1, often.argmax(1)[:, None])
        return torch.where(torch.arange(word.shape[1], device=word.device) < due[:, None] - 1, commonest, END)

    # ---- pictures ----

    def source_picture(self, index: int) -> np.ndarray:
        one = {name: value[index].cpu().numpy() for name, value in self.state.items()}
        points, lifts = self.ink(index)
        return render_pen.paper(
            render_pen.Paper(
                points=points,
                lifts=lifts,
                due=self.due_now(index, len(points)),
                seen=self._seen(one),
                written=self.written_so_far(index),
                gold=spelt(one["targets"][: one["due"]], self.written_names),
            ),
            (-BESIDE, -LOW),
            (self.length.high * pen.widest(self.confusable) + BESIDE, HIGH),
        )

    def frame(self, index: int) -> np.ndarray:
        return self.source_picture(index)
