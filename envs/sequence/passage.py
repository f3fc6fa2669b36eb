"""A passage is read and something is written about it, item by item: the base of the Sequence worlds."""

import abc
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import FoveateError, check_choice, check_range
from ...tree import outside_inference
from ..batch import State, Tensors
from ..counter_rng import CounterRNG
from ..sizes import Splits
from .blind import END, best_chain, best_text, worth
from .edits import similarity
from .passage_pictures import PassagePictures

View = Literal["stream", "whole", "glimpse"]
Reward = Literal["dense", "edit", "whole"]
VIEWS, REWARDS = ("stream", "whole", "glimpse"), ("dense", "edit", "whole")
SAMPLE = 4096  # passages by which the text of the blind is chosen


class Passages(NamedTuple):
    """What n episodes show and ask, padded to S items and L writings.

    Attributes:
        items: int64, (n, S), symbols from 1 on, or (n, S, W), where an item is a sentence, or numbers, float32
            (n, S, D); 0 behind the end.
        length: int64, (n,), how many items there are.
        targets: int64, (n, L), what is to be written, symbols from 1 on; then 0, the end.
        due: int64, (n,), how many writings are due, the end among them.
        aligned: bool, (n, L, S), the gold alignment: which items decide what is due at each writing; none where the
            writings before say it, and of the end.
        query: int64, (n, Q), what is asked about the passage, in symbols of the passage; None where it is always the
            same.
    """

    items: Tensor
    length: Tensor
    targets: Tensor
    due: Tensor
    aligned: Tensor
    query: Tensor | None = None


