"""Bits come in, and must be written down afterwards: copy, reverse copy, repeat copy, many copies in a row."""

from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import check_range
from ..counter_rng import CounterRNG, place
from ..kernels import arrays, kernel, worth_it
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from .script import Script, SequenceWorld, draw_bits, moments, rows_at

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
        split: "train" (lengths 1 to 20), "validation" and "test" (the same), "test-10", -20, -30, -40, -60, -80, -100
            and -120 (exactly so long).
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
    splits = Splits.of("length", Range(1, 20), exactly=(10, 20, 30, 40, 60, 80, 100, 120))

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
        sizes = self.splits.sizes(split, min_length=min_length, max_length=max_length)
        self.width, self.length = width, sizes.range("length", 1, LONGEST)
        self.set_spaces(width + 1, spaces.MultiBinary(width), 2 * self.length.high + 1)
        if self.length.single:
            self.episode_length = self.most_steps

    def order(self, moment: Tensor, length: Tensor) -> Tensor:
        """Which vector is due `moment` moments after the marker, (n, T)."""
        return moment

    def script(self, rng: CounterRNG) -> Script:
        if worth_it("copies", rng.key.device, len(rng)):
            return self._script_at_once(rng)
        length = self.length.sample(rng, "length")[:, None]  # (n, 1)
        bits = draw_bits(rng, "bits", self.length.high, self.width)  # (n, L, W)
        time = moments(self.most_steps, length)  # (1, T)
        shown, answered = time < length, (time > length) & (time <= 2 * length)  # (n, T) each
        source = self.order(time - length - 1, length).where(answered, -1)
        seen = rows_at(bits, time.expand_as(shown)) * shown[..., None]
        inputs = torch.cat([seen, (time == length)[..., None]], -1).float()  # (n, T, W + 1)
        targets = rows_at(bits, source) * answered[..., None]  # (n, T, W)
        return Script(inputs, targets, answered, (2 * length + 1)[:, 0], {"source": source})

    def _script_at_once(self, rng: CounterRNG) -> Script:
        """The same by one kernel, on a CPU."""
        n, shape = len(rng), (len(rng), self.most_steps)
        inputs = torch.empty(*shape, self.width + 1, dtype=torch.float32)
        targets = torch.empty(*shape, self.width, dtype=torch.int64)
        answered, source = torch.empty(shape, dtype=torch.bool), torch.empty(shape, dtype=torch.int64)
        length = torch.empty(n, dtype=torch.int64)
        tables = arrays((length, inputs, targets, answered, source))
        kernel("copies")(np.arange(n), *rng.arrays, *self._orders, *tables)
        return Script(inputs, targets, answered, length, {"source": source})

    @cached_property
    def _orders(self) -> tuple[tuple[int, int], int, np.ndarray]:
        """What the kernel is told of lengths: their streams, the least, and the order of each, (lengths, L)."""
        low, high = self.length.low, self.length.high
        lengths = torch.arange(low, high + 1)[:, None]
        order = self.order(moments(high, lengths), lengths).expand(len(lengths), -1)
        return (place("length"), place("bits")), low, order.contiguous().numpy()

    def rewrite(self, now: dict[str, np.ndarray], rows: np.ndarray, key: np.ndarray, episode: np.ndarray) -> bool:
        tables = (now[name] for name in ("length", "inputs", "targets", "mask", "source"))
        kernel("copies")(rows, key, episode, np.zeros_like(key), *self._orders, *tables)
        now["due"][rows] = now["length"][rows] // 2
        return True


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


