"""Dynamic n-grams: predict the next bit of a source whose statistics must be learned while it speaks."""

import math

import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import check_range
from ..batch import State, Tensors
from ..counter_rng import CounterRNG
from ..episodes import Episodes, summed
from ..scale import Certified, ScoreScale
from ..sizes import Splits
from .script import Script, SequenceWorld, moments


class DynamicNGrams(SequenceWorld):
    """Predict the next bit of a random n-gram source, a new one in every episode.

    Description:
        The source has a probability of a one for each of the 2^context histories, drawn from Beta(1/2, 1/2). Its bits
        are shown one a moment, and from the moment that completes the first history on, the next bit is to be
        predicted. The best prediction counts what followed this history so far (the paper's equation in section 4.4):
        P(1 | n1, n0) = (n1 + 1/2) / (n1 + n0 + 1).

    Observation space:
        ``Box(0, 1, (1,))``: the bit.

    Action space:
        ``Discrete(2)``: the next bit.

    Rewards:
        The share of all predictions that is right. The oracle of the certified scale is the Bayes-optimal predictor:
        nobody can know the coming bit.

    Starting state:
        Fresh probabilities; the first `context` bits are fair.

    Episode end:
        After bits - 1 moments. Never truncated.

    Info:
        target, target_mask: the next bit, and whether its prediction counts; optimum: what the next bit costs the
        Bayes-optimal predictor, in bits (-log2 of its probability), so that a learner's cost minus this is its regret;
        score: expected mistakes so far beyond those of the Bayes-optimal prediction (less is better, 0 is best);
        relevance (on request): the earlier moments that completed the same history as now.

    Args:
        context: bits of a history.
        split: "train" (200 bits), "validation" and "test" (the same), "test-400" and "test-1000".
        bits: bits of an episode; None leaves it to the split.

    Source:
        Graves, Wayne & Danihelka 2014, section 4.4 (6-grams: a context of five; 200 bits). The Bayes optimum is
        127.8 bits here, over the 195 predictions that have a whole context; with the first five, which are not scored
        here, it is 132.8, the paper's 133.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(
        oracle=Certified(0.769, 0.01),
        blind=Certified(0.5, 0.01),
        random=Certified(0.5, 0.01),
        memoryless=Certified(0.5, 0.01),
    )
    score_name = "regret"
    lower_is_better = True
    splits = Splits({"train": {"bits": 200}, "test-400": {"bits": 400}, "test-1000": {"bits": 1000}})

    def __init__(self, *, context: int = 5, split: str = "train", bits: int | None = None):
        check_range("context", context, 1, 10)
        self.set_reward("dense")
        self.context, self.bits = context, self.splits.sizes(split, bits=bits)["bits"]
        check_range("bits", self.bits, context + 1, 2000)
        self.episode_length = self.bits - 1
        self.set_spaces(1, spaces.Discrete(2), self.episode_length)

    def script(self, rng: CounterRNG) -> Script:
        n, context = len(rng), self.context
        # Beta(1/2, 1/2) is the arcsine law: sin² of a uniform angle
        chance = (rng.uniform("source", 2**context) * (math.pi / 2)).sin().square()  # (n, 2^context)
        luck = rng.uniform("bits", self.bits)  # (n, bits)
        shown = [(luck[:, t] < 0.5).long() for t in range(context)]
        history = torch.zeros_like(shown[0])
        for bit in shown:
            history = 2 * history + bit
        histories = []
        for t in range(context, self.bits):
            histories.append(history)
            bit = (luck[:, t] < chance.gather(1, history[:, None])[:, 0]).long()
            shown.append(bit)
            history = (2 * history + bit) % 2**context
        bits, past = torch.stack(shown, 1), torch.stack(histories, 1)  # (n, bits), (n, bits - context)
        before = past.new_zeros(n, context - 1)
        extra = {
            "history": torch.cat([before - 1, past], 1),  # (n, T), -1 as long as there is none
            "bayes": torch.cat([before.float() + 0.5, self._bayes(past, bits[:, context:])], 1),
            "regret": torch.zeros(n, device=bits.device, dtype=torch.float32),
        }
        due = (moments(self.most_steps, bits) >= context - 1).expand(n, -1).clone()
        length = torch.full((n,), self.most_steps, device=bits.device)
        return Script(bits[:, :-1, None].float(), bits[:, 1:, None], due, length, extra)

    def _bayes(self, past: Tensor, following: Tensor) -> Tensor:
        """P(1 | n1, n0) = (n1 + 1/2) / (n1 + n0 + 1) at each prediction, (n, bits - context)."""
        seen = F.one_hot(past, 2**self.context)  # (n, t, histories)
        ones = (seen * following[..., None]).cumsum(1) - seen * following[..., None]  # before this moment
        total = seen.cumsum(1) - seen
        n1, count = ((table * seen).sum(-1) for table in (ones, total))
        return (n1.float() + 0.5) / (count + 1)

    def advance(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        moved, reward, ended = super().advance(state, action, rng)
        now = self._regret(self._now(state, "bayes"), action, self._now(state, "mask"))
        moved["regret"] = state["regret"] + now
        return moved, reward, ended

    derived = frozenset({"optimum"})

    def derive(self, state: State) -> State:
        p = state["bayes"]
        cost = -torch.where(state["targets"][..., 0] == 1, p, 1 - p).log2()
        return {"optimum": cost * state["mask"]}

    def judged_state(self, episodes: Episodes, action: Tensor) -> State:
        p = episodes.state["bayes"].transpose(0, 1)
        return {"regret": summed(self._regret(p, action, episodes.target_mask))}

    def _regret(self, p: Tensor, action: Tensor, due: Tensor) -> Tensor:
        """How much less likely what was said is than what is likeliest, where a prediction is due."""
        return (torch.maximum(p, 1 - p) - torch.where(action == 1, p, 1 - p)) * due

    def score(self, state: State) -> Tensor:
        return state["regret"].clone()

    def sources(self, state: State) -> Tensor:
        now = self._now(state, "history")[:, None]
        earlier = moments(self.most_steps, now) < state["clock"][:, None]
        return (state["history"] == now) & (now >= 0) & earlier

    def oracle(self) -> Tensors:
        return (self._now(self.state, "bayes") > 0.5).long()
