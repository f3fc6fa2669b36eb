"""Parity and logic: answers that depend on everything seen so far."""

from typing import Literal

import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import FoveateError, check_range
from ..batch import Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from .script import Script, SequenceWorld, draw_bits, moments

GATES = 10
# the outputs of each gate for (p, q) = (0, 0), (0, 1), (1, 0), (1, 1)
TRUTH = torch.tensor(
    [
        [1, 0, 0, 0],  # NOR
        [0, 1, 0, 0],  # Xq: q and not p
        [0, 0, 1, 0],  # ABJ: p and not q
        [0, 1, 1, 0],  # XOR
        [1, 1, 1, 0],  # NAND
        [0, 0, 0, 1],  # AND
        [1, 0, 0, 1],  # XNOR
        [1, 1, 0, 1],  # if p then q
        [1, 0, 1, 1],  # if q then p
        [0, 1, 1, 1],  # OR
    ]
)


class Parity(SequenceWorld):
    """Say whether the number of ones in a long vector is odd, having seen it piece by piece.

    Description:
        A vector of `bits` numbers: the first n of them (n uniform from 1 to `bits`) are 1 or -1 at random, the rest 0.
        It is shown in pieces of `per_step`; with the last piece the answer is due: 1 if the number of ones is odd.

    Observation space:
        ``Box(-1, 1, (per_step,))``.

    Action space:
        ``Discrete(2)``.

    Rewards:
        1 for the right answer.

    Starting state:
        As described.

    Episode end:
        After bits / per_step moments. Never truncated.

    Info:
        target, target_mask: the answer, and whether it is due; score: whether it was right; relevance (on request): the
        earlier moments with anything but zeros.

    Args:
        per_step: numbers shown at once; it must divide `bits`. With per_step equal to bits the vector is seen whole, as
            in the paper, and what is hard is computing, not remembering.
        split: "train" (64 bits), "validation" and "test" (the same), "test-128", "test-256".
        bits: length of the vector; None leaves it to the split.

    Source:
        Graves 2016, "Adaptive computation time for recurrent neural networks", section 3.1.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(
        oracle=Certified(1.0, 0.0),
        blind=Certified(0.5, 0.04),
        random=Certified(0.5, 0.04),
        memoryless=Certified(0.5, 0.04),
    )
    score_name = "answer right"
    splits = Splits({"train": {"bits": 64}, "test-128": {"bits": 128}, "test-256": {"bits": 256}})

    def __init__(self, *, per_step: int = 8, split: str = "train", bits: int | None = None):
        self.set_reward("dense")
        self.bits, self.per_step = self.splits.sizes(split, bits=bits)["bits"], per_step
        check_range("bits", self.bits, 1, 10000)
        check_range("per_step", per_step, 1, self.bits)
        if self.bits % per_step:
            raise FoveateError(f"per_step={per_step} is not allowed: it must divide bits={self.bits}.")
        self.episode_length = self.bits // per_step
        self.set_spaces(per_step, spaces.Discrete(2), self.episode_length, -1, 1)

    def script(self, rng: CounterRNG) -> Script:
        n = len(rng)
        ones = draw_bits(rng, "bits", self.bits)  # (n, bits)
        filled = moments(self.bits, ones) < Range(1, self.bits).sample(rng, "filled")[:, None]
        vector = ((2 * ones - 1) * filled).view(n, self.most_steps, self.per_step)
        parity = (ones * filled).sum(1) % 2
        due = (moments(self.most_steps, ones) == self.most_steps - 1).expand(n, -1).clone()
        length = torch.full((n,), self.most_steps, device=ones.device)
        return Script(vector.float(), (parity[:, None] * due)[..., None], due, length, {})

    def sources(self, state: dict[str, Tensor]) -> Tensor:
        earlier = moments(self.most_steps, state["clock"]) < state["clock"][:, None]
        return state["inputs"].any(-1) & earlier & self._now(state, "mask")[:, None]

    difficulty_name = "bits"

    def difficulty(self, state: dict[str, Tensor]) -> Tensor:
        """The numbers that are 1 or -1, of all moments the whole vector's."""
        return (state["inputs"] != 0).sum((1, 2))[:, None].expand(-1, self.most_steps)

    def score(self, state: dict[str, Tensor]) -> Tensor:
        return state["right"].float()


