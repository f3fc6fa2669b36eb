"""Document: a review whose sentences judge one thing each, and what it says of the film as a whole."""

from typing import Literal

import torch
from torch import Tensor

from ..batch import State, Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from .passage import Passage, Passages

TOPIC = "film"
ASIDES = ("music", "acting", "plot", "costumes", "dialogue", "lighting", "sound", "camera", "stunts", "ending")
SIGNS = ("awful", "weak", "fair", "good", "superb")
FILLERS = (
    *("the", "a", "was", "were", "and", "but", "this", "that", "they", "it", "he", "she", "we", "one", "all", "as"),
    *("of", "to", "in", "with", "at", "from", "said", "saw", "felt", "seemed", "quite", "rather", "very", "again"),
    *("there", "here", "then", "when", "while", "scene", "people", "evening", "town", "story"),
)
FEWEST, MOST = 6, 12  # words of a sentence
FILLER = 1
SIGN = FILLER + len(FILLERS)
FILM = SIGN + len(SIGNS)
ASIDE = FILM + 1
READ = ("", *FILLERS, *SIGNS, TOPIC, *ASIDES)
WRITTEN = ("", *SIGNS)
LONGEST = 200


class Document(Passage):
    """Say how a review judges the film, where each of its sentences judges something.

    Description:
        A review has 6 to 10 sentences of 6 to 12 words. Each names one thing and judges it by one of five words, both
        anywhere among others that mean nothing here: "they felt the music was quite awful". One sentence is about the
        film, all others are about its music, plot, costumes and so on. The judgement of the film is to be written. So
        it takes the right sentence, and in it the right word: who weighs all alike can only count judgements.

        As a "stream" the sentences come one a moment, then a marker, then the answer is due, from memory. As a "whole"
        the review is seen. With view "glimpse" one sentence is seen, at the place chosen before.

    Observation space:
        "stream": ``Box(0, 1, (12 V + 6,))``: the words of the sentence, one channel each (V = 57 with none), all none
        for the marker; while writing one channel for what was written last. "whole": ``Dict(source=MultiDiscrete([[V]
        * 12] * R), written=Discrete(6))``: the sentences, 0 behind the last, and behind the last word of each, and what
        was written last, which is nothing, 0; R = 40, or the most sentences if these are more. "glimpse":
        ``Dict(glimpse=MultiDiscrete([V] * 12), place=Discrete(R), written=Discrete(6))``.

    Action space:
        ``Discrete(6)``: the judgement, from 1, "awful", to 5, "superb"; 0 is none; ignored while reading. "glimpse":
        ``Dict(location=Discrete(R), write=Discrete(6))``: also which sentence is seen next.

    Rewards:
        1 for the right judgement, whatever `reward` says: there is one writing.

    Starting state:
        Uniform among numbers of sentences and of words, what sentences are about, judgements, and their places. Of a
        glimpse, the first sentence is seen.

    Episode end:
        With the answer. Never truncated.

    Info:
        target, target_mask: the judgement that is due now, and whether one is; score: whether it was written; relevance
        (on request): which sentence is about the film, bool (R,), as a stream bool (S + 1 + 1,).

    Args:
        view: "stream", "whole" or "glimpse".
        split: "train" (6 to 10 sentences), "validation" and "test" (the same), "test-10", -20 and -40 (exactly so
            many).
        min_length: the fewest sentences; None leaves it to the split.
        max_length: the most sentences; None leaves it to the split.
        reward: "dense", "edit" or "whole", which are the same here.
        looks: moments for the answer, of which the last writes it (view "glimpse").

    Source:
        Yang et al. 2016, "Hierarchical attention networks for document classification", whose documents are reviews
        that people wrote. These are generated, so that which words decide is known.

    Version history:
        v0: first version.
    """

    # who knows the words of all sentences, but not which stand together, takes the judgement that is there most often
    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.2, 0.02),
        random=Certified(0.1667, 0.02),
        memoryless=Certified(0.2, 0.02),
        unaligned=Certified(0.4, 0.02),
    )
    splits = Splits.of("length", Range(6, 10), exactly=(10, 20, 40))
    words, most_written, ends = MOST, 1, False
    ahead = 16

    def __init__(
        self,
        *,
        view: Literal["stream", "whole", "glimpse"] = "stream",
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        reward: Literal["dense", "edit", "whole"] = "dense",
        looks: int = 1,
    ):
        sizes = self.splits.sizes(split, min_length=min_length, max_length=max_length)
        self.length = sizes.range("length", 1, LONGEST)
        self.most_items = self.length.high
        self.room = max(self.most_items, self.splits.largest("length"))
        self.set_passage(view, reward, looks, READ, WRITTEN)

    def passage(self, rng: CounterRNG) -> Passages:
        most, place = self.most_items, torch.arange(self.most_items, device=rng.key.device)
        length = self.length.sample(rng, "length")  # (n,)
        words = FEWEST + rng.integers("words", MOST - FEWEST + 1, most)  # (n, S)
        judgement = rng.integers("judgements", len(SIGNS), most)
        central = place == rng.bits("central", 1) % length[:, None]  # (n, S), the sentence about the film
        about = torch.where(central, FILM, ASIDE + rng.integers("about", len(ASIDES), most))
        # two different places in each sentence
        first, second = rng.bits("first", most) % words, rng.bits("second", most) % (words - 1)
        second = second + (second >= first)
        items = FILLER + rng.integers("fillers", len(FILLERS), most, MOST)  # (n, S, W)
        items = items.scatter(2, first[..., None], about[..., None])
        items = items.scatter(2, second[..., None], SIGN + judgement[..., None])
        there = torch.arange(MOST, device=length.device) < words[..., None]
        items = items * (there & (place < length[:, None])[..., None])
        answer = 1 + (judgement * central).sum(1, keepdim=True)  # (n, 1)
        return Passages(items, length, answer, torch.ones_like(length), central[:, None])

    def aligned_words(self, state: State) -> Tensor:
        """In the sentence that decides: the word that says so, and the judgement."""
        items = state["items"]
        deciding = (items == FILM) | ((items >= SIGN) & (items < FILM))  # (B, S, W)
        return deciding[:, None] & state["aligned"][..., None]

    def unaligned(self) -> Tensors:
        """The commonest judgement of the review."""
        items = self.state["items"].flatten(1)
        count = items.new_zeros(len(items), len(READ)).scatter_add(1, items, torch.ones_like(items))
        return self._as_action(1 + count[:, SIGN:FILM].argmax(1))
