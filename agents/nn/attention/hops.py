"""Several readings one after the other, each asked by what the one before found (Sukhbaatar et al. 2015)."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ....errors import FoveateError, check_range
from ..cores.base import Source
from .items import ItemAttention, Reading


class Memories(NamedTuple):
    """What is known of each item.

    Attributes:
        codes: (B, codes, L, d).
        there: which items there are, bool (B, L).
        linear: whether readings go without the softmax.
    """

    codes: Float[Tensor, "batch codes items size"]
    there: Bool[Tensor, "batch items"]
    linear: bool


class HopItems(ItemAttention[Memories]):
    """K hops over memories: each finds what fits the question, and adds it to the question of the next.

        p_i = softmax(uᵀ m_i)   (1)    o = Σ_i p_i c_i   (2)    u_{k+1} = u_k + o_k   (4)

    What is read is u_{K+1} = o_K + u_K, from which eq. 3 answers. An annotation holds the input and output codes m and
    c of its item side by side: with "adjacent" tying the output of one hop is the input of the next, c_k = m_{k+1}, so
    there are K + 1 of them; with "layer-wise" tying all hops share the two, and u_{k+1} = H u_k + o_k (section 2.2).
    Where what is asked has as many numbers as a code, it is u_1 itself (so B = A_1, as the paper ties them).

    Args:
        item_size: of an annotation, all codes of it.
        state_size: of the controller's state.
        hops: number of readings, K.
        tying: "adjacent" or "layer-wise".
        linear_start: updates in the beginning without the softmax of eq. 1 (section 4.2, "LS"), which else may never
            leave a poor start.
    """

    takes_query = True
    updates: Tensor

    def __init__(
        self,
        item_size: int,
        state_size: int,
        hops: int = 3,
        tying: Literal["adjacent", "layer-wise"] = "adjacent",
        linear_start: int = 0,
    ):
        super().__init__()
        check_range("hops", hops, 1)
        self.linear_start = check_range("linear_start", linear_start, 0)
        count = self.codes(hops=hops, tying=tying)
        if item_size % count:
            raise FoveateError(
                f"hops={hops} is not allowed with annotations of {item_size} numbers: with tying={tying!r} these must "
                f"be a multiple of {count}, the codes of each item."
            )
        self.hops, self.count = hops, count
        self.emitted_size = self.reading_size = item_size // count
        self.turn = nn.Linear(self.reading_size, self.reading_size, bias=False) if tying == "layer-wise" else None
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @classmethod
    def codes(cls, **options: object) -> int:
        return 2 if options.get("tying") == "layer-wise" else int(str(options.get("hops", 3))) + 1

    def count_update(self) -> None:
        """As of `CountsUpdates`."""
        self.updates.add_(1).clamp_(max=self.linear_start)

    def prepare(self, source: Source) -> Memories:
        known = source.answering()
        linear = bool(self.linear_start) and int(self.updates) < self.linear_start
        return Memories(known.items.unflatten(-1, (self.count, -1)).transpose(1, 2), known.mask(), linear)

    def look(self, prepared: Memories, emitted: Tensor) -> Reading:
        u, weights = emitted, []
        for k in range(self.hops):
            m, c = prepared.codes[:, k if self.turn is None else 0 :][:, :2].unbind(1)
            fits = (m @ u[..., None])[..., 0]  # uᵀ m_i, (B, L)
            if prepared.linear:
                p = fits.masked_fill(~prepared.there, 0.0)
            else:
                p = torch.softmax(fits.masked_fill(~prepared.there, -float("inf")), -1)  # eq. 1
            p = self.counted(p[:, None])[:, 0]
            o = (p[:, None] @ c)[:, 0]  # eq. 2
            u = (u if self.turn is None else self.turn(u)) + o  # eq. 4
            weights.append(p)
        return Reading(u, torch.stack(weights, 1))
