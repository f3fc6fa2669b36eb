"""A passage whose items are numbers, not symbols: points, pen strokes, sounds."""

from collections.abc import Sequence

import numpy as np
import torch
from gymnasium import spaces

from ..batch import State, Tensors
from .passage import Passage


class NumberPassage(Passage):
    """As `Passage`, but each item is a vector of numbers in [0, 1].

    As a stream the item's numbers come first, then the marker, then one channel for each symbol that can have been
    written last. As a whole the `source` is a Box (R, D), zero behind its end, and `length` says where that is.

    Attributes:
        numbers: D, of an item.
    """

    numbers: int

    def set_passage(
        self, view: str, reward: str, looks: int, source_names: Sequence[str], written_names: Sequence[str]
    ) -> None:
        """As in `Passage`; `source_names` only say what pictures call items.

        Args:
            view: one of `VIEWS`.
            reward: one of `REWARDS`.
            looks: moments a writing, in the view "glimpse".
            source_names: see the class.
            written_names: see the class.
        """
        super().set_passage(view, reward, looks, source_names, written_names)
        seen = self.observation_space
        if not isinstance(seen, spaces.Dict):
            self.observation_space = spaces.Box(0, 1, (self.numbers + 1 + self.writings,))
        elif view == "whole":
            source, length = spaces.Box(0, 1, (self.room, self.numbers)), spaces.Discrete(self.room + 1)
            self.observation_space = spaces.Dict({**seen.spaces, "source": source, "length": length})
        else:
            self.observation_space = spaces.Dict({**seen.spaces, "glimpse": spaces.Box(0, 1, (self.numbers,))})

    def footprint(self) -> int:
        return super().footprint() + self.most_items * self.numbers

    def source_words(self, items: np.ndarray) -> list[str]:
        """Items have no names: they are counted."""
        return [str(number) for number in range(1, len(items) + 1)]

    def observe(self, state: State) -> Tensors:
        if self.view != "stream":
            seen = super().observe(state)
            assert isinstance(seen, dict)
            return {**seen, "length": state["length"].clone()} if self.view == "whole" else seen
        clock, length = state["clock"], state["length"]
        seen = torch.zeros(len(clock), self.numbers + 1 + self.writings, dtype=torch.float32, device=clock.device)
        # the marker, or what was written last; while reading neither
        channel = torch.where(clock <= length, self.numbers, self.numbers + 1 + self._last(state))
        seen.scatter_(1, channel[:, None], (clock >= length).float()[:, None])
        seen[:, : self.numbers] = self._item(state["items"], clock)
        return seen
