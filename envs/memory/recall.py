"""Associative recall: which item came after this one?"""

from typing import Literal

import torch
from gymnasium import spaces

from ...errors import check_range
from ..counter_rng import CounterRNG
from ..scale import ScoreScale
from ..sizes import Range, Splits
from .copying import COIN
from .script import Script, SequenceWorld, draw_bits, moments, rows_at


class AssociativeRecall(SequenceWorld):
    """Items are shown in a row; asked with one of them, write the next.

    Description:
        An item is `vectors` bit vectors, with a marker before it. After the last item one of the others is shown again
        between two query markers, and then, without any input, the item that followed it is to be written.

    Observation space:
        ``Box(0, 1, (width + 2,))``: the bits, the item marker's and the query marker's channel.

    Action space:
        ``MultiBinary(width)``: the bits written now.

    Rewards:
        "dense": the share of all bits that is right; "whole": 1 at the end if all are.

    Starting state:
        The number of items, their bits and which is asked for, all uniform.

    Episode end:
        After items * (vectors + 1) + 2 (vectors + 1) moments. Never truncated.

    Info:
        target, target_mask: what to write now, and whether it counts; score: wrong bits so far (less is better);
        relevance (on request): the earlier moment that showed what is due now, and those that showed the query.

    Args:
        width: bits a vector.
        vectors: vectors an item.
        split: "train" (2 to 6 items), "validation" and "test" (the same), "test-6", -8, -10, -12, -15 and -20.
        min_items: the fewest items; None leaves it to the split.
        max_items: the most items; None leaves it to the split.
        reward: "dense" or "whole".

    Source:
        Graves, Wayne & Danihelka 2014, section 4.3.

    Version history:
        v0: first version.
    """

    scale: ScoreScale = COIN
    score_name = "wrong bits"
    lower_is_better = True
    splits = Splits.of("items", Range(2, 6), exactly=(6, 8, 10, 12, 15, 20))

    def __init__(
        self,
        *,
        width: int = 6,
        vectors: int = 3,
        split: str = "train",
        min_items: int | None = None,
        max_items: int | None = None,
        reward: Literal["dense", "whole"] = "dense",
    ):
        check_range("width", width, 1, 62)
        check_range("vectors", vectors, 1, 100)
        self.set_reward(reward)
        sizes = self.splits.sizes(split, min_items=min_items, max_items=max_items)
        self.width, self.vectors, self.items_shown = width, vectors, sizes.range("items", 2, 200)
        self.set_spaces(width + 2, spaces.MultiBinary(width), (self.items_shown.high + 2) * (vectors + 1))

    def script(self, rng: CounterRNG) -> Script:
        size = self.vectors + 1  # a marker, then the item
        items = self.items_shown.sample(rng, "items")[:, None]  # (n, 1)
        bits = draw_bits(rng, "bits", self.items_shown.high, self.vectors, self.width)
        # in rows as they are shown: a blank one (the marker) before each item
        rows = torch.cat([torch.zeros_like(bits[:, :, :1]), bits], 2).flatten(1, 2)  # (n, most * size, W)
        asked = rng.bits("asked")[:, None] % (items - 1)  # (n, 1): any but the last
        time = moments(self.most_steps, items)
        query, second = items * size, (items + 1) * size  # the moments of the two query markers
        seen = rows_at(rows, time.expand(len(rng), -1)) * (time < query)[..., None]
        again = rows_at(rows, asked * size + (time - query)) * ((time > query) & (time < second))[..., None]
        due = (time > second) & (time < second + size)
        source = ((asked + 1) * size + (time - second)).where(due, -1)
        item_marker = (time < query) & (time % size == 0)
        query_marker = (time == query) | (time == second)
        inputs = torch.cat([seen + again, item_marker[..., None], query_marker[..., None]], -1).float()
        targets = rows_at(rows, source) * due[..., None]
        extra = {"source": source, "query": query[:, 0]}
        return Script(inputs, targets, due, (second + size)[:, 0], extra)

    def sources(self, state: dict[str, torch.Tensor]) -> torch.Tensor:
        time = moments(self.most_steps, state["clock"])
        query = state["query"][:, None]
        due = self._now(state, "mask")[:, None]
        return super().sources(state) | ((time > query) & (time <= query + self.vectors) & due)
