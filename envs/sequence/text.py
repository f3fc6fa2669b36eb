"""Text: the next character of a text is to be said, of one that is invented anew each time or of one's own."""

from collections.abc import Iterable
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import FoveateError, check_range
from ...tree import outside_inference
from ..batch import State, Tensors
from ..counter_rng import CounterRNG
from ..memory.script import Script, SequenceWorld
from ..scale import Certified, ScoreScale
from ..sizes import Splits
from . import render_text
from .prose import ALPHABET, MOST_NAMES, write_prose
from .running_text import Characters, load

SAMPLE, LONGEST = 512, 10_000
COMMONEST = ALPHABET.index(" ")


class Text(SequenceWorld):
    """Say of every character of a text which one comes next.

    Description:
        Sentences of a small grammar, of words that are always the same and of somebody whose name is invented for this
        text: "the king finds the old bridge near the river. bodafi sees the treaty." Nobody can know a name that wasn't
        said yet, nor whether somebody is named next; but once it was said, its first letter says the rest, however long
        ago that was. With `markup` sentences are in verses, '<verse id="483920">…</verse>', whose numbers are random.

        With data="verses" the text is the Bible in English, and with the path of a text file it is one's own, line by
        line; all of it is in lower case, and what the alphabet lacks is read as "~".

    Observation space:
        ``Box(0, 1, (54,))``: the character that is read; one channel is 1.

    Action space:
        ``Discrete(54)``: the next character.

    Rewards:
        The share of all characters that is right.

    Starting state:
        A fresh text, at its beginning; of other data than the grammar's, a uniform line of the split's.

    Episode end:
        After length - 1 characters. Never truncated.

    Info:
        target, target_mask: the next character, and True; score: the share of all characters that was said right;
        optimum: what the next character costs who knows the grammar and remembers every name, in bits, so that a
        learner's cost minus this is its regret (of the grammar's texts); relevance (on request): of a letter of a name
        that was said before, from the second letter on, the moment that showed this letter when the name was said last;
        of others none.

    Args:
        data: "grammar" (generated), "verses" (from Debian's package sword-text-web, or the folder verses of
            `FOVEATE_DATA`) or the path of a text file. `data_source` of the world says what that is, and its licence.
        names: how many people of the grammar's texts have a name, up to 13; None for one, and none where the text isn't
            the grammar's.
        markup: whether it is marked up.
        split: "train" (256 characters), "validation" and "test" (the same, of other lines), "test-500", "test-1000" and
            "test-2000".
        length: characters of a text; None leaves it to the split.
        reward: "dense" (see above) or "whole" (1 at the end if all is right).

    Source:
        Graves 2016, "Adaptive computation time for recurrent neural networks", section 3.5, predicts the characters of
        an encyclopedia with its markup. Invented names that stay for a whole text are what Radford et al. 2019,
        "Language models are unsupervised multitask learners", show of a transformer. Grammar and words are ours; the
        verses are the World English Bible's.

    Version history:
        v0: first version.
    """

    # the oracle of the grammar says the likeliest character, by all that can be known
    scale = ScoreScale(
        oracle=Certified(0.806, 0.01),
        blind=Certified(0.179, 0.01),
        random=Certified(1 / 54, 0.005),
        memoryless=Certified(0.429, 0.01),
    )
    score_name = "characters right"
    splits = Splits({"train": {"length": 256}, **{f"test-{n}": {"length": n} for n in (500, 1000, 2000)}})

    def __init__(
        self,
        *,
        data: str = "grammar",
        names: int | None = None,
        markup: bool = False,
        split: str = "train",
        length: int | None = None,
        reward: Literal["dense", "whole"] = "dense",
    ):
        self.set_reward(reward)
        self.length = check_range("length", self.splits.sizes(split, length=length)["length"], 2, LONGEST)
        self.data, self.markup = data, markup
        self.part = split if split in ("train", "validation") else "test"
        if data == "grammar":
            self.names = check_range("names", 1 if names is None else names, 0, MOST_NAMES)
        elif names:
            raise FoveateError(f"names={names} is not allowed with data={data!r}: names are of the grammar's texts.")
        else:
            self.names, self.data_source = 0, self.characters().source
        self.episode_length = self.length - 1
        self.set_spaces(len(ALPHABET), spaces.Discrete(len(ALPHABET)), self.episode_length)

    def characters(self, device: torch.device | str = "cpu") -> Characters:
        """The text, of other data than the grammar's.

        Args:
            device: where its tensors are wanted.
        """
        return load(self.data, self.part, self.markup, device)

    def script(self, rng: CounterRNG) -> Script:
        if self.data == "grammar":
            symbols, kinds, cost, likeliest, source = write_prose(rng, self.length, self.names, self.markup)
            extra = {"source": source[:, 1:], "likeliest": likeliest[:, 1:], "optimum": cost[:, 1:]}
        else:
            text = self.characters(rng.key.device)
            begin = text.begins[rng.integers("line", len(text.begins), 1)]  # (n, 1)
            at = (begin + torch.arange(self.length, device=begin.device)) % len(text.symbols)
            symbols, kinds = text.symbols[at], text.kinds[at]
            extra = {"source": torch.full_like(symbols[:, 1:], -1), "likeliest": symbols[:, 1:]}
        due = torch.ones_like(symbols[:, 1:], dtype=torch.bool)
        length = torch.full_like(symbols[:, 0], self.most_steps)
        extra = {name: part.contiguous() for name, part in extra.items()}
        return Script(
            symbols[:, :-1, None].float(), symbols[:, 1:, None], due, length, {**extra, "kinds": kinds[:, 1:]}
        )

    def shown(self, inputs: Tensor) -> Tensor:
        return F.one_hot(inputs[..., 0].long(), len(ALPHABET)).float()

    def score(self, state: State) -> Tensor:
        return state["right"].float() / state["due"]

    # ---- policies behind the certified scale ----

    def oracle(self) -> Tensors:
        return self._now(self.state, "likeliest")

    def blind(self) -> Tensors:
        """Always the commonest character."""
        return torch.full((self.num_worlds,), COMMONEST, device=self.device)

    def memoryless(self) -> Tensors:
        """The character that most often follows the present one."""
        return self._follower.to(self.device)[self._now(self.state, "inputs")[:, 0].long()]

    @cached_property
    @outside_inference
    def _follower(self) -> Tensor:
        every = torch.arange(SAMPLE)
        script = self.script(CounterRNG(every, 0 * every, 0 * every + 1))
        pairs = script.inputs[..., 0].long() * len(ALPHABET) + script.targets[..., 0]
        return torch.bincount(pairs.flatten(), minlength=len(ALPHABET) ** 2).view(len(ALPHABET), -1).argmax(1)

    # ---- pictures ----

    def frame(self, index: int) -> np.ndarray:
        one = {name: self.state[name][index].numpy(force=True) for name in ("inputs", "targets", "clock", "right")}
        clock = int(one["clock"])
        text = spelt([int(one["inputs"][0, 0]), *one["targets"][:, 0]])
        written = self.state["written"][index, :, 0].tolist() if "written" in self.state else [-1] * self.most_steps
        said = [ALPHABET[number] if number >= 0 else "" for number in written]
        return render_text.running(text, said, clock, f"{int(one['right'])} of {clock} characters foreseen")


def spelt(symbols: Iterable[int]) -> str:
    """Characters from their numbers."""
    return "".join(ALPHABET[number] for number in symbols)
