"""Frames: things that were shown, of which the last with some features is looked up."""

from typing import Literal

import numpy as np
import torch
from torch.nn import functional as F

from ...errors import check_choice
from ...viz.canvas import FILLED, blank, box, dot, even, line
from ...viz.palette import DIM, NOW, RIGHT, SOFT, WRONG, Colour
from ...viz.text import width_of, write
from ..batch import Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sequence.lots import some_of
from ..sequence.passage import Passage, Passages
from ..sizes import Range, Splits

PAINT: dict[str, Colour] = {
    "red": (214, 48, 40),
    "green": (44, 150, 74),
    "blue": (48, 98, 204),
    "yellow": (226, 182, 26),
    "purple": (146, 72, 168),
    "black": (40, 40, 40),
}
SHAPES = ("square", "disc", "ring", "cross", "bar")
CORNERS = {"top-left": (0, 0), "top-right": (1, 0), "bottom-left": (0, 1), "bottom-right": (1, 1)}  # (x, y)
KINDS = (len(PAINT), len(SHAPES), len(CORNERS))  # values of each feature
PAYLOADS = tuple("ABCDEFGHIJKLMNOP")
FEATURES = (*PAINT, *SHAPES, *CORNERS)
COUNTS = "counts"
READ = ("", *FEATURES, *PAYLOADS, COUNTS)
FIRST = tuple(1 + sum(KINDS[:kind]) for kind in range(3))  # the first symbol of each feature
PAYLOAD = 1 + sum(KINDS)
LONGEST = 200
ACROSS, TILE, STEP = 8, 56, 78  # of a picture


