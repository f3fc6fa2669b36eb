"""A head that points: a softmax over the items of the source."""

import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional as F

from ....errors import FoveateError
from ..attention.content import AdditiveScore
from ..cores.base import Source
from .categorical import Softmax


class PointerHead(Softmax):
    """`Discrete`: a softmax over the end, which is the first number, and the items of the source, which follow.

        u_j = vᵀ tanh(W1 e_j + W2 d)          (3)
        p = softmax(u)                        (3)

    How many numbers there are is how many items the source has, so the weights fit sources of any length. The end has
    an e_0 of its own, which is learned.

    Args:
        features: size of d, (…, H).
        space: of the numbers: one for the end, and one for each item that the source has room for.
        item: size of e_j.
        units: of v.

    Source:
        Vinyals, Fortunato & Jaitly 2015, "Pointer networks", section 2.3.
    """

    needs_source = True

    def __init__(self, features: int, space: spaces.Discrete, item: int, units: int = 128):
        super().__init__(space)
        self.score = AdditiveScore(features, item, units)
        self.end = nn.Parameter(0.1 * torch.randn(item))

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        assert source is not None
        if source.items.shape[1] != self.count - 1:
            raise FoveateError(
                f"{self.count} numbers are not allowed for a source of {source.items.shape[1]} items: "
                "a pointer has one for each, and one for the end."
            )
        known = source.compact().cleared()
        e = torch.cat([self.end.expand(len(known.items), 1, -1), known.items], 1)  # (B, 1 + L, A)
        d = features.transpose(0, 1) if features.ndim == 3 else features[:, None]  # (B, T, H)
        u = self.score(d, e)  # (B, T, 1 + L), eq. 3
        allowed = F.pad(known.mask(), (1, 0), value=True)[:, None]
        u = F.pad(u.masked_fill(~allowed, -torch.inf), (0, self.count - u.shape[-1]), value=-torch.inf)
        return u.transpose(0, 1) if features.ndim == 3 else u[:, 0]
