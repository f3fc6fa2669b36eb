"""Sorting: vectors by their priorities, numbers by their size."""

from typing import Literal

import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import FoveateError, check_range
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from .copying import COIN
from .script import Script, SequenceWorld, draw_bits, moments, rows_at


class PrioritySort(SequenceWorld):
    """Vectors come with priorities; write those with the highest, in order.

    Description:
        `items` bit vectors are shown, each with a priority uniform in [-1, 1], then a marker; then, without any input,
        the `answers` vectors with the highest priorities are to be written, the highest first.

    Observation space:
        ``Box(-1, 1, (width + 2,))``: the bits, the priority, and the marker's channel.

    Action space:
        ``MultiBinary(width)``: the bits written now.

    Rewards:
        "dense": the share of all bits that is right; "whole": 1 at the end if all are.

    Starting state:
        Uniform bits and priorities.

    Episode end:
        After items + 1 + answers moments. Never truncated.

    Info:
        target, target_mask: what to write now, and whether it counts; score: wrong bits so far (less is better);
        relevance (on request): the earlier moment that showed what is due now.

    Args:
        width: bits a vector.
        split: "train" (20 items, 16 answers), "validation" and "test" (the same), "test-40" (40 items, 32 answers).
        items: how many vectors; None leaves it to the split.
        answers: how many to write; None leaves it to the split.
        reward: "dense" or "whole".

    Source:
        Graves, Wayne & Danihelka 2014, section 4.5.

    Version history:
        v0: first version.
    """

    scale: ScoreScale = COIN
    score_name = "wrong bits"
    lower_is_better = True
    splits = Splits({"train": {"items": 20, "answers": 16}, "test-40": {"items": 40, "answers": 32}})

    def __init__(
        self,
        *,
        width: int = 8,
        split: str = "train",
        items: int | None = None,
        answers: int | None = None,
        reward: Literal["dense", "whole"] = "dense",
    ):
        check_range("width", width, 1, 62)
        self.set_reward(reward)
        sizes = self.splits.sizes(split, items=items, answers=answers)
        self.width, self.items_shown, self.answers = width, sizes["items"], sizes["answers"]
        check_range("items", self.items_shown, 1, 1000)
        check_range("answers", self.answers, 1, self.items_shown)
        self.episode_length = self.items_shown + 1 + self.answers
        self.set_spaces(width + 2, spaces.MultiBinary(width), self.episode_length, -1, 1)

    def script(self, rng: CounterRNG) -> Script:
        n, count = len(rng), self.items_shown
        bits = draw_bits(rng, "bits", count, self.width)  # (n, items, W)
        priority = 2 * rng.uniform("priority", count) - 1  # (n, items)
        order = priority.argsort(dim=1, descending=True, stable=True)[:, : self.answers]
        blank = priority.new_zeros(n, self.answers + 1)
        time = moments(self.most_steps, priority).expand(n, -1)
        shown = rows_at(bits, time) * (time < count)[..., None]
        inputs = torch.cat(
            [shown.float(), torch.cat([priority, blank], 1)[..., None], (time == count)[..., None].float()], -1
        )
        source = torch.cat([order.new_full((n, count + 1), -1), order], 1)  # (n, T)
        due = time > count
        targets = rows_at(bits, source) * due[..., None]
        length = torch.full((n,), self.most_steps, device=bits.device)
        return Script(inputs, targets, due, length, {"source": source})


class Sort(SequenceWorld):
    """Numbers are shown; say where each stood, the smallest first.

    Description:
        Between `min_length` and `max_length` numbers from a standard normal distribution are shown, one a moment, the
        last of them with a mark; then, without any input, their positions are to be written in the order of their size.

    Observation space:
        ``Box(-10, 10, (2,))``: the number, and the mark of the last one.

    Action space:
        ``Discrete(symbols)``: a position, 0 for the number that was shown first.

    Rewards:
        "dense": the share of the positions that is right; "whole": 1 at the end if all are.

    Starting state:
        A uniform length, normal numbers.

    Episode end:
        After 2 length moments. Never truncated.

    Info:
        target, target_mask: the position due now, and whether one is due; score: whether the whole answer is right (1)
        or not (0), known at the end; relevance (on request): the earlier moment that showed the number due now.

    Args:
        symbols: positions that can be written; no sequence may be longer.
        split: "train" (2 to 15 numbers), "validation" and "test" (the same), "test-10" and "test-15" (exactly so many).
        min_length: the fewest numbers; None leaves it to the split.
        max_length: the most numbers; None leaves it to the split.
        reward: "dense" or "whole".

    Source:
        Graves 2016, "Adaptive computation time for recurrent neural networks", section 3.4.

    Version history:
        v0: first version.
    """

    # saying 0 always is right once (position 0 is in every sequence); the mean of 1 / length for lengths 2 to 15
    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.1656, 0.01),
        random=Certified(1 / 15, 0.01),
        memoryless=Certified(0.1656, 0.01),
    )
    score_name = "whole answer right"
    splits = Splits.of("length", Range(2, 15), exactly=(10, 15))

    def __init__(
        self,
        *,
        symbols: int = 15,
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        reward: Literal["dense", "whole"] = "dense",
    ):
        check_range("symbols", symbols, 2, 1000)
        self.set_reward(reward)
        sizes = self.splits.sizes(split, min_length=min_length, max_length=max_length)
        longest = sizes["max_length"]
        if longest > symbols:
            raise FoveateError(f"max_length={longest} is not allowed: there are only {symbols} symbols to answer.")
        self.length = sizes.range("length", 1, symbols)
        self.set_spaces(2, spaces.Discrete(symbols), 2 * longest, -10, 10)

    def script(self, rng: CounterRNG) -> Script:
        length = self.length.sample(rng, "length")[:, None]  # (n, 1)
        # Box and Muller 1958: two uniforms make a normal; the first is kept from zero
        first, second = rng.uniform("radius", self.length.high), rng.uniform("angle", self.length.high)
        numbers = (-2 * (1 - first).log()).sqrt() * (2 * torch.pi * second).cos()  # (n, L)
        there = moments(self.length.high, length) < length
        order = numbers.masked_fill(~there, torch.inf).argsort(dim=1, stable=True)
        time = moments(self.most_steps, length)
        shown, due = time < length, (time >= length) & (time < 2 * length)
        value = rows_at(numbers, time.expand_as(shown)).clamp(-10, 10) * shown
        inputs = torch.stack([value, (time == length - 1).float()], -1)
        targets = rows_at(order, time - length) * due
        return Script(inputs, targets[..., None], due, 2 * length[:, 0], {"source": targets.where(due, -1)})

    difficulty_name = "numbers"

    def difficulty(self, state: dict[str, Tensor]) -> Tensor:
        """The numbers that are to be sorted."""
        return (state["length"] // 2)[:, None].expand(-1, self.most_steps)

    def score(self, state: dict[str, Tensor]) -> Tensor:
        return self.whole(state)
