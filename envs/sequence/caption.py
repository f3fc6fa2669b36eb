"""Caption: a picture of digits and clothes is to be described, what is where."""

from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from ...errors import FoveateError, check_choice
from ...tree import outside_inference
from ..batch import State, Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from . import render_canvas, things
from .blind import END, best_text
from .passage import SAMPLE, Passages
from .picture_passage import PATCH, PicturePassage, cells_of
from .render import spelt

A, AN, LEFT, OF, ABOVE, BELOW, AND, NOUN = range(1, 9)  # the words, nouns from the last on; 0 ends
WORDS = ("end", "a", "an", "left", "of", "above", "below", "and", *things.NOUNS)
CELLS = (4, 8, 16, 32)
SLOTS = 5  # words about a thing: and, left (above, below), of, a (an), noun; some of them are left out


class Caption(PicturePassage):
    """Describe a picture: which things it shows, and where the first of them is.

    Description:
        Two or three small images of handwritten digits (or of clothes, or of both) lie apart on a black picture of
        64x64 pixels. It is to be described by "a seven left of a three and below an eight", word by word, and then the
        end: first the thing most to the left (of those in one column the upper one), and how it lies to each of the
        others, which come in the same order. The picture has three rows and three columns of blocks, with one thing at
        most in each, anywhere within it: a thing is "above" or "below" another of a lower or a higher row, whatever
        their columns, and "left of" one of its own row.

        As a "stream" the picture is scanned: its 64 cells of 8x8 pixels come one a moment, row by row, then a marker,
        then the caption is due, from memory. As a "whole" the picture is seen all the time. With view "glimpse" a
        retina sees the surroundings of one cell, the one that was chosen before.

    Observation space:
        "stream": ``Box(0, 1, (65 + 28,))``: the pixels of the cell that is read, the marker, and while writing one
        channel for the word that was written last (the first of these 28 for none). "whole": ``Dict(source=Box(0, 255,
        (1, 64, 64), uint8), written=Discrete(28))``: the picture, and what was written last, 0 for nothing. "glimpse":
        ``Dict(glimpse=Box(0, 1, (2, 16, 16)), place=Discrete(64), written=Discrete(28))``: 16x16 pixels around the
        middle of the cell `place`, and 32x32 pixels of half the resolution.

    Action space:
        ``Discrete(28)``: the word that is written now, 0 to end; ignored while reading. "glimpse":
        ``Dict(location=Discrete(64), write=Discrete(28))``: also which cell is looked at next.

    Rewards:
        "dense": a share of 1 for each right word at its place (the end is one); "edit": at the end 1 - edit distance /
        length of the longer caption; "whole": 1 at the end if all is right.

    Starting state:
        A uniform number of things, each a uniform image of the split's, of both kinds as likely where there are both,
        in blocks that are uniform, anywhere within them. Of a glimpse, the first cell is looked at.

    Episode end:
        When the end is written, or after one word more than the longest caption has. Never truncated.

    Info:
        target, target_mask: the word that is due now, and whether one is; score: whether all is right, the end among
        it; relevance (on request): which cells hold ink of what the next word is about, or lie in the box around it,
        bool (64,): a noun and its article are about their thing (the article has to fit it), "above", "below" and
        "left" about both things, "and" about the thing that is still to come; none of "of" and of the end. As a
        stream, bool (64 + 1 + L,), the moments that showed them.

    Args:
        lesson: of the curriculum, from 1: one thing, then one or two, then two or three; None leaves it to the split.
        view: "stream", "whole" or "glimpse".
        data: "digits" (MNIST, see `envs/glimpse/data.py`), "clothes" (Fashion-MNIST, which must be there) or "both".
        split: "train" (2 or 3 things), "validation" and "test" (the same, of other images), "test-2", -3, -4 and -5
            (exactly so many, of the test images).
        min_things: the fewest things; None leaves it to lesson and split.
        max_things: the most things; None leaves it to lesson and split.
        cell: pixels of the cells' sides: 4, 8, 16 or 32. The spaces above are for 8.
        reward: "dense", "edit" or "whole".
        looks: moments for each word that is written, of which the last writes it (view "glimpse").

    Source:
        Xu et al. 2015, "Show, attend and tell", describe photographs. Pictures and grammar are ours; the digits are
        MNIST (LeCun et al. 1998), the clothes Fashion-MNIST (Xiao et al. 2017), both at half their size.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.432, 0.01),
        random=Certified(0.0323, 0.005),
        memoryless=Certified(0.292, 0.01),
        unaligned=Certified(0.598, 0.01),
    )
    lessons: ClassVar[list[dict[str, int]]] = [
        {"min_things": low, "max_things": high} for low, high in ((1, 1), (1, 2), (2, 3))
    ]
    splits = Splits.of("things", Range(2, 3), exactly=(2, 3, 4, 5))
    writes_sentences = True
    side = things.SIZE

    def __init__(
        self,
        *,
        lesson: int | None = None,
        view: Literal["stream", "whole", "glimpse"] = "stream",
        data: Literal["digits", "clothes", "both"] = "digits",
        split: str = "train",
        min_things: int | None = None,
        max_things: int | None = None,
        cell: int = 8,
        reward: Literal["dense", "edit", "whole"] = "dense",
        looks: int = 1,
    ):
        splits = self.splits if lesson is None else self.splits.at_lesson(self.lessons, lesson)
        sizes = splits.sizes(split, min_things=min_things, max_things=max_things)
        self.things = sizes.range("things", 1, things.MOST)
        images = split if split in ("train", "validation") else "test"
        self.kinds = things.kinds(check_choice("data", data, things.DATA), images)
        if cell not in CELLS:
            raise FoveateError(f"cell={cell!r} is not allowed: allowed are {', '.join(map(str, CELLS))}.")
        self.cell, most = int(cell), self.things.high
        self.most_written = SLOTS * most + 1 - (3 if most == 1 else 4)  # of the first thing two, of the second four
        cells = [str(number) for number in range(1, (self.side // self.cell) ** 2 + 1)]
        self.set_passage(view, reward, looks, ["", *cells], WORDS)

    @outside_inference
    def build(self, num_worlds: int, device: torch.device | str = "cpu", keep_trail: bool = False) -> None:
        super().build(num_worlds, device, keep_trail)
        self.kinds = self._kinds(self.device)

    def _kinds(self, device: torch.device) -> things.Kinds:
        """The images on a device."""
        images, nouns, boxes, start = self.kinds
        return things.Kinds(images.to(device), nouns.to(device), boxes.to(device), start)

    # ---- the rules ----

    def start(self, rng: CounterRNG) -> State:
        known = self._kinds(rng.key.device)
        shown = self._shown(rng)
        about = written(shown, known.nouns, self.most_written)[1]
        return {**super().start(rng), "boxes": things.boxes_of(shown, known.boxes), "about": about}

    def _shown(self, rng: CounterRNG) -> things.Things:
        known, count = self._kinds(rng.key.device), self.things.sample(rng, "things")
        return things.arranged(rng, count, self.things.high, known)

    def passage(self, rng: CounterRNG) -> Passages:
        known, shown = self._kinds(rng.key.device), self._shown(rng)
        targets, about = written(shown, known.nouns, self.most_written)
        inside = cells_in(things.boxes_of(shown, known.boxes), self.grid, self.cell)  # (n, M, S)
        aligned = (about.float() @ inside.float()) > 0  # (n, L, S)
        items = cells_of(things.painted(shown, known.images), self.cell)
        length = torch.full_like(targets[:, 0], self.most_items)
        return Passages(items, length, targets, (targets != END).sum(1) + 1, aligned)

    # ---- who knows what is there, but not where ----

    def unaligned(self) -> Tensors:
        """The likeliest caption of so many things: the commonest noun at each place where nouns are."""
        state, (place, _) = self.state, self.writing(self.state)
        targets, count = state["targets"], (state["targets"] >= NOUN).sum(1)  # (B, L), (B,)
        likely = self._likely.to(place.device)[count - self.things.low]  # (B, L)
        kind = likely.gather(1, self._column(place))[:, 0]
        often = (targets[:, :, None] == targets[:, None]).sum(2) * (targets >= NOUN)
        noun = targets.gather(1, often.argmax(1)[:, None])[:, 0]
        article = A + (2 * (targets == AN).sum(1) > count)
        return self._as_action(torch.where(kind == NOUN, noun, torch.where(kind == A, article, kind)))

    @cached_property
    @outside_inference
    def _likely(self) -> Tensor:
        """What kinds of words are worth most, by the number of things: int64 (counts, L), A for any article and NOUN
        for any noun.
        """
        every = torch.arange(SAMPLE)
        rows = []
        for count in range(self.things.low, self.things.high + 1):
            rng = CounterRNG(every, 0 * every, 0 * every + 1)
            shown = things.arranged(rng, torch.full_like(every, count), self.things.high, self.kinds)
            targets, _ = written(shown, self.kinds.nouns, self.most_written)
            due = (targets != END).sum(1) + 1
            kind = torch.where(targets == AN, A, targets.clamp(max=NOUN))
            value = torch.zeros(self.most_written, NOUN + 1, dtype=torch.float32)
            for place, now in enumerate(kind.unbind(1)):
                value[place].index_add_(0, now, (place < due) / due)
            value[:, NOUN] /= count  # it is one of them
            rows.append(best_text(value))
        return torch.stack(rows)

    # ---- pictures ----

    def boxes_of(self, index: int, place: int) -> np.ndarray:
        boxes: Tensor = self.state["boxes"][index][self.state["about"][index, place]]
        return boxes.cpu().numpy()

    def source_picture(self, index: int) -> np.ndarray:
        one = {name: value[index].cpu().numpy() for name, value in self.state.items()}
        place, _ = self.writing(self.state)
        at = min(max(0, int(place[index])), self.most_written - 1)
        return render_canvas.sheet(
            render_canvas.Sheet(
                picture=self.plain_picture(index),
                boxes=one["boxes"],
                due=one["about"][at] & (place[index].item() >= 0),
                seen=self._seen_box(one),
                written=spelt(one["written"][: max(0, int(place[index]))], self.written_names),
                gold=spelt(one["targets"][: one["due"]], self.written_names),
            ),
            render_canvas.lines_of(self.most_written, self.side),
        )

    def _seen_box(self, one: dict[str, np.ndarray]) -> tuple[int, int, int, int] | None:
        """What is seen now, as a box; None where all is, or nothing."""
        seen = self._seen(one)
        if seen is None:
            return None
        half = PATCH // 2 if self.view == "glimpse" else self.cell // 2
        row, column = ((2 * number + 1) * self.cell // 2 for number in divmod(seen, self.grid))
        return row - half, column - half, row + half, column + half

    def frame(self, index: int) -> np.ndarray:
        return self.source_picture(index)


def cells_in(boxes: Tensor, grid: int, cell: int) -> Tensor:
    """Which cells of a picture each box touches, bool (n, M, grid²).

    Args:
        boxes: int64, (n, M, 4), see `things.Kinds`; one without an extent touches none.
        grid: cells along each side.
        cell: pixels of their sides.
    """
    begin = torch.arange(grid, device=boxes.device) * cell
    top, left, bottom, right = boxes[..., None].unbind(2)  # (n, M, 1) each
    rows, columns = (begin + cell > top) & (begin < bottom), (begin + cell > left) & (begin < right)
    return (rows[..., None] & columns[..., None, :]).flatten(2)


def written(shown: things.Things, nouns: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """The captions of pictures, int64 (n, L), and which things each word is about, bool (n, L, M).

    Args:
        shown: what the pictures show.
        nouns: of `things.Kinds`.
        most: L, words that there is room for, the end among them.
    """
    n, count = shown.there.shape
    number = torch.arange(count, device=shown.row.device)
    noun = NOUN + nouns[shown.image]  # (n, M)
    lower = shown.row - shown.row[:, :1]  # how much lower than the first
    relation = torch.where(lower == 0, LEFT, torch.where(lower > 0, ABOVE, BELOW))
    article = torch.where(noun == NOUN + things.DIGITS.index("eight"), AN, A)
    words = torch.stack([torch.full_like(noun, AND), relation, torch.full_like(noun, OF), article, noun], -1)
    later = shown.there & (number > 0)
    said = [shown.there & (number > 1), later, later & (lower == 0), shown.there, shown.there]
    said = torch.stack(said, -1)  # (n, M, SLOTS), which of them are said
    own = (number[:, None] == number).expand(n, SLOTS, -1, -1).transpose(1, 2)  # (n, M, SLOTS, M)
    about = own.clone()
    about[:, :, 1, 0] = True  # how the first lies to it
    about[:, :, 2] = False
    # what is said moves together; the rest goes to a place behind, which is cut off
    place = torch.where(said.flatten(1), said.flatten(1).cumsum(1) - 1, most)  # (n, M · SLOTS)
    targets = words.new_zeros(n, most + 1).scatter_(1, place, words.flatten(1))
    sets = about.new_zeros(n, most + 1, count)
    sets.scatter_(1, place[..., None].expand(-1, -1, count), about.flatten(1, 2))
    return targets[:, :most], sets[:, :most]
