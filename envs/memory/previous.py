"""What was it, k moments ago?"""

from typing import Literal

import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import check_range
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Splits
from .script import Script, SequenceWorld, moments


class RepeatPrevious(SequenceWorld):
    """Say at every moment which symbol was shown k moments ago.

    Description:
        A stream of uniformly random symbols, one a moment. From moment k on, the answer is the symbol k moments ago.

    Observation space:
        ``Box(0, 1, (symbols,))``: the symbol as one of `symbols` channels.

    Action space:
        ``Discrete(symbols)``.

    Rewards:
        "dense": 1 / (steps - k) for each right answer; "whole": 1 at the end if all are right.

    Starting state:
        Uniform symbols.

    Episode end:
        After `steps` moments. Never truncated.

    Info:
        target, target_mask: the answer, and whether one is due; score: the share of the answers so far that was right;
        relevance (on request): the moment that is asked for.

    Args:
        k: how far back.
        symbols: how many there are.
        split: "train" (48 steps), "validation" and "test" (the same), "test-96" and "test-480" (longer streams).
        steps: moments of an episode; None leaves it to the split.
        reward: "dense" or "whole".

    Source:
        The task of that name in Morad et al. 2023, "POPGym" (four suits, k = 4 in its easy version); an episode here
        has a fixed number of uniform symbols instead of a deck.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.25, 0.01),
        random=Certified(0.25, 0.01),
        memoryless=Certified(0.25, 0.01),
    )
    score_name = "share right"
    splits = Splits({"train": {"steps": 48}, "test-96": {"steps": 96}, "test-480": {"steps": 480}})

    def __init__(
        self,
        *,
        k: int = 4,
        symbols: int = 4,
        split: str = "train",
        steps: int | None = None,
        reward: Literal["dense", "whole"] = "dense",
    ):
        check_range("k", k, 1, 1000)
        check_range("symbols", symbols, 2, 100)
        self.set_reward(reward)
        self.k, self.symbols = k, symbols
        self.episode_length = self.splits.sizes(split, steps=steps)["steps"]
        check_range("steps", self.episode_length, k + 1, 10000)
        self.set_spaces(symbols, spaces.Discrete(symbols), self.episode_length)

    def script(self, rng: CounterRNG) -> Script:
        symbols = rng.integers("symbols", self.symbols, self.most_steps)  # (n, T)
        inputs = torch.nn.functional.one_hot(symbols, self.symbols).float()
        due = (moments(self.most_steps, symbols) >= self.k).expand(len(rng), -1)
        targets = symbols.roll(self.k, 1) * due
        source = (moments(self.most_steps, symbols) - self.k).clamp(min=-1).expand(len(rng), -1)
        steps = torch.full((len(rng),), self.most_steps, device=symbols.device)
        return Script(inputs, targets[..., None], due.clone(), steps, {"source": source.clone()})

    def score(self, state: dict[str, Tensor]) -> Tensor:
        return state["right"].float() / (state["right"] + state["wrong"]).clamp(min=1)
