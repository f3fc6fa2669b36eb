"""Tokens: decimal symbols to be copied, reversed, sorted or added."""

from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from ...errors import check_choice
from ...tree import outside_inference
from ..batch import Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from .blind import END, best_text, worth
from .passage import Passage, Passages

LONGEST = 400
DIGIT, PLUS = 1, 11  # the first of ten digits, among what is read and what is written alike
TASKS = ("copy", "reverse", "sort", "add")
ORDERS = 128  # other orders of a passage's symbols, by which a sum is guessed


class Tokens(Passage):
    """Copy digits, write them from the end to the beginning or from the smallest to the greatest, or add two numbers.

    Description:
        A few decimal digits are read. With the task "copy" they are to be written as they are, with "reverse" the last
        one first, with "sort" the smallest first. With "add" two numbers are read with a plus between them, and their
        sum is to be written. Numbers begin with their ones there, so that what is carried is known when it is needed:
        "52+8" is 25 + 8, and "33" is due. Then the end is written. Rules are the same at any length: who has learned
        them, and not the places of the training sizes, writes four times as much.

        As a "stream" the symbols come one a moment, then a marker, then the answer is due, from memory. As a "whole"
        all are seen all the time. With view "glimpse" one symbol is seen, at the place chosen before.

    Observation space:
        "stream": ``Box(0, 1, (23,))``, one channel is 1: of 12 the marker, the digit that is read or the plus; or while
        writing, of 11, the digit that was written last, the first of them for none. "whole":
        ``Dict(source=MultiDiscrete([12] * R), written=Discrete(11))``: what is read, 0 behind its end, and what was
        written last, 0 for nothing; R = 96, or the most symbols if these are more. "glimpse":
        ``Dict(glimpse=Discrete(12), place=Discrete(R), written=Discrete(11))``.

    Action space:
        ``Discrete(11)``: one more than the digit that is written now, 0 to end; ignored while reading. "glimpse":
        ``Dict(location=Discrete(R), write=Discrete(11))``: also which symbol is seen next.

    Rewards:
        "dense": a share of 1 for each right digit at its place (the end is one); "edit": at the end 1 - edit distance /
        length of the longer answer; "whole": 1 at the end if all is right.

    Starting state:
        A uniform number of symbols, each a uniform digit. Of a sum the plus is uniform among the places that leave both
        numbers a digit, and the leading digit of a number of several is none of 0. Of a glimpse, the first symbol is
        seen.

    Episode end:
        When the end is written, or after one digit more than there can be symbols. Never truncated.

    Info:
        target, target_mask: the digit that is due now, and whether one is; score: whether all is right, the end among
        it; relevance (on request): which symbols decide what is due next, bool (R,): when sorting all that are this
        digit; when adding those of its column, and of the columns below as far as what is carried depends on them. As a
        stream, bool (S + 1 + L,), the moments that showed them.

    Args:
        view: "stream", "whole" or "glimpse".
        task: "copy", "reverse", "sort" or "add".
        split: "train" (1 to 12 symbols), "validation" and "test" (the same), "test-12", -24, -48 and -96 (exactly so
            many).
        min_length: the fewest symbols; None leaves it to the split. A sum has 3, the plus among them, or more.
        max_length: the most symbols; None leaves it to the split.
        reward: "dense", "edit" or "whole".
        looks: moments for each digit that is written, of which the last writes it (view "glimpse").

    Source:
        Dehghani et al. 2019, "Universal transformers", section 3.3: copying, reversing and adding decimal symbols, of
        length 40 in training and 400 in the test; numbers that begin with their ones are those of tensor2tensor, which
        they used. Sorting is ours.

    Version history:
        v0: first version.
    """

    # of the task "copy"; who knows the digits but not their order also knows how many there are
    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.092, 0.01),
        random=Certified(0.065, 0.01),
        memoryless=Certified(0.0845, 0.01),
        unaligned=Certified(0.482, 0.01),
    )
    splits = Splits.of("length", Range(1, 12), exactly=(12, 24, 48, 96))
    ahead = 16  # of few symbols at once each operator costs as much as of many

    def __init__(
        self,
        *,
        view: Literal["stream", "whole", "glimpse"] = "stream",
        task: Literal["copy", "reverse", "sort", "add"] = "copy",
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        reward: Literal["dense", "edit", "whole"] = "dense",
        looks: int = 1,
    ):
        self.task, fewest = check_choice("task", task, TASKS), 3 if task == "add" else 1
        sizes = self.splits.sizes(split, min_length=min_length, max_length=max_length)
        if min_length is None:
            sizes["min_length"] = max(fewest, sizes["min_length"])
        self.length = sizes.range("length", fewest, LONGEST)
        self.most_items, self.most_written = self.length.high, self.length.high + 1
        self.room = max(self.most_items, self.splits.largest("length"))
        digits = [str(digit) for digit in range(10)]
        self.set_passage(view, reward, looks, ["", *digits, "+"], ["end", *digits])

    def passage(self, rng: CounterRNG) -> Passages:
        length = self.length.sample(rng, "length")  # (n,)
        place = torch.arange(self.most_items, device=length.device)
        items = DIGIT + rng.integers("digits", 10, self.most_items)  # (n, S)
        if self.task == "add":
            plus = 1 + rng.bits("plus", 1) % (length[:, None] - 2)  # (n, 1)
            last = torch.cat([plus, length[:, None]], 1) - 1  # where the leading digits are, (n, 2)
            several = last > torch.cat([torch.zeros_like(plus), plus + 1], 1)
            leading = torch.where(several, DIGIT + 1 + rng.integers("leading", 9, 2), items.gather(1, last))
            items = items.scatter(1, last, leading).scatter(1, plus, PLUS)
        return self.answered(items * (place < length[:, None]), length)

    def answered(self, items: Tensor, length: Tensor) -> Passages:
        """The passages of these symbols.

        Args:
            items: int64 (n, S), digits from `DIGIT` on, of a sum with one `PLUS` among them; 0 behind the last.
            length: how many there are, int64 (n,).
        """
        place, due = torch.arange(items.shape[1], device=items.device), length + 1
        if self.task == "add":
            targets, due, aligned = added(items, length)
        elif self.task == "sort":
            targets = items.masked_fill(items == END, PLUS).sort(1).values % PLUS  # nothing comes last
            aligned = (targets[..., None] == items[:, None]) & (items != END)[:, None]  # (n, L, S)
        else:
            source = length[:, None] - 1 - place if self.task == "reverse" else place.expand_as(items)  # (n, S)
            targets = items.gather(1, source.clamp(min=0)) * (place < length[:, None])
            aligned = (source[..., None] == place) & (targets != END)[..., None]
        if targets.shape[1] == items.shape[1]:  # the end
            targets = torch.cat([targets, torch.zeros_like(targets[:, :1])], 1)
            aligned = torch.cat([aligned, torch.zeros_like(aligned[:, :1])], 1)
        return Passages(items, length, targets, due, aligned)

    # ---- who knows the symbols but not their order ----

    def unaligned(self) -> Tensors:
        """When sorting all is known; else the commonest digit; of a sum what pays most over other orders."""
        state, place = self.state, self._column(self.writing(self.state)[0])
        if self.task == "sort":
            return self.oracle()
        if self.task == "add":
            return self._as_action(self._guessed(state["items"], state["length"]).gather(1, place)[:, 0])
        often = (state["items"][:, :, None] == state["items"][:, None]).sum(2) * (state["items"] != END)
        commonest = state["items"].gather(1, often.argmax(1, keepdim=True))
        return self._as_action(torch.where(place < state["length"][:, None], commonest, END)[:, 0])

    @cached_property
    @outside_inference
    def _orders(self) -> Tensor:
        """Numbers whose order is that of symbols, (orders, S)."""
        return torch.rand(ORDERS, self.most_items, generator=torch.Generator().manual_seed(0))

    def _guessed(self, items: Tensor, length: Tensor) -> Tensor:
        """Of each passage what pays most over many orders of its symbols that are sums, int64 (n, L)."""
        texts = torch.zeros(len(items), self.most_written, dtype=torch.int64)
        for row, (symbols, count) in enumerate(zip(items.cpu(), length.tolist(), strict=True)):
            others = symbols[self._orders[:, :count].argsort(1)]  # (orders, count)
            plus = (others == PLUS).int().argmax(1, keepdim=True)
            inside = (plus > 0) & (plus < count - 1)
            before = others.gather(1, (plus - 1).clamp(min=0)) > DIGIT
            proper = inside & (before | (plus == 1)) & ((others[:, -1:] > DIGIT) | (plus == count - 2))
            known = torch.cat([others[proper[:, 0]], symbols[None, :count]])  # never none
            told = self.answered(known, torch.full_like(known[:, 0], count))
            texts[row, : count + 1] = best_text(worth(told.targets, told.due, self.writings))
        return texts.to(items.device)


