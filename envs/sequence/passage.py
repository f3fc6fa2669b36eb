"""A passage is read and something is written about it, item by item: the base of the Sequence worlds."""

import abc
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import FoveateError, check_choice, check_range
from ...tree import outside_inference
from ..batch import BatchWorld, State, Tensors
from ..counter_rng import CounterRNG
from ..sizes import Splits
from . import render
from .edits import similarity

View = Literal["stream", "whole", "glimpse"]
Reward = Literal["dense", "edit", "whole"]
VIEWS, REWARDS = ("stream", "whole", "glimpse"), ("dense", "edit", "whole")
SAMPLE = 4096  # passages by which the text of the blind is chosen
END = 0  # the symbol that ends what is written; among the items it is none at all


class Passages(NamedTuple):
    """What n episodes show and ask, padded to S items and L writings.

    Attributes:
        items: int64, (n, S), symbols from 1 on; 0 behind the end.
        length: int64, (n,), how many items there are.
        targets: int64, (n, L), what is to be written, symbols from 1 on; then 0, the end.
        due: int64, (n,), how many writings are due, the end among them.
        aligned: bool, (n, L, S), the gold alignment: which items decide what is due at each writing; none where the
            writings before say it, and of the end.
    """

    items: Tensor
    length: Tensor
    targets: Tensor
    due: Tensor
    aligned: Tensor


