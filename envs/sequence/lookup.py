"""Dictionary: pairs of keys and values, and a key whose value is to be found."""

from typing import Literal

import torch
from torch import Tensor

from ..batch import Tensors
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from .passage import Passage, Passages

LONGEST = 100


class Dictionary(Passage):
    """Say which value stands beside a key.

    Description:
        A dictionary has 10 entries, each a key and a value, in another pairing and order every time; the query is one
        of the keys, and its value is to be written. As a graph that is an edge from each entry to the one who asks:
        whom to listen to depends on who asks, not on the entries alone.

        As a "stream" the entries come one a moment, then the query, then a marker, then the answer is due, from memory.
        As a "whole" dictionary and query are seen. With view "glimpse" the query and one entry are seen, at the place
        chosen before.

    Observation space:
        "stream": ``Box(0, 1, (2 V + R + 1,))``: one channel is 1 for each of the two symbols of an entry (V = 2 R + 1,
        keys from 1 on, then values; 0 for the marker, and for the half of a query that is none). "whole":
        ``Dict(source=MultiDiscrete([[V, V]] * R), query=MultiDiscrete([V]), written=Discrete(R + 1))``: the entries,
        the key that is asked for, and what was written last, which is nothing, 0; R = 10, or the most entries if these
        are more. "glimpse": ``Dict(glimpse=MultiDiscrete([V, V]), place=Discrete(R), query=…, written=…)``.

    Action space:
        ``Discrete(R + 1)``: the value that is written, by its number; 0 is none; ignored while reading. "glimpse":
        ``Dict(location=Discrete(R), write=Discrete(R + 1))``: also which entry is seen next.

    Rewards:
        1 for the right value, whatever `reward` says: there is one writing.

    Starting state:
        Uniform among the keys and values that there are, their pairing, order and which key is asked for. Of a glimpse,
        the first entry is seen.

    Episode end:
        With the answer. Never truncated.

    Info:
        target, target_mask: the value that is due now, and whether one is; score: whether it was written; relevance (on
        request): which entry has it, bool (R,), as a stream bool (S + 1 + 1 + 1,).

    Args:
        view: "stream", "whole" or "glimpse".
        split: "train" (10 entries), "validation" and "test" (the same), "test-5" (exactly so many of the same symbols).
        min_length: the fewest entries; None leaves it to the split.
        max_length: the most entries; None leaves it to the split.
        reward: "dense", "edit" or "whole", which are the same here.
        looks: moments for the answer, of which the last writes it (view "glimpse").

    Source:
        Brody, Alon & Yahav 2022, "How attentive are graph attention networks?", section 4.1, "DictionaryLookup". There
        all keys are asked for at once, each by a node of its own; here one is.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.1, 0.02),
        random=Certified(0.091, 0.02),
        memoryless=Certified(0.1, 0.02),
        unaligned=Certified(0.1, 0.02),
    )
    splits = Splits.of("length", Range(10, 10), exactly=(5,))
    words, query_size, most_written, ends = 2, 1, 1, False

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
        keys, values = ([f"{kind}{number}" for number in range(1, self.room + 1)] for kind in ("key", "value"))
        self.set_passage(view, reward, looks, ["", *keys, *values], ["", *values])

    def passage(self, rng: CounterRNG) -> Passages:
        length = self.length.sample(rng, "length")  # (n,)
        keys, values = (rng.bits(name, self.room).argsort(1)[:, : self.most_items] + 1 for name in ("keys", "values"))
        place = torch.arange(self.most_items, device=length.device)
        items = torch.stack([keys, self.room + values], -1) * (place < length[:, None])[..., None]
        asked = rng.bits("asked", 1) % length[:, None]  # (n, 1)
        due, aligned = torch.ones_like(length), (place == asked)[:, None]
        return Passages(items, length, values.gather(1, asked), due, aligned, keys.gather(1, asked))

    def unaligned(self) -> Tensors:
        """Any value of the dictionary is as likely as another: the first."""
        first: Tensor = self.state["items"][:, 0, 1] - self.room
        return self._as_action(first)
