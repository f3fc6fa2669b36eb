"""From the items of a source to annotations: what each is among the others (Bahdanau et al. 2014, section 3.2)."""

from typing import ClassVar, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ....errors import check_range
from ..cores.recurrent import run_gru
from ..places import place_code


class Annotated(NamedTuple):
    """What is known of a source's items.

    Attributes:
        what: the annotations, (B, ⌈L / shrink⌉, A).
        ponder: how long each item was thought about, (B, L), 0 behind the end; None of an encoder that doesn't say.
    """

    what: Float[Tensor, "batch annotations annotation"]
    ponder: Float[Tensor, "batch length"] | None = None


class ItemEncoder(nn.Module):
    """Reads all items of a source at once.

    The constructor takes the size of an item, then options. What stands behind a source's end is never read into an
    annotation of an item before it; annotations behind the end may be anything.

    Attributes:
        annotation_size: A, numbers of an annotation.
        shrink: how many neighbouring items have one annotation; the last one may have fewer.
        reads_words: whether items that are sentences are read word by word, (B, L, W, D), and not as one vector each.
        reads_query: whether items are read together with the question about them: `forward` then also gets its words,
            (B, Q, D), and annotations are all that knows them.
        ponders: whether it takes as many steps for each item as it wants: `annotated` then says how many.
        penalty: what such a step costs.
    """

    annotation_size: int
    shrink: int = 1
    reads_words: ClassVar[bool] = False
    reads_query: bool = False
    ponders: bool = False
    penalty: float = 0.0

    def forward(
        self, items: Float[Tensor, "batch length size"], length: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch annotations annotation"]:
        """The annotations of items (B, L, D), of which `length`, (B,), are real: (B, ⌈L / shrink⌉, A)."""
        raise NotImplementedError

    def annotated(
        self,
        items: Float[Tensor, "batch length ..."],
        length: Int[Tensor, " batch"],
        query: Float[Tensor, "batch words size"] | None = None,
    ) -> Annotated:
        """The annotations, and how long each item was thought about where that differs; arguments as of `forward`."""
        return Annotated(self(items, length) if query is None else self(items, length, query))


def real(items: Float[Tensor, "batch length size"], length: Int[Tensor, " batch"]) -> Float[Tensor, "batch length 1"]:
    """1 for each real item, 0 behind the end, (B, L, 1)."""
    there = torch.arange(items.shape[1], device=items.device) < length[:, None]
    return there[..., None].to(items.dtype)


class PlainItems(ItemEncoder):
    """The items themselves: no annotation knows of the others, nor of its place."""

    def __init__(self, size: int):
        super().__init__()
        self.annotation_size = size

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        return items


class PositionItems(ItemEncoder):
    """The items beside a code of their places."""

    def __init__(self, size: int):
        super().__init__()
        self.annotation_size = 2 * size

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        code = place_code(torch.arange(items.shape[1], device=items.device), items.shape[2], items.dtype)
        return torch.cat([items, code.expand(len(items), -1, -1)], -1)


class DirectedItems(ItemEncoder):
    """A recurrent network over the items, and another from the end to the beginning: what an item is in its context.

    Args:
        size: of an item.
        units: of the network; of each direction where it reads in both, and an annotation has both.
        directions: 2, or 1 for the one that reads forwards only.

    Attributes:
        network: of each direction.
    """

    network: ClassVar[type[nn.GRU | nn.LSTM]]

    def __init__(self, size: int, units: int = 128, directions: Literal[1, 2] = 2):
        super().__init__()
        check_range("units", units, 1)
        check_range("directions", directions, 1, 2)
        self.directions = directions
        self.ahead = self.network(size, units)
        self.back = self.network(size, units) if directions == 2 else None
        self.annotation_size = directions * units

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        items = items.transpose(0, 1)  # (L, B, D)
        ahead = self.run(self.ahead, items)  # (L, B, units)
        if self.back is None:
            return ahead.transpose(0, 1)
        turn = turned(length, len(items)).mT[..., None]  # (L, B, 1)
        back = self.run(self.back, items.gather(0, turn.expand_as(items)))
        return torch.cat([ahead, back.gather(0, turn.expand_as(back))], -1).transpose(0, 1)

    def run(
        self, network: nn.Module, items: Float[Tensor, "length batch size"]
    ) -> Float[Tensor, "length batch annotation"]:
        """What one direction's network says of items that it reads in their order."""
        y, _ = network(items)
        return y


class GRUItems(DirectedItems):
    """GRUs, as in Bahdanau et al. 2014."""

    network = nn.GRU

    def run(self, network: nn.Module, items: Tensor) -> Tensor:
        assert isinstance(network, nn.GRU)
        before = items.new_zeros(1, items.shape[1], network.hidden_size)
        return run_gru(network, items, before)[0]


class LSTMItems(DirectedItems):
    """LSTMs, as in Hermann et al. 2015."""

    network = nn.LSTM


def turned(length: Int[Tensor, " batch"], count: int) -> Int[Tensor, "batch count"]:
    """Where each item is found in its source read backwards, int64 (B, count); what is behind the end stays there."""
    place = torch.arange(count, device=length.device)[None]
    return torch.where(place < length[:, None], length[:, None] - 1 - place, place)


class MemoryItems(ItemEncoder):
    """The items, each with a learned code of how long ago it was, the newest first: T of section 4.1.

    Args:
        size: of an item.
        ages: number of age codes; what is older shares the last.

    Source:
        Sukhbaatar et al. 2015, "End-to-end memory networks".
    """

    def __init__(self, size: int, ages: int = 64):
        super().__init__()
        check_range("ages", ages, 1)
        self.code = nn.Embedding(ages, size)
        nn.init.normal_(self.code.weight, std=0.1)  # as the paper begins all weights
        self.annotation_size = size

    def forward(self, items: Tensor, length: Tensor) -> Tensor:
        place = torch.arange(items.shape[1], device=items.device)
        age = (length[:, None] - 1 - place).clamp(0, self.code.num_embeddings - 1)
        return items + self.code(age)