class Passage(BatchWorld):
    """Items are read and symbols are written; a subclass writes `passage`, which gives what is read, due and aligned.

    One episode has three views, alike in what is read, due and paid:

        stream   the items come one a moment, then a marker, then what is written is asked for: memory
        whole    all items are seen at every moment: attention inside the agent
        glimpse  one item is seen at a moment, at the place that the action chose: attention as an action

    What was written last is always part of the observation, and what is written is what the agent writes.

    Attributes:
        splits: what each named split sets of the size arguments.
        source_names: of the symbols among the items; the first stands for none.
        written_names: of the symbols that are written; the first ends.
        most_items: S.
        most_written: L, after which an episode ends without an end.
        room: R, items that observations have room for, the same in all splits, so that who learned in one plays in all.
    """

    splits: ClassVar[Splits] = Splits()
    target_part = "write"
    score_name = "wholly right"
    source_names: Sequence[str]
    written_names: Sequence[str]
    most_items: int
    most_written: int
    room: int

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
        if view == "stream":
            self.observation_space: spaces.Space = spaces.Box(0, 1, (self.symbols + self.writings,))
        elif view == "whole":
            source = spaces.MultiDiscrete([self.symbols] * self.room)
            self.observation_space = spaces.Dict(source=source, written=write)
        else:
            place = spaces.Discrete(self.room)
            self.observation_space = spaces.Dict(glimpse=spaces.Discrete(self.symbols), place=place, written=write)
        self.action_space: spaces.Space = write
        if view == "glimpse":
            self.action_space = spaces.Dict(location=spaces.Discrete(self.room), write=write)

    # ---- what a subclass writes ----

    @abc.abstractmethod
    def passage(self, rng: CounterRNG) -> Passages:
        """The passages of ``len(rng)`` episodes."""

    # ---- the rules ----

    def footprint(self) -> int:
        each = self.most_items + 2 * self.most_written + self.most_items * self.most_written // 8
        return super().footprint() + each

    def start(self, rng: CounterRNG) -> State:
        passages = self.passage(rng)
        state = passages._asdict()
        state["written"] = torch.zeros_like(passages.targets)
        state["right"] = torch.zeros_like(passages.due)  # symbols that were written right
        if self.view == "glimpse":
            state["gaze"] = torch.zeros_like(passages.due)  # the item that is seen now
        return state

    def writing(self, state: State) -> tuple[Tensor, Tensor]:
        """Which writing is next, counted from 0 (negative while still reading), and whether it is now, each (B,)."""
        clock = state["clock"]
        if self.view == "stream":
            place = clock - state["length"] - 1
            return place, place >= 0
        if self.view == "whole":
            return clock, torch.ones_like(clock, dtype=torch.bool)
        return clock // self.looks, clock % self.looks == self.looks - 1

    def advance(self, state: State, action: Tensors, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        write = action["write"] if isinstance(action, dict) else action
        place, now = self.writing(state)
        at = self._column(place)
        right = now & (place < state["due"]) & (write == state["targets"].gather(1, at)[:, 0])
        ended = now & ((write == END) | (place + 1 >= self.most_written))
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
        count = place.clamp(0, self.most_written - 1) + (last != END)  # the end itself is no word
        return ended * similarity(state["written"], count, state["targets"], state["due"] - 1)

    def _last(self, state: State) -> Tensor:
        """What was written last, (B,); 0 for nothing yet."""
        place, _ = self.writing(state)
        return state["written"].gather(1, self._column(place - 1))[:, 0] * (place > 0)

    def observe(self, state: State) -> Tensors:
        last = self._last(state)
        if self.view == "whole":
            return {"source": self._roomy(state["items"]), "written": last}
        if self.view == "glimpse":
            at = state["gaze"].clamp(max=self.most_items - 1)[:, None]
            seen = state["items"].gather(1, at)[:, 0] * (state["gaze"] < self.most_items)
            return {"glimpse": seen, "place": state["gaze"].clone(), "written": last}
        clock, length = state["clock"], state["length"]
        item = state["items"].gather(1, clock.clamp(max=self.most_items - 1)[:, None])[:, 0]
        # one channel for the marker and for each symbol, then one for each that can have been written last
        channel = torch.where(clock < length, item, torch.where(clock == length, 0, self.symbols + last))
        seen = torch.zeros(len(clock), self.symbols + self.writings, dtype=torch.float32, device=clock.device)
        return seen.scatter_(1, channel[:, None], 1.0)

    def _roomy(self, items: Tensor) -> Tensor:
        """What is known of each item, (B, S), with nothing behind it, (B, R), fresh."""
        return torch.cat([items, items.new_zeros(len(items), self.room - self.most_items)], 1)

    def annotate(self, state: State) -> dict[str, Tensor]:
        place, now = self.writing(state)
        target = state["targets"].gather(1, self._column(place))[:, 0]
        return {"target": target * (place >= 0), "target_mask": now & (place < state["due"])}

    def score(self, state: State) -> Tensor:
        """Whether all was written right, the end among it."""
        return (state["right"] == state["due"]).float()

    def relevance(self, state: State) -> Tensor:
        """The items that say what is due next, bool (B, R); as a stream the moments of them, (B, S + 1 + L)."""
        place, _ = self.writing(state)
        items = self._aligned(state, place)  # (B, S)
        if self.view != "stream":
            return self._roomy(items)
        return torch.cat([items, items.new_zeros(len(items), 1 + self.most_written)], 1)

    def _aligned(self, state: State, place: Tensor) -> Tensor:
        """The items that say what is due at a writing, bool (B, S)."""
        every, due = torch.arange(len(place), device=place.device), (place >= 0) & (place < state["due"])
        return state["aligned"][every, self._column(place)[:, 0]] & due[:, None]

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
        value = torch.zeros(
            self.most_written, self.writings, dtype=torch.float32
        )  # what each symbol is worth at each writing
        for place, target in enumerate(known.targets.unbind(1)):
            worth = (place < known.due) / known.due.float()
            value[place].index_add_(0, target, worth)
        value /= SAMPLE
        return best_text(value), best_chain(value)

    # ---- pictures ----

    def frame(self, index: int) -> np.ndarray:
        state = self.state
        one = {name: value[index].cpu().numpy() for name, value in state.items()}
        place, _ = self.writing(state)
        return render.passage(
            render.Page(
                source=spelt(one["items"][: one["length"]], self.source_names),
                written=spelt(one["written"][: max(0, int(place[index]))], self.written_names),
                gold=spelt(one["targets"][: one["due"]], self.written_names),
                aligned=self.relevance(state)[index, : self.most_items].cpu().numpy()[: one["length"]],
                seen=self._seen(one),
            ),
            self._lines(),
        )

    def _seen(self, one: dict[str, np.ndarray]) -> int | None:
        """The item that is seen now; None where all are, or none."""
        if self.view == "glimpse":
            return int(one["gaze"])
        return int(one["clock"]) if self.view == "stream" and one["clock"] < one["length"] else None

    def _lines(self) -> tuple[int, int]:
        """How many lines of a picture the longest passage takes, and the longest writing."""
        longest = [max(map(len, names)) for names in (self.source_names, self.written_names)]
        return render.lines_of(self.most_items, longest[0]), render.lines_of(self.most_written, longest[1])


def spelt(symbols: np.ndarray, names: Sequence[str]) -> list[str]:
    """The names of symbols, (n,)."""
    return [names[int(symbol)] for symbol in symbols]


def best_text(value: Tensor) -> Tensor:
    """The text that is worth most, where each symbol has a value at each writing and 0 ends: int64, (L,).

    Args:
        value: (L, W).
    """
    later, text = 0.0, torch.zeros(len(value), dtype=torch.int64)
    for place in reversed(range(len(value))):
        best, symbol = value[place, 1:].max(0)
        goes_on = float(best) + later
        end = float(value[place, END])
        text[place] = symbol + 1 if goes_on >= end else END
        later = max(goes_on, end)
    return text


def best_chain(value: Tensor) -> Tensor:
    """The same of those texts in which every symbol determines the next: one after the other, then one for ever.

    Args:
        value: (L, W).
    """
    best, chain = -1.0, torch.zeros(len(value), dtype=torch.int64)
    for last in range(1, value.shape[1]):
        others = value.clone()
        others[:, [END, last]] = -1.0
        text, begun = torch.full_like(chain, last), 0.0
        for place in range(len(value)):
            whole = begun + float(value[place:, last].sum())
            if whole > best:
                best, chain = whole, text.clone()
            worth, symbol = others[place].max(0)
            text[place], begun = symbol, begun + float(worth)
            others[:, symbol] = -1.0
    return chain
