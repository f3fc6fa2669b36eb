"""Bits come in, and must be written down afterwards: copy, reverse copy, repeat copy, many copies in a row."""

from typing import Literal

import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import check_range
from ..draws import Draws
from ..scale import Certified, ScoreScale
from .script import Script, SequenceWorld, check_span, draw_bits, draw_span, moments, rows_at

Reward = Literal["dense", "whole"]
LONGEST = 1000
# fair bits: whoever hasn't seen them is right half of the time
COIN = ScoreScale(
    oracle=Certified(1.0, 0.0),
    blind=Certified(0.5, 0.01),
    random=Certified(0.5, 0.01),
    memoryless=Certified(0.5, 0.01),
)


class Copy(SequenceWorld):
    """Remember a sequence of random bit vectors and write it down.

    Description:
        `length` vectors of `width` random bits are shown, one a moment, then a marker; then, without any input, the
        vectors are to be written in the order in which they came.

    Observation space:
        ``Box(0, 1, (width + 1,))``: the bits, and the marker's channel.

    Action space:
        ``MultiBinary(width)``: the bits written now. What is written before the marker is ignored.

    Rewards:
        "dense": the share of all bits that is right, as they are written (1 for a perfect answer, 0.5 for guesses);
        "whole": 1 at the end if every bit is right.

    Starting state:
        A length between `min_length` and `max_length`, and bits, all uniform.

    Episode end:
        After 2 length + 1 moments. Never truncated.

    Info:
        target, target_mask: what to write now, and whether it counts; score: wrong bits so far (less is better);
        relevance (on request): bool, (longest episode,), the earlier moment that showed what is due now.

    Args:
        width: bits a vector.
        split: "train" (lengths 1 to 20), "validation" and "test" (the same), "test-20", "test-40", "test-80",
            "test-120" (exactly so long).
        min_length: the shortest sequence; None leaves it to the split.
        max_length: the longest sequence; None leaves it to the split.
        reward: "dense" or "whole".

    Source:
        Graves, Wayne & Danihelka 2014, "Neural Turing machines", section 4.1.

    Version history:
        v0: first version.
    """

    scale = COIN
    score_name = "wrong bits"
    lower_is_better = True
    splits = {
        "train": {"min_length": 1, "max_length": 20},
        **{f"test-{n}": {"min_length": n, "max_length": n} for n in (10, 20, 30, 40, 60, 80, 100, 120)},
    }

    def __init__(
        self,
        *,
        width: int = 8,
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        reward: Reward = "dense",
    ):
        check_range("width", width, 1, 62)
        self.set_reward(reward)
        sizes = self.sizes(split, min_length=min_length, max_length=max_length)
        self.width, self.shortest, self.longest = width, sizes["min_length"], sizes["max_length"]
        check_span("length", self.shortest, self.longest, 1, LONGEST)
        self.set_spaces(width + 1, spaces.MultiBinary(width), 2 * self.longest + 1)
        if self.shortest == self.longest:
            self.episode_length = self.most_steps

    def order(self, moment: Tensor, length: Tensor) -> Tensor:
        """Which vector is due `moment` moments after the marker, (n, T)."""
        return moment

    def script(self, draws: Draws) -> Script:
        length = draw_span(draws, "length", self.shortest, self.longest)[:, None]  # (n, 1)
        bits = draw_bits(draws, "bits", self.longest, self.width)  # (n, L, W)
        time = moments(self.most_steps, length)  # (1, T)
        shown, answered = time < length, (time > length) & (time <= 2 * length)  # (n, T) each
        source = self.order(time - length - 1, length).where(answered, -1)
        seen = rows_at(bits, time.expand_as(shown)) * shown[..., None]
        inputs = torch.cat([seen, (time == length)[..., None]], -1).float()  # (n, T, W + 1)
        targets = rows_at(bits, source) * answered[..., None]  # (n, T, W)
        return Script(inputs, targets, answered, (2 * length + 1)[:, 0], {"source": source})


class ReverseCopy(Copy):
    """Remember a sequence of random bit vectors and write it down from its end.

    Everything else is as in `Copy`.

    Source:
        The reversed copy of Zaremba & Sutskever 2015 and Grefenstette et al. 2015, with the layout of `Copy`.

    Version history:
        v0: first version.
    """

    scale = COIN

    def order(self, moment: Tensor, length: Tensor) -> Tensor:
        return length - 1 - moment
