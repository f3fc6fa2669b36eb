"""Digit addition: two numbers are shown, their sum is written on a pad, digit by digit with its carries."""

from typing import Literal

import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ..batch import State, Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from .script import AnswerWorld, Script, moments, rows_at

BASE = 10
DIGIT, PLUS, EQUALS, PAD = range(4)  # the kinds of moments


class Arithmetic(AnswerWorld):
    """Add two numbers of many digits on a scratch pad.

    Description:
        The digits of the first number are shown one a moment, the most significant first, then a plus sign, the digits
        of the second, an equals sign. Then the sum is written, the least significant digit first, each with the carry
        into the next column. What was written last stays visible: the carry needn't be remembered, the digits must be.

    Observation space:
        ``Box(0, 1, (25,))``: a shown digit as one of ten channels; the kind of the moment (digit, plus, equals, pad);
        while writing, the digit (ten channels) and the carry (one) on the pad.

    Action space:
        ``MultiDiscrete([10, 2])``: the digit and the carry written now. Before the equals sign they are ignored.

    Rewards:
        "dense": the share of digits and carries that is right; "whole": 1 at the end if all are.

    Starting state:
        Two numbers of the same number of digits, all uniform (leading zeros included).

    Episode end:
        After 3 digits + 3 moments (the sum has one digit more). Never truncated.

    Info:
        target, target_mask: what to write now, and whether it counts; score: whether the whole sum is right, known at
        the end; relevance (on request): the two earlier moments that showed the digits of this column.

    Args:
        split: "train" (1 to 10 digits), "validation" and "test" (the same), "test-10", "test-20", "test-40".
        min_digits: the fewest digits; None leaves it to the split.
        max_digits: the most digits; None leaves it to the split.
        reward: "dense" or "whole".

    Source:
        The task is that of Reed & de Freitas 2016, "Neural programmer-interpreters" (addition on a scratch pad with
        carries); the layout in time is ours.

    Version history:
        v0: first version.
    """

    # no carry is a little likelier than a carry, and the digit in front of all is a carry
    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.3977, 0.01),
        random=Certified(0.3, 0.01),
        memoryless=Certified(0.3977, 0.01),
    )
    score_name = "sum right"
    splits = Splits.of("digits", Range(1, 10), exactly=(10, 20, 40))

    def __init__(
        self,
        *,
        split: str = "train",
        min_digits: int | None = None,
        max_digits: int | None = None,
        reward: Literal["dense", "whole"] = "dense",
    ):
        self.set_reward(reward)
        sizes = self.splits.sizes(split, min_digits=min_digits, max_digits=max_digits)
        self.digits = sizes.range("digits", 1, 1000)
        self.set_spaces(2 * BASE + 5, spaces.MultiDiscrete([BASE, 2]), 3 * self.digits.high + 3)

    def script(self, rng: CounterRNG) -> Script:
        count = self.digits.sample(rng, "digits")[:, None]  # (n, 1)
        columns = moments(self.digits.high, count)
        # digits[…, c] stands for 10^c
        digits = rng.integers("numbers", BASE, 2, self.digits.high) * (columns < count)[:, None]  # (n, 2, D)
        sums, carries, carry = [], [], torch.zeros_like(count[:, 0])
        for column in (*digits.sum(1).unbind(-1), torch.zeros_like(carry)):
            total = column + carry
            carry = total // BASE
            sums.append(total % BASE)
            carries.append(carry)
        answer = torch.stack([torch.stack(sums, 1), torch.stack(carries, 1)], -1)  # (n, D + 1, 2)
        time = moments(self.most_steps, count)
        first, second = time < count, (time > count) & (time <= 2 * count)
        plus, equals = time == count, time == 2 * count + 1
        column = torch.where(first, count - 1 - time, 2 * count - time)
        shown = torch.where(first, rows_at(digits[:, 0], column), rows_at(digits[:, 1], column))
        due = (time > 2 * count + 1) & (time <= 3 * count + 2)
        hot = F.one_hot(shown, BASE) * (first | second)[..., None]
        kind = torch.stack([first | second, plus, equals, due], -1)
        blank = torch.zeros_like(hot[..., : BASE + 1])  # the pad, filled in as it is written
        inputs = torch.cat([hot, kind, blank], -1).float()
        place = time - 2 * count - 2  # the column that is written
        targets = rows_at(answer, place) * due[..., None]
        return Script(inputs, targets, due, 3 * count[:, 0] + 3, {"count": count[:, 0]})

    def start(self, rng: CounterRNG) -> State:
        state = super().start(rng)
        return {**state, "pad": torch.full((len(rng), 2), -1, device=self.device)}

    def advance(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        moved, reward, ended = super().advance(state, action, rng)
        moved["pad"] = torch.where(self._now(state, "mask")[:, None], action, -1)
        return moved, reward, ended

    def observe(self, state: State) -> Tensors:
        seen, pad = self._now(state, "inputs"), state["pad"]
        written = (pad[:, :1] >= 0).float()
        digit = F.one_hot(pad[:, 0].clamp(min=0), BASE) * written
        carry = (pad[:, 1:] == 1).float()
        return torch.cat([seen[:, : BASE + 4], digit, carry], -1)

    def sources(self, state: State) -> Tensor:
        count = state["count"]
        column = state["clock"] - 2 * count - 2  # (B,)
        inside = (column >= 0) & (column < count)  # the last digit of the sum is a carry only
        time = moments(self.most_steps, count)
        first, second = count - 1 - column, 2 * count - column
        return ((time == first[:, None]) | (time == second[:, None])) & inside[:, None]

    def score(self, state: State) -> Tensor:
        return self.whole(state)