class Frames(Passage):
    """Say what was written below the last frame that showed something red, or a blue ring in some corner.

    Description:
        6 to 12 frames are shown, each with one thing: its colour, its shape, the corner where it stands, and a letter
        below. Then one to three of the features of one of them are asked for, and the letter of the last frame that
        has them all is to be written. So a frame is found by a part of what it is like, which is a key with the other
        entries masked, and among those that fit the last counts.

        With cue="frame" a whole frame is asked with, and which of its features count is said beside it: what doesn't
        count is in the key, too, and must be masked.

        As a "stream" the frames come one a moment, then the query, then a marker, then the answer is due, from memory.
        As a "whole" all frames and the query are seen. With view "glimpse" the query and one frame are seen, at the
        place chosen before.

    Observation space:
        "stream": ``Box(0, 1, (4 V + 17,))``: one channel for each of the four symbols of a frame (V = 33: none,
        colours, shapes, corners, letters, "counts"), all none for the marker; the query takes one moment, or two with
        cue="frame". "whole": ``Dict(source=MultiDiscrete([[V] * 4] * R), query=MultiDiscrete([V] * 3),
        written=Discrete(17))``: the frames, 0 behind the last; colour, shape and corner that are asked for, 0 where any
        will do (cue="frame": three more, "counts" or 0 for each); and what was written last, which is nothing, 0;
        R = 48, or the most frames if these are more. "glimpse": ``Dict(glimpse=MultiDiscrete([V] * 4),
        place=Discrete(R), query=…, written=…)``.

    Action space:
        ``Discrete(17)``: the letter, by its number; 0 is none; ignored while reading. "glimpse":
        ``Dict(location=Discrete(R), write=Discrete(17))``: also which frame is seen next.

    Rewards:
        1 for the right letter, whatever `reward` says: there is one writing.

    Starting state:
        Uniform among numbers of frames, features and letters; one frame is chosen, and how many and which of its
        features are asked for. Of a glimpse, the first frame is seen.

    Episode end:
        With the answer. Never truncated.

    Info:
        target, target_mask: the letter that is due now, and whether one is; score: whether it was written; relevance
        (on request): the last frame that fits, bool (R,), as a stream by moment.

    Args:
        view: "stream", "whole" or "glimpse".
        cue: "features" (those that are asked for) or "frame" (all of a frame, and which of them count).
        split: "train" (6 to 12 frames), "validation" and "test" (the same), "test-12", -24 and -48 (exactly so many).
        min_length: the fewest frames; None leaves it to the split.
        max_length: the most frames; None leaves it to the split.
        reward: "dense", "edit" or "whole", which are the same here.
        looks: moments for the answer, of which the last writes it (view "glimpse").

    Source:
        Graves 2020, lecture "Attention and memory in deep learning" (DeepMind x UCL): feature lookup, "zero the other
        entries of the key", "show me an earlier frame in which something red appeared". The world is ours.

    Version history:
        v0: first version.
    """

    # who knows all letters, but not whose they are, takes the one that is there most often
    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.0625, 0.015),
        random=Certified(0.0588, 0.015),
        memoryless=Certified(0.0625, 0.015),
        unaligned=Certified(0.24, 0.02),
    )
    splits = Splits.of("length", Range(6, 12), exactly=(12, 24, 48))
    words, most_written, ends = 4, 1, False

    def __init__(
        self,
        *,
        view: Literal["stream", "whole", "glimpse"] = "stream",
        cue: Literal["features", "frame"] = "features",
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        reward: Literal["dense", "edit", "whole"] = "dense",
        looks: int = 1,
    ):
        self.cue = check_choice("cue", cue, ["features", "frame"])
        self.query_size = 3 if cue == "features" else 6
        sizes = self.splits.sizes(split, min_length=min_length, max_length=max_length)
        self.length = sizes.range("length", 1, LONGEST)
        self.most_items = self.length.high
        self.room = max(self.most_items, self.splits.largest("length"))
        self.set_passage(view, reward, looks, READ, ("", *PAYLOADS))

    def passage(self, rng: CounterRNG) -> Passages:
        most, place = self.most_items, torch.arange(self.most_items, device=rng.key.device)
        length = self.length.sample(rng, "length")  # (n,)
        there = place < length[:, None]  # (n, S)
        kinds = zip(("colour", "shape", "corner"), KINDS, FIRST, strict=True)
        features = torch.stack([first + rng.integers(name, count, most) for name, count, first in kinds], -1)
        letter = 1 + rng.integers("letters", len(PAYLOADS), most)  # (n, S)
        like = features[torch.arange(len(length), device=length.device), rng.bits("like", 1)[:, 0] % length]  # (n, 3)
        many = torch.full_like(length, 3)[:, None]
        asked = some_of(rng.bits("asked", 3), many, 1 + rng.integers("many", 3, 1))  # (n, 3)
        fits = ((features == like[:, None]) | ~asked[:, None]).all(-1) & there
        last = torch.where(fits, place, -1).amax(1, keepdim=True)  # (n, 1)
        items = torch.cat([features, letter[..., None] + PAYLOAD - 1], -1) * there[..., None]  # (n, S, 4)
        query = like * asked
        if self.cue == "frame":
            query = torch.cat([like, asked * READ.index(COUNTS)], -1)
        due = torch.ones_like(length)
        return Passages(items, length, letter.gather(1, last), due, (place == last)[:, None], query)

    def unaligned(self) -> Tensors:
        """The commonest letter."""
        letter = (self.state["items"][..., 3] - PAYLOAD + 1).clamp(min=0)
        count = F.one_hot(letter, 1 + len(PAYLOADS)).sum(1)
        return self._as_action(1 + count[:, 1:].argmax(1))

    # ---- pictures ----

    def frame(self, index: int) -> np.ndarray:
        """All frames, the one that decides boxed, the query, and what was written of it."""
        state = {name: value[index].cpu().numpy() for name, value in self.state.items()}
        lines = -(-self.most_items // ACROSS)
        canvas = blank(even(lines * (STEP + 14) + 70), even(ACROSS * STEP + 12))
        relevant = self.relevance(self.state)[index].cpu().numpy()
        seen = self._seen(state)
        count = int(state["length"])
        shown = min(count, int(state["clock"]) + 1) if self.view == "stream" else count
        for number in range(shown):
            x, y = 12 + number % ACROSS * STEP, 12 + number // ACROSS * (STEP + 14)
            *features, letter = state["items"][number].tolist()
            _draw_thing(canvas, (x, y), *features)
            write(canvas, READ[letter], (x + TILE // 2 - 5, y + TILE + 18))
            outline = NOW if relevant[number] else DIM if number == seen else SOFT
            box(canvas, (x - 4, y - 4), (x + TILE + 4, y + TILE + 4), outline, 2 if relevant[number] else 1)
        top = canvas.shape[0] - 36
        if self.view != "stream" or state["clock"] >= count:
            write(canvas, "asked: " + self._asked_words(state["query"]), (12, top))
        due, written = READ[int(state["targets"][0]) + PAYLOAD - 1], int(state["written"][0])
        write(canvas, f"due: {due}", (12, top + 24), colour=DIM)
        if written:
            said = f"written: {READ[written + PAYLOAD - 1]}"
            right = written == state["targets"][0]
            write(canvas, said, (24 + width_of(f"due: {due}"), top + 24), colour=RIGHT if right else WRONG)
        return canvas

    def _asked_words(self, query: np.ndarray) -> str:
        """The features that are asked for, and with a whole frame, which of it count."""
        named = [READ[symbol] for symbol in query[:3] if symbol]
        if self.cue == "features":
            return " ".join(named)
        counted = [name for name, counts in zip(named, query[3:], strict=True) if counts]
        return f"{' '.join(named)}, of which count: {' '.join(counted)}"


def _draw_thing(canvas: np.ndarray, corner: tuple[int, int], colour: int, shape: int, place: int) -> None:
    """Draw a frame's thing in its corner, by the symbols of its features."""
    paint, kind = PAINT[READ[colour]], READ[shape]
    right, low = CORNERS[READ[place]]
    x, y, r = corner[0] + 15 + 26 * right, corner[1] + 15 + 26 * low, 10
    if kind == "square":
        box(canvas, (x - r, y - r), (x + r, y + r), paint, FILLED)
    elif kind == "disc":
        dot(canvas, (x, y), r + 1, paint, smooth=True)
    elif kind == "ring":
        dot(canvas, (x, y), r - 1, paint, 4, smooth=True)
    elif kind == "cross":
        line(canvas, (x - r, y - r), (x + r, y + r), paint, 5, smooth=True)
        line(canvas, (x - r, y + r), (x + r, y - r), paint, 5, smooth=True)
    else:
        box(canvas, (x - r, y - 3), (x + r, y + 3), paint, FILLED)
