"""The contract of a core."""

from typing import ClassVar, Generic, NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .... import tree

State = tuple["Tensor | State | None", ...]  # a NamedTuple of tensors (B, …); it may hold other NamedTuples
S = TypeVar("S", bound=tuple)
Named = dict[str, Tensor]


class Source(NamedTuple):
    """What an encoder has read of a whole source (an image, a sentence, a pen trace), once an episode.

    Attributes:
        items: float, (B, L, D), one vector for each place or symbol, padded to L.
        length: int64, (B,), how many of them are real; the others must never count.
        query: float, (B, U), what is asked about it; None where it comes without a query.
        ponder: float, (B, L), how long each item was thought about; None of an encoder that doesn't choose.
    """

    items: Float[Tensor, "batch length size"]
    length: Int[Tensor, " batch"]
    query: Float[Tensor, "batch query"] | None = None
    ponder: Float[Tensor, "batch length"] | None = None

    def mask(self) -> Bool[Tensor, "batch length"]:
        """Which items are real, bool (B, L)."""
        return torch.arange(self.items.shape[1], device=self.length.device) < self.length[:, None]

    def cleared(self) -> "Source":
        """With zeros behind the end: what stands there has weight zero, but zero times NaN is NaN."""
        return self._replace(items=torch.where(self.mask()[..., None], self.items, 0.0))

    def answering(self) -> "Source":
        """Cleared, and never empty: of an empty source, which nobody asks about, a softmax must be finite too."""
        return self._replace(length=self.length.clamp(min=1)).cleared()

    def compact(self) -> "Source":
        """Without the room behind the longest; on a device, which one would have to wait for, with it."""
        return self._replace(items=self.items[:, : used_room(self.length, self.items.shape[1])])


def used_room(length: Int[Tensor, " batch"], room: int) -> int:
    """How many items the longest source has, at least 1; on a device, where asking would wait, as many as fit.

    Args:
        length: of each source.
        room: items that there is room for.
    """
    return max(1, int(length.max())) if length.device.type == "cpu" else room


class CoreOutput(NamedTuple, Generic[S]):
    """What a core says of a sequence (of one moment: without T).

    Attributes:
        y: float, (T, B, output_size).
        state: after the last step.
        losses: the core's own costs by name, (T, B), already weighted by the core's options (the ponder cost of
            adaptive computation time, say). Whoever trains the core adds them to the loss.
        records: what was attended to, by name, (T, B, …); empty where nobody asked.
    """

    y: Tensor
    state: S
    losses: Named
    records: Named


class Core(nn.Module, Generic[S]):
    """A recurrent function of tensors; it keeps no state of its own.

    Attributes:
        output_size: the size of y.
        needs_source: whether `forward` also takes ``source``, the episode's `Source`, to attend to.
    """

    output_size: int
    needs_source: ClassVar[bool] = False

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> S:
        """The state before an episode, a NamedTuple of tensors (B, …); it may hold the states of inner cores."""
        raise NotImplementedError

    def forward(
        self,
        x: Float[Tensor, "time batch features"],
        state: S,
        starts: Bool[Tensor, "time batch"],
        record: bool = False,
    ) -> CoreOutput[S]:
        """Run over a sequence. A call over T steps equals T calls over one step each.

        Args:
            x: float, (T, B, input_size).
            state: the state before the first step.
            starts: bool, (T, B): where an episode starts, the initial state is written before the step (a
                multiplication by zero would keep a NaN).
            record: also say what was attended to at each step, where the core attends to anything.
        """
        raise NotImplementedError

    def runs_through(self, starts: Bool[Tensor, "time batch"]) -> bool:
        """Whether `forward` runs over such a sequence at once, as if no episode started inside it.

        Args:
            starts: where episodes start.
        """
        return False


def reset_where(state: S, fresh: S, starts: Bool[Tensor, " batch"]) -> S:
    """The state with `fresh`, another of as many rows, written where `starts`, bool (B,), is True."""
    return tree.where(starts, fresh, state)


def begun(core: "Core[S]", state: S, starts: Bool[Tensor, " batch"]) -> S:
    """The state with the core's initial one written where `starts`, bool (B,), is True.

    On a host, where asking costs less than writing, nothing is written where all rows are alike.
    """
    if starts.device.type == "cpu":
        count = int(starts.count_nonzero())
        if not count:
            return state
        if count == len(starts):
            fresh = core.initial_state(count, starts.device)
            # a view of a weight requires a gradient even where there are none
            return fresh if torch.is_grad_enabled() else tree.map(Tensor.detach, fresh)
    return reset_where(state, core.initial_state(len(starts), starts.device), starts)


class NoState(NamedTuple):
    """The state of a core without memory: nothing."""


class Feedforward(Core[NoState]):
    """No recurrence: y = x. For agents that see everything at once."""

    def __init__(self, input_size: int, hidden: int):
        super().__init__()
        self.output_size = input_size

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> NoState:
        return NoState()

    def forward(
        self,
        x: Float[Tensor, "time batch features"],
        state: NoState,
        starts: Bool[Tensor, "time batch"],
        record: bool = False,
    ) -> CoreOutput[NoState]:
        return CoreOutput(x, state, {}, {})
