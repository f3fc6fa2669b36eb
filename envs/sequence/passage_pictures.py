"""How a passage is drawn: what is read, what was written of it so far, and the gold alignment."""

import abc
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from ..batch import BatchWorld, State
from . import render


class PassagePictures(BatchWorld):
    """The pictures of a `Passage`, whose rules a subclass has; see there for the attributes."""

    source_names: Sequence[str]
    written_names: Sequence[str]
    most_items: int
    most_written: int
    words: int = 1
    query_size: int = 0
    view: str

    @abc.abstractmethod
    def writing(self, state: State) -> tuple[Tensor, Tensor]:
        """Which writing is next, counted from 0 (negative while still reading), and whether it is now, each (B,)."""

    @abc.abstractmethod
    def relevance(self, state: State) -> Tensor:
        """Which items decide what is due now, bool (B, …)."""

    def frame(self, index: int) -> np.ndarray:
        state = self.state
        one = {name: value[index].cpu().numpy() for name, value in state.items()}
        place, _ = self.writing(state)
        return render.passage(
            render.Page(
                source=self.source_words(one["items"][: one["length"]]),
                written=self.written_words(one["written"][: max(0, int(place[index]))], one["items"]),
                gold=self.written_words(one["targets"][: one["due"]], one["items"]),
                aligned=self.relevance(state)[index, : self.most_items].cpu().numpy()[: one["length"]],
                seen=self._seen(one),
                asked=render.spelt(one["query"], self.source_names) if self.query_size else (),
            ),
            self.lines(),
        )

    def source_words(self, items: np.ndarray) -> list[str]:
        """What a picture calls the items of a passage, (n, …)."""
        return render.spelt(items, self.source_names)

    def written_words(self, written: np.ndarray, items: np.ndarray) -> list[str]:
        """What a picture calls what was written, (n, …), about the items, (S, …)."""
        return render.spelt(written, self.written_names)

    def source_picture(self, index: int) -> np.ndarray | None:
        """The passage of world `index` as it is and what was written of it, uint8 (H, W, 3); None where words do."""
        return None

    def source_strip(self, index: int) -> np.ndarray | None:
        """The items of world `index` as columns of numbers, float (bands, items) in [0, 1]; None where words do."""
        return None

    def _seen(self, one: dict[str, np.ndarray]) -> int | None:
        """The item that is seen now; None where all are, or none."""
        if self.view == "glimpse":
            return int(one["gaze"])
        return int(one["clock"]) if self.view == "stream" and one["clock"] < one["length"] else None

    def lines(self) -> render.Lines:
        """How many lines of a picture the longest passage takes, the longest writing, and the query."""
        read, written = (max(map(len, names)) for names in (self.source_names, self.written_names))
        longest = render.lines_of(self.most_written, written)
        return render.Lines(
            asked=render.lines_of(self.query_size, read) if self.query_size else 0,
            read=render.lines_of(self.most_items, read * self.words),
            written=longest,
            due=longest,
        )