class Passage(PassagePictures):
    """Items are read and symbols are written; a subclass writes `passage`, which gives what is read, due and aligned.

    One episode has three views, alike in what is read, due and paid:

        stream   the items come one a moment, then a marker, then what is written is asked for: memory
        whole    all items are seen at every moment: attention inside the agent
        glimpse  one item is seen at a moment, at the place that the action chose: attention as an action

    What was written last is always part of the observation, and what is written is what the agent writes. Where the
    passage comes with a query, that is a part of what is seen at every moment, and comes before the marker of a stream,
    in items like those of the passage.

    Attributes:
        splits: what each named split sets of the size arguments.
        source_names: of the symbols among the items; the first stands for none.
        written_names: of the symbols that are written; the first ends.
        most_items: S.
        most_written: L, after which an episode ends without an end.
        words: W, symbols of an item; of those that are no sentences, 1.
        query_size: Q, symbols of a query; 0 where there is none.
        answer: "symbols", one after the other, or "string", all at once (see `Transcript`).
        seconds: from item to item, where items are moments of a sound (`source_strip`).
        unknown: the symbol that is written for all words without one of their own; None where all words have one.
        writes_sentences: whether what is written are sentences of words, which BLEU can judge.
        ends: whether the end is written, too; where it isn't, an episode ends with the last writing that is due.
        room: R, items that observations have room for, the same in all splits, so that who learned in one plays in all.
    """

    splits: ClassVar[Splits] = Splits()
    target_part = "write"
    derived = frozenset({"shown"})
    score_name = "wholly right"
    source_names: Sequence[str]
    written_names: Sequence[str]
    most_items: int
    most_written: int
    room: int
    words: int = 1
    query_size: int = 0
    unknown: int | None = None
    writes_sentences: ClassVar[bool] = False
    ends: bool = True
    seconds: float = 0.0
    answer: str = "symbols"

    def set_passage(
        self, view: str, reward: str, looks: int, source_names: Sequence[str], written_names: Sequence[str]
    ) -> None:
        """Choose view and reward and declare the spaces; `most_items`, `most_written` and `room` are known by then.

        Args:
            view: one of `VIEWS`.
            reward: one of `REWARDS`.
            looks: moments a writing, in the view "glimpse".
            source_names: see the class.
            written_names: see the class.

        Raises:
            FoveateError: one of them is not allowed, or `looks` are asked for in another view.
        """
        self.view, self.reward = check_choice("view", view, VIEWS), check_choice("reward", reward, REWARDS)
        self.looks = check_range("looks", looks, 1, 100)
        if looks > 1 and view != "glimpse":
            raise FoveateError(f'looks={looks} is not allowed: it needs view="glimpse", not {view!r}.')
        self.source_names, self.written_names = source_names, written_names
        self.symbols, self.writings = len(source_names), len(written_names)
        write = spaces.Discrete(self.writings)
        each = (self.words,) if self.words > 1 else ()  # what an item's symbols are counted by
        parts: dict[str, spaces.Space] = {"written": write}
        if self.query_size:
            parts["query"] = spaces.MultiDiscrete([self.symbols] * self.query_size)
        if view == "stream":
            self.observation_space: spaces.Space = spaces.Box(0, 1, (self.words * self.symbols + self.writings,))
        elif view == "whole":
            source = spaces.MultiDiscrete(np.full((self.room, *each), self.symbols))
            self.observation_space = spaces.Dict({"source": source, **parts})
        else:
            item = spaces.MultiDiscrete(np.full(each, self.symbols)) if each else spaces.Discrete(self.symbols)
            self.observation_space = spaces.Dict({"glimpse": item, "place": spaces.Discrete(self.room), **parts})
        self.action_space: spaces.Space = write
        if view == "glimpse":
            self.action_space = spaces.Dict(location=spaces.Discrete(self.room), write=write)

    # ---- what a subclass writes ----

    @abc.abstractmethod
    def passage(self, rng: CounterRNG) -> Passages:
        """The passages of ``len(rng)`` episodes."""

    # ---- the rules ----

    def footprint(self) -> int:
        each = self.most_items * self.words + 2 * self.most_written + self.most_items * self.most_written // 8
        return super().footprint() + each + self.query_size

    def start(self, rng: CounterRNG) -> State:
        passages = self.passage(rng)
        state = {name: value for name, value in passages._asdict().items() if value is not None}
        state["written"] = torch.zeros_like(passages.targets)
        state["right"] = torch.zeros_like(passages.due)  # symbols that were written right
        if self.view == "glimpse":
            state["gaze"] = torch.zeros_like(passages.due)  # the item that is seen now
        return state

    def derive(self, state: State) -> State:
        """As a stream, what is shown before the marker, (n, S + ⌈Q / W⌉, …): the items, and the query behind them."""
        if self.view != "stream" or not self.query_size:
            return {}
        items, asking, many = state["items"], self._asking, state["items"].shape[2:]
        query = F.pad(state["query"], (0, asking * self.words - self.query_size)).view(-1, asking, *many)
        place = state["length"][:, None] + torch.arange(asking, device=items.device)  # (n, ⌈Q / W⌉)
        place = place.view(*place.shape, *(1 for _ in many)).expand_as(query)
        return {"shown": torch.cat([items, torch.zeros_like(query)], 1).scatter(1, place, query)}

    def writing(self, state: State) -> tuple[Tensor, Tensor]:
        """Which writing is next, counted from 0 (negative while still reading), and whether it is now, each (B,)."""
        clock = state["clock"]
        if self.view == "stream":
            place = clock - state["length"] - self._asking - 1
            return place, place >= 0
        if self.view == "whole":
            return clock, torch.ones_like(clock, dtype=torch.bool)
        return clock // self.looks, clock % self.looks == self.looks - 1

    @property
    def _asking(self) -> int:
        """Moments of a stream that the query takes."""
        return -(-self.query_size // self.words)

    def advance(self, state: State, action: Tensors, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        write = action["write"] if isinstance(action, dict) else action
        place, now = self.writing(state)
        at = self._column(place)
        right = now & (place < state["due"]) & (write == state["targets"].gather(1, at)[:, 0])
        ended = (write == END) | (place + 1 >= self.most_written) if self.ends else place + 1 >= state["due"]
        ended = now & ended
        put = torch.where(now, write, state["written"].gather(1, at)[:, 0])
        moved = {**state, "written": state["written"].scatter(1, at, put[:, None]), "right": state["right"] + right}
        if isinstance(action, dict):
            moved["gaze"] = action["location"]
        return moved, self._paid(moved, right, ended, place), ended

    def _column(self, place: Tensor) -> Tensor:
        """The column of a writing in tensors (B, L), (B, 1); a world that is over may be stepped once more."""
        return place.clamp(0, self.most_written - 1)[:, None]

    def _paid(self, state: State, right: Tensor, ended: Tensor, place: Tensor) -> Tensor:
        """The rewards of a writing, (B,)."""
        if self.reward == "dense":
            return right.float() / state["due"]
        if self.reward == "whole":
            return ended * self.score(state)
        if ended.device.type == "cpu" and not bool(ended.any()):
            return torch.zeros_like(right, dtype=torch.float32)
        last = state["written"].gather(1, self._column(place))[:, 0]
        # the end itself is no word
        count = place.clamp(0, self.most_written - 1) + ((last != END) if self.ends else 1)
        return ended * similarity(state["written"], count, state["targets"], state["due"] - int(self.ends))

    def _last(self, state: State) -> Tensor:
        """What was written last, (B,); 0 for nothing yet."""
        place, _ = self.writing(state)
        return state["written"].gather(1, self._column(place - 1))[:, 0] * (place > 0)

    def observe(self, state: State) -> Tensors:
        last = self._last(state)
        query = {"query": state["query"].clone()} if self.query_size else {}
        if self.view == "whole":
            return {"source": self._roomy(state["items"]), "written": last, **query}
        if self.view == "glimpse":
            seen = self._item(state["items"], state["gaze"])
            return {"glimpse": seen, "place": state["gaze"].clone(), "written": last, **query}
        clock = state["clock"]
        # of each word one channel for the marker and for each symbol, then one for each that can have been written last
        item = self._item(state.get("shown", state["items"]), clock).view(len(clock), self.words)
        channel = item + torch.arange(self.words, device=clock.device) * self.symbols if self.words > 1 else item
        reading = (clock <= state["length"] + self._asking)[:, None]
        channel = torch.where(reading, channel, (self.words * self.symbols + last)[:, None])  # (B, W)
        seen = clock.new_zeros(len(clock), self.words * self.symbols + self.writings, dtype=torch.float32)
        return seen.scatter_(1, channel, 1.0)

    @staticmethod
    def _item(items: Tensor, place: Tensor) -> Tensor:
        """The items at these places (B,) of (B, S) or (B, S, W); 0 behind them."""
        at, there = place.clamp(max=items.shape[1] - 1), place < items.shape[1]
        if items.ndim == 2:
            return items.gather(1, at[:, None])[:, 0] * there
        return items[torch.arange(len(place), device=place.device), at] * there[:, None]

    def _roomy(self, items: Tensor) -> Tensor:
        """What is known of each item, (B, S, …), with nothing behind it, (B, R, …), fresh."""
        return torch.cat([items, items.new_zeros(len(items), self.room - items.shape[1], *items.shape[2:])], 1)

    def annotate(self, state: State) -> dict[str, Tensor]:
        place, now = self.writing(state)
        target = state["targets"].gather(1, self._column(place))[:, 0]
        return {"target": target * (place >= 0), "target_mask": now & (place < state["due"])}

    def score(self, state: State) -> Tensor:
        """Whether all was written right, the end among it."""
        return (state["right"] == state["due"]).float()

    def relevance(self, state: State) -> Tensor:
        """The items that say what is due next, bool (B, R); as a stream the moments, (B, S + ⌈Q / W⌉ + 1 + L)."""
        place, _ = self.writing(state)
        items = self._aligned(state, place)  # (B, S)
        if self.view != "stream":
            return self._roomy(items)
        return torch.cat([items, items.new_zeros(len(items), self._asking + 1 + self.most_written)], 1)

    def _aligned(self, state: State, place: Tensor) -> Tensor:
        """The items that say what is due at a writing, bool (B, S)."""
        every, due = torch.arange(len(place), device=place.device), (place >= 0) & (place < state["due"])
        return state["aligned"][every, self._column(place)[:, 0]] & due[:, None]

    def aligned_words(self, state: State) -> Tensor | None:
        """Of items that are sentences, the words that decide at each writing, bool (B, L, S, W); None where unknown."""
        return None

    # ---- policies behind the certified scale ----

    def _as_action(self, written: Tensor) -> Tensors:
        """Writings (B,) as actions; whoever looks looks at what will be due then, else at the first item."""
        if self.view != "glimpse":
            return written
        next_place, _ = self.writing({**self.state, "clock": self.clock + 1})
        return {"location": self._aligned(self.state, next_place).long().argmax(1), "write": written}

    def oracle(self) -> Tensors:
        return self._as_action(self.annotate(self.state)["target"])

    def blind(self) -> Tensors:
        """The text that pays most of all that are written without a look."""
        place, _ = self.writing(self.state)
        return self._as_action(self._texts[0].to(self.device)[self._column(place)[:, 0]])

    def memoryless(self) -> Tensors:
        """As a stream: the text that pays most of those in which a word says which one follows.

        The present moment shows what was written last, and nothing of the passage that is still needed.
        """
        place, _ = self.writing(self.state)
        return self._as_action(self._texts[1].to(self.device)[self._column(place)[:, 0]])

    def unaligned(self) -> Tensors:
        """The best policy that knows which symbols the passage has and how often, but not where: attention that is
        uniform. Where a subclass knows it.
        """
        raise NotImplementedError

    @cached_property
    @outside_inference
    def _texts(self) -> tuple[Tensor, Tensor]:
        """What `blind` and `memoryless` write, each (L,)."""
        every = torch.arange(SAMPLE)
        known = self.passage(CounterRNG(every, 0 * every, 0 * every))
        value = worth(known.targets, known.due, self.writings)
        return best_text(value), best_chain(value)