class Logic(SequenceWorld):
    """Apply a list of logic gates to two bits, the first of which is the answer before.

    Description:
        Every moment shows two bits b0 and b1 and up to `gates` gates, each one of ten. The first gate is applied to
        (b1, b0), the next to its result and b1, and so on; the last result is the answer. From the second moment on b0
        isn't shown: it is the answer of the moment before, and must be remembered.

    Observation space:
        ``Box(0, 1, (2 + 10 gates,))``: the bits, then each gate as one of ten channels (none: no gate).

    Action space:
        ``Discrete(2)``.

    Rewards:
        "dense": the share of the answers that is right; "whole": 1 at the end if all are.

    Starting state:
        Uniform bits, gates, number of gates (1 to `gates`) and number of moments.

    Episode end:
        After `length` moments. Never truncated.

    Info:
        target, target_mask: the answer, always due; score: whether all answers are right, known at the end;
        relevance (on request): the moments before, as far as the answer depends on them.

    Args:
        gates: the most gates a moment.
        split: "train" (1 to 10 moments), "validation" and "test" (the same), "test-20", "test-40".
        min_length: the fewest moments; None leaves it to the split.
        max_length: the most moments; None leaves it to the split.
        reward: "dense" or "whole".

    Source:
        Graves 2016, "Adaptive computation time for recurrent neural networks", section 3.2 (102 inputs, ten gates).

    Version history:
        v0: first version.
    """

    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.5, 0.02),
        random=Certified(0.5, 0.02),
        memoryless=Certified(0.917, 0.02),
    )
    score_name = "all answers right"
    splits = Splits.of("length", Range(1, 10), exactly=(20, 40))

    def __init__(
        self,
        *,
        gates: int = 10,
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        reward: Literal["dense", "whole"] = "dense",
    ):
        check_range("gates", gates, 1, 100)
        self.set_reward(reward)
        sizes = self.splits.sizes(split, min_length=min_length, max_length=max_length)
        self.gates, self.length = gates, sizes.range("length", 1, 1000)
        self.set_spaces(2 + GATES * gates, spaces.Discrete(2), self.length.high)

    def script(self, rng: CounterRNG) -> Script:
        length = self.length.sample(rng, "length")  # (n,)
        bits = draw_bits(rng, "bits", self.most_steps, 2)  # (n, T, 2)
        gates = rng.integers("gates", GATES, self.most_steps, self.gates)  # (n, T, G)
        used = 1 + rng.integers("used", self.gates, self.most_steps)  # (n, T)
        zero, one = self._answers(bits[..., 1], gates, used)  # (n, T) each, for all moments at once
        answers, b0 = [], bits[:, 0, 0]
        for t in range(self.most_steps):
            b0 = torch.where(b0 == 1, one[:, t], zero[:, t])
            answers.append(b0)
        targets = torch.stack(answers, 1)  # (n, T)
        due = moments(self.most_steps, length) < length[:, None]
        there = torch.arange(self.gates, device=bits.device) < used[..., None]  # (n, T, G)
        hot = torch.nn.functional.one_hot(gates, GATES) * there[..., None]
        shown = bits.clone()
        shown[:, 1:, 0] = 0
        inputs = torch.cat([shown, hot.flatten(2)], -1) * due[..., None]
        return Script(inputs.float(), (targets * due)[..., None], due, length, {"gates": gates, "used": used})

    def _answers(self, b1: Tensor, gates: Tensor, used: Tensor) -> tuple[Tensor, Tensor]:
        """b_{i+1} = g_i(b_i, b_{i-1}) for the gates that are used: the last of them, were b0 zero and were it one.

        Args:
            b1: (…,).
            gates: (…, G).
            used: how many of the gates, (…,).
        """
        truth = TRUTH.to(b1.device)
        b1 = torch.stack([b1, b1])  # (2, …)
        b0 = torch.zeros_like(b1)
        b0[1] = 1
        for i in range(self.gates):
            result = truth[gates[..., i], 2 * b1 + b0]
            on = i < used
            b0, b1 = torch.where(on, b1, b0), torch.where(on, result, b1)
        return b1[0], b1[1]

    def _both(self, state: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """The answers of this moment, were b0 zero and were it one."""
        b1 = self._now(state, "inputs")[:, 1].long()
        return self._answers(b1, self._now(state, "gates"), self._now(state, "used"))

    def sources(self, state: dict[str, Tensor]) -> Tensor:
        """The moment before, if b0 makes a difference now."""
        zero, one = self._both(state)
        before = moments(self.most_steps, zero) == state["clock"][:, None] - 1
        return before & (zero != one)[:, None]

    difficulty_name = "gates"

    def difficulty(self, state: dict[str, Tensor]) -> Tensor:
        """The gates that are applied at each moment."""
        return state["used"]

    def score(self, state: dict[str, Tensor]) -> Tensor:
        return self.whole(state)

    def memoryless(self) -> Tensors:
        """The answer where both values of an unseen b0 agree; where not, either is as likely (gates have no bias)."""
        zero, one = self._both(self.state)
        b0 = self._now(self.state, "inputs")[:, 0].long()
        return torch.where(b0 == 1, one, zero)