def added(items: Tensor, length: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sums: their digits, int64 (n, S + 1), how many writings are due, (n,), and the alignment, bool (n, S + 1, S).

    Arguments as in `Tokens.answered`.
    """
    n, most = items.shape
    place = torch.arange(most, device=items.device)
    plus = (items == PLUS).int().argmax(1, keepdim=True)  # (n, 1)
    there = (place < length[:, None]) & (place != plus)
    column = torch.where(place < plus, place, place - plus - 1).clamp(min=0)  # of each symbol
    sums = torch.zeros(n, most + 1, dtype=torch.int64, device=items.device)
    sums = sums.scatter_add(1, column, (items - DIGIT) * there)  # of each column, (n, S + 1)
    columns = torch.maximum(plus, length[:, None] - plus - 1)  # (n, 1)
    # a column hands on 1 if it has 10 or more, and what it was handed if it has 9: the last below that hasn't decides
    number = torch.arange(most + 1, device=items.device)
    decides = torch.where(sums != 9, number, -1).cummax(1).values  # (n, S + 1)
    handed = (sums.gather(1, decides.clamp(min=0)) >= 10) & (decides >= 0)
    carry = torch.cat([torch.zeros_like(handed[:, :1]), handed[:, :-1]], 1).long()
    due = columns + carry.gather(1, columns)  # digits, (n, 1)
    written = number < due
    targets = (DIGIT + (sums + carry) % 10) * written
    lowest = torch.cat([torch.zeros_like(decides[:, :1]), decides[:, :-1].clamp(min=0)], 1)
    within = (column[:, None] >= lowest[..., None]) & (column[:, None] <= number[:, None])  # (n, S + 1, S)
    return targets, due[:, 0] + 1, within & (there[:, None] & written[..., None])
