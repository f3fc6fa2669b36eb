"""Universal transformer: one block of self-attention again and again, for each item as often as it wants."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from ....errors import check_range
from ..cores.pondering import Halting
from ..places import place_code
from .items import Annotated, real
from .transformer import CodedItems


class UniversalItems(CodedItems):
    """Self-attention between all items, step after step with the same weights, and adaptive computation time an item.

        H^t = LayerNorm(A^t + Transition(A^t))                                              (4)
        A^t = LayerNorm(H^{t-1} + P^t + MultiHeadSelfAttention(H^{t-1} + P^t))              (5)
        P^t_{i,2j} = sin(i / 10000^{2j/d}) + sin(t / 10000^{2j/d})                          (6)
        P^t_{i,2j+1} = cos(i / 10000^{2j/d}) + cos(t / 10000^{2j/d})                        (7)

    An item halts as a moment does in `Pondering`, whose equations are Graves's (5) to (10): with h^t = σ(W_h H^t_i +
    b_h) it takes N steps, until these have added up to 1 - ε, its annotation is Σ p^t H^t_i, and ρ = N + R is what it
    pays for. The others still attend to an item that has halted: its state is copied from step to step (section 2.2).
    The listing in the paper's appendix mixes the states of steps otherwise, and asks for h before a step.

    Args:
        size: of an item.
        units: of the residual stream.
        attention_heads: heads of the block of self-attention.
        places: whether a code of its place is added to each item; without, the items are a set.
        offset: places by which the codes of a source may be shifted while learning, drawn for each one (the paper's
            appendix), so that codes of more places are known than sources have; 0 for none.
        penalty: what a step of an item costs (Graves's τ).
        limit: steps that an item may take. On a device they are all computed: asking whether all items are ready would
            wait for it.
        fixed: takes so many steps for every item, without a say in it and at no cost, and the last one counts; 0 for
            adaptive.
        joint: whether the words of a question stand before the items, so that all are read together, as the paper reads
            stories; they are thought about as long as any item is, at no cost.

    Source:
        Dehghani et al. 2019, "Universal transformers", section 2.1 and, for halting, 2.2; the transition is fully
        connected.
    """

    def __init__(
        self,
        size: int,
        units: int = 128,
        attention_heads: int = 4,
        places: bool = True,
        offset: int = 0,
        penalty: float = 0.01,
        limit: int = 10,
        fixed: int = 0,
        joint: bool = False,
    ):
        check_range("penalty", penalty, 0.0)
        check_range("limit", limit, 1, 1000)
        check_range("fixed", fixed, 0, 1000)
        super().__init__(size, units, attention_heads, places, offset)
        self.block = nn.TransformerEncoderLayer(units, attention_heads, 4 * units, 0.0, batch_first=True)
        self.penalty, self.limit, self.fixed, self.reads_query = penalty, limit, fixed, joint
        self.ponders = not fixed
        self.halt = None if fixed else nn.Linear(units, 1)
        if self.halt is not None:
            nn.init.ones_(self.halt.bias)  # as in `Pondering`

    def forward(
        self,
        items: Float[Tensor, "batch length size"],
        length: Int[Tensor, " batch"],
        query: Float[Tensor, "batch words size"] | None = None,
    ) -> Float[Tensor, "batch length annotation"]:
        return self.annotated(items, length, query).what

    def annotated(
        self,
        items: Float[Tensor, "batch length size"],
        length: Int[Tensor, " batch"],
        query: Float[Tensor, "batch words size"] | None = None,
    ) -> Annotated:
        asked = 0 if query is None else query.shape[1]
        there = real(items, length)[..., 0] > 0  # (B, L)
        # of an empty source something must be attended to
        hidden = F.pad(real(items, length.clamp(min=1))[..., 0] == 0, (asked, 0))  # (B, Q + L)
        x = self.embed(items if query is None else torch.cat([query, items], 1))  # H^0, (B, Q + L, D)
        places = self.codes(x) if self.places else torch.zeros_like(x[:1])

        def step(number: int, x: Tensor) -> Tensor:
            code = place_code(torch.full((), number, device=x.device), x.shape[2], x.dtype)
            return self.block(x + places + code, src_key_padding_mask=hidden)  # eqs. 4 to 7

        if self.fixed:
            for number in range(1, self.fixed + 1):
                x = step(number, x)
            return Annotated(x[:, asked:])
        assert self.halt is not None
        halting, what = Halting.begun(there, x), x.new_zeros(())
        for number in range(1, self.limit + 1):
            going = halting.going
            thinking = torch.cat([going.any(1, keepdim=True).expand(-1, asked), going], 1)  # (B, Q + L)
            x = torch.where(thinking[..., None], step(number, x), x)  # section 2.2: the others are copied
            now = x[:, asked:]  # (B, L, D)
            p, halting = halting.after(self.halt(now)[..., 0].sigmoid(), number == self.limit)
            what = what + p[..., None] * now  # Graves's eq. 9
            if halting.over:
                break
        return Annotated(what, halting.ponder)
