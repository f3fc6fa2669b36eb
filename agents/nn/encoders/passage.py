"""The encoder of a passage: the part `source` of an observation, read once an episode."""

from collections import OrderedDict

from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional as F

from ....errors import FoveateError
from ....tree import Tree
from ..cores.base import Source, used_room
from .items import ItemEncoder
from .observations import SourceEncoder

SOURCE, LENGTH = "source", "length"  # the parts of an observation that are read


class PassageEncoder(SourceEncoder):
    """Embeds the symbols of a passage, and annotates them.

    Args:
        space: of observations, see `symbols_of`.
        embedding: what makes numbers of symbols; its first is of no symbol.
        encoder: from what is embedded to annotations.
    """

    def __init__(self, space: spaces.Space, embedding: nn.Module, encoder: ItemEncoder):
        super().__init__()
        self.max_length = self.room(space)
        self.embedding, self.encoder = embedding, encoder
        self.item_size = encoder.annotation_size

    @staticmethod
    def room(space: spaces.Space) -> int:
        """How many items observations have room for."""
        return symbols_of(space)[0]

    @staticmethod
    def items(observation: Tree) -> tuple[Tensor, Tensor]:
        """The items of the source, (B, L, …), and how many they are, (B,)."""
        symbols = observation[SOURCE].long()  # (B, L)
        return symbols, (symbols != 0).sum(1)

    def forward(self, observation: Tree) -> Source:
        items, length = self.items(observation)
        longest = used_room(length, self.max_length)  # nothing is computed for the room behind it
        annotations = self.encoder(self.embedding(items[:, :longest]), length)
        return Source(F.pad(annotations, (0, 0, 0, self.max_length - longest)), length)


class NumbersEncoder(PassageEncoder):
    """Embeds items that are vectors of numbers, and annotates them; arguments as in `PassageEncoder`."""

    @staticmethod
    def room(space: spaces.Space) -> int:
        return numbers_of(space)[0]

    @staticmethod
    def items(observation: Tree) -> tuple[Tensor, Tensor]:
        return observation[SOURCE].float(), observation[LENGTH].long()


def has_numbers(space: spaces.Space) -> bool:
    """Whether the passages in observations of a space are of vectors of numbers."""
    return isinstance(space, spaces.Dict) and isinstance(space.spaces.get(SOURCE), spaces.Box)


def parts_beside(space: spaces.Space) -> "OrderedDict[str, spaces.Space]":
    """What is observed beside the passage."""
    assert isinstance(space, spaces.Dict)
    read = (SOURCE, LENGTH) if has_numbers(space) else (SOURCE,)
    return OrderedDict((name, part) for name, part in space.spaces.items() if name not in read)


def numbers_of(space: spaces.Space) -> tuple[int, int]:
    """How long the passages of numbers in observations of a space can be, and how many numbers an item has.

    Raises:
        FoveateError: observations don't say how long a passage is, or have nothing beside it.
    """
    parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {}
    part, length = parts.get(SOURCE), parts.get(LENGTH)
    if not isinstance(part, spaces.Box) or len(part.shape) != 2 or not isinstance(length, spaces.Discrete):
        raise FoveateError(
            "this agent reads items of numbers: observations must be a Dict with a part 'source', Box of shape (L, D), "
            f"a part 'length', Discrete, and others, got {space}. For Sequence worlds use view=\"whole\"."
        )
    return part.shape[0], part.shape[1]


def symbols_of(space: spaces.Space) -> tuple[int, int]:
    """How long the passages in observations of a space can be, and how many symbols there are, that for none included.

    Raises:
        FoveateError: observations have no part `source` of symbols.
    """
    parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {}
    part = parts.get(SOURCE)
    if not isinstance(part, spaces.MultiDiscrete) or part.nvec.ndim != 1 or part.start.any() or len(parts) < 2:
        raise FoveateError(
            "this agent reads a passage: observations must be a Dict with a part 'source', MultiDiscrete from 0 on "
            f'(0 for no symbol), beside others, got {space}. For Sequence worlds use view="whole".'
        )
    return len(part.nvec), int(part.nvec.max())