class RepeatCopy(SequenceWorld):
    """Remember a sequence of random bit vectors, write it down as often as asked, then write an end marker.

    Description:
        `length` vectors of `width` bits are shown, then how often they are to be repeated, on a channel of its own and
        normalised; then, without any input, the vectors are to be written that many times in a row, and after the last
        of them the end marker.

    Observation space:
        ``Box(-10, 100, (width + 1,))``: the bits, and the number of repeats (minus its mean in training, divided by
        its standard deviation in training).

    Action space:
        ``MultiBinary(width + 1)``: the bits written now, and the end marker.

    Rewards:
        "dense": the share of all numbers that is right; "whole": 1 at the end if all are.

    Starting state:
        Length, repeats and bits, all uniform.

    Episode end:
        After length + 2 + repeats * length moments. Never truncated.

    Info:
        target, target_mask: what to write now, and whether it counts; score: wrong bits so far (less is better);
        relevance (on request): the earlier moments that showed what is due now (for the end marker: the number).

    Args:
        width: bits a vector.
        split: "train" (both 1 to 10), "validation" and "test" (the same), "test-10-10" (10 repeats of 10 vectors),
            "test-length-20" (10 repeats of 20), "test-repeats-20" (20 repeats of 10).
        min_length: the shortest sequence; None leaves it to the split.
        max_length: the longest sequence; None leaves it to the split.
        min_repeats: the fewest repeats; None leaves it to the split.
        max_repeats: the most repeats; None leaves it to the split.
        zeros: from 0 to 1, the share of the training split's vectors that are all 0, besides those that chance makes.
            Such a vector looks like the silence in which is to be written, and one in 256 is too rare to learn from.
        reward: "dense" or "whole".

    Source:
        Graves, Wayne & Danihelka 2014, section 4.2.

    Version history:
        v0: first version.
    """

    # zeros are right for half of the bits, for every marker but the last one, and for the bits beside that
    scale = ScoreScale(
        oracle=Certified(1.0, 0.0),
        blind=Certified(0.5789, 0.01),
        random=Certified(0.5, 0.01),
        memoryless=Certified(0.5789, 0.01),
    )
    score_name = "wrong bits"
    lower_is_better = True
    splits = Splits(
        {
            "train": {"min_length": 1, "max_length": 10, "min_repeats": 1, "max_repeats": 10},
            "test-10-10": {"min_length": 10, "max_length": 10, "min_repeats": 10, "max_repeats": 10},
            "test-length-20": {"min_length": 20, "max_length": 20, "min_repeats": 10, "max_repeats": 10},
            "test-repeats-20": {"min_length": 10, "max_length": 10, "min_repeats": 20, "max_repeats": 20},
        }
    )

    def __init__(
        self,
        *,
        width: int = 8,
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        min_repeats: int | None = None,
        max_repeats: int | None = None,
        zeros: float = 0.0,
        reward: Reward = "dense",
    ):
        check_range("width", width, 1, 62)
        check_range("zeros", zeros, 0.0, 1.0)
        self.set_reward(reward)
        sizes = self.splits.sizes(
            split, min_length=min_length, max_length=max_length, min_repeats=min_repeats, max_repeats=max_repeats
        )
        self.width = width
        self.zeros = zeros if split == "train" else 0.0
        self.length, self.repeats = sizes.range("length", 1, 100), sizes.range("repeats", 1, 100)
        steps = self.length.high * (1 + self.repeats.high) + 2
        self.set_spaces(width + 1, spaces.MultiBinary(width + 1), steps, -10, 100)

    def script(self, rng: CounterRNG) -> Script:
        length = self.length.sample(rng, "length")[:, None]  # (n, 1)
        repeats = self.repeats.sample(rng, "repeats")[:, None]
        bits = draw_bits(rng, "bits", self.length.high, self.width)  # (n, L, W)
        if self.zeros:
            bits = bits * (rng.uniform("zeros", self.length.high, 1) >= self.zeros)
        time = moments(self.most_steps, length)
        end = length * (1 + repeats) + 1  # the moment of the end marker
        shown, answered = time < length, (time > length) & (time < end)
        source = ((time - length - 1) % length).where(answered, torch.where(time == end, length, -1))
        seen = rows_at(bits, time.expand_as(shown)) * shown[..., None]
        # mean and standard deviation of 1 … 10, whatever is asked here
        count = ((repeats.float() - 5.5) / 8.25**0.5)[..., None] * (time == length)[..., None]
        inputs = torch.cat([seen.float(), count], -1)  # (n, T, W + 1)
        written = rows_at(bits, source) * answered[..., None]
        targets = torch.cat([written, (time == end)[..., None].long()], -1)
        return Script(inputs, targets, answered | (time == end), end[:, 0] + 1, {"source": source})


