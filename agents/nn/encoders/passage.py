"""The encoder of a passage: the part `source` of an observation, read once an episode."""

from gymnasium import spaces
from torch import nn
from torch.nn import functional as F

from ....errors import FoveateError
from ....tree import Tree
from ..cores.base import Source, used_room
from .items import ItemEncoder
from .observations import SourceEncoder

SOURCE = "source"  # the part of an observation that is read


class PassageEncoder(SourceEncoder):
    """Embeds the symbols of a passage, and annotates them.

    Args:
        space: of observations, see `symbols_of`.
        embedding: what makes numbers of symbols; its first is of no symbol.
        encoder: from what is embedded to annotations.
    """

    def __init__(self, space: spaces.Space, embedding: nn.Embedding, encoder: ItemEncoder):
        super().__init__()
        self.max_length, _ = symbols_of(space)
        self.embedding, self.encoder = embedding, encoder
        self.item_size = encoder.annotation_size

    def forward(self, observation: Tree) -> Source:
        symbols = observation[SOURCE].long()  # (B, L)
        length = (symbols != 0).sum(1)
        longest = used_room(length, self.max_length)  # nothing is computed for the room behind it
        annotations = self.encoder(self.embedding(symbols[:, :longest]), length)
        return Source(F.pad(annotations, (0, 0, 0, self.max_length - longest)), length)


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