class Allocation(SequenceWorld):
    """Copy one short sequence after the other: a memory with few rows must give rows back to go on.

    Description:
        `sequences` times in a row, `length` bit vectors are shown, then a marker, then they are to be written. All of
        them together are `sequences * length` vectors; an agent whose memory has fewer rows (ten, in the paper, for
        fifty vectors) must free rows while it reads and take freed ones while it writes.

    Observation space:
        ``Box(0, 1, (width + 1,))``: the bits, and the marker's channel.

    Action space:
        ``MultiBinary(width)``: the bits written now.

    Rewards:
        "dense": the share of all bits that is right; "whole": 1 at the end if all are.

    Starting state:
        Uniform bits.

    Episode end:
        After sequences * (2 length + 1) moments. Never truncated.

    Info:
        target, target_mask: what to write now, and whether it counts; score: wrong bits so far (less is better);
        relevance (on request): the earlier moment that showed what is due now.

    Args:
        width: bits a vector.
        lesson: of the curriculum, from 1: sequences of five, more in each lesson; None is the last, with ten.
        split: "train" (the lesson's sizes), "validation" and "test" (the same), "test-20" (twenty of five).
        sequences: how many; None leaves it to lesson and split.
        length: vectors of each; None leaves it to lesson and split.
        reward: "dense" or "whole".

    Source:
        Graves et al. 2016, "Hybrid computing using a neural network with dynamic external memory", Methods and
        extended data (ten sequences of five vectors, a memory of ten rows). The lessons are ours.

    Version history:
        v0: first version.
    """

    scale = COIN
    score_name = "wrong bits"
    lower_is_better = True
    lessons: ClassVar[list[dict[str, int]]] = [{"sequences": n, "length": 5} for n in (1, 2, 3, 4, 6, 8, 10)]
    splits = Splits({"test-20": {"sequences": 20, "length": 5}})

    def __init__(
        self,
        *,
        width: int = 8,
        lesson: int | None = None,
        split: str = "train",
        sequences: int | None = None,
        length: int | None = None,
        reward: Reward = "dense",
    ):
        check_range("width", width, 1, 62)
        self.set_reward(reward)
        sizes = self.splits.at_lesson(self.lessons, lesson).sizes(split, sequences=sequences, length=length)
        self.width, self.sequences, self.length = width, sizes["sequences"], sizes["length"]
        check_range("sequences", self.sequences, 1, 100)
        check_range("length", self.length, 1, 100)
        self.episode_length = self.sequences * (2 * self.length + 1)
        self.set_spaces(width + 1, spaces.MultiBinary(width), self.episode_length)

    def script(self, rng: CounterRNG) -> Script:
        n, length = len(rng), self.length
        bits = draw_bits(rng, "bits", self.sequences, length, self.width)
        blank = torch.zeros_like(bits)
        gap = bits.new_zeros(n, self.sequences, 1, self.width)
        # each block: shown, marker, answer
        shown = torch.cat([bits, gap, blank], 2).flatten(1, 2)  # (n, T, W)
        targets = torch.cat([blank, gap, bits], 2).flatten(1, 2)
        place = torch.arange(self.most_steps, device=bits.device) % (2 * length + 1)
        marker = (place == length).expand(n, -1)
        answered = (place > length).expand(n, -1)
        source = torch.arange(self.most_steps, device=bits.device).sub(length + 1).expand(n, -1).where(answered, -1)
        inputs = torch.cat([shown, marker[..., None]], -1).float()
        steps = torch.full((n,), self.most_steps, device=bits.device)
        return Script(inputs, targets, answered.clone(), steps, {"source": source})
