"""Items read together with a question about them: attention in both directions between the two."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ....errors import check_range
from ..attention.content import weighted_sum
from .items import GRUItems, ItemEncoder


class FlowItems(ItemEncoder):
    """Bidirectional attention flow: each item knows which words of the question fit it, and all know the question.

        S_tj = wᵀ [h_t; u_j; h_t ∘ u_j]                         (1)
        ũ_t = Σ_j softmax_j(S_tj) u_j                           context to query
        h̃ = Σ_t softmax_t(max_j S_tj) h_t                       query to context
        g_t = [h_t; ũ_t; h_t ∘ ũ_t; h_t ∘ h̃]                    (2)

    h and u are what networks in both directions say of items and question, m what others say of g; an annotation is
    [g; m], as in (3).

    Args:
        size: of an item, and of a word of the question.
        units: d, of each direction.

    Source:
        Seo et al. 2017, "Bidirectional attention flow for machine comprehension", section 2, with GRUs for LSTMs, one
        layer of them for two above g, and no embeddings of letters.
    """

    reads_query = True

    def __init__(self, size: int, units: int = 128):
        super().__init__()
        check_range("units", units, 1)
        self.context = GRUItems(size, units)
        both = self.context.annotation_size  # 2 d
        self.of_item, self.of_word = nn.Linear(both, 1, bias=False), nn.Linear(both, 1, bias=False)
        self.of_both = nn.Parameter(torch.empty(both))
        nn.init.uniform_(self.of_both, -(both**-0.5), both**-0.5)
        self.model = GRUItems(4 * both, units)
        self.annotation_size = 5 * both

    def forward(
        self,
        items: Float[Tensor, "batch length size"],
        length: Int[Tensor, " batch"],
        query: Float[Tensor, "batch words size"] | None = None,
    ) -> Float[Tensor, "batch length annotation"]:
        assert query is not None
        h = self.context(items, length)  # (B, L, 2 d)
        u = self.context(query, torch.full_like(length, query.shape[1]))  # (B, Q, 2 d)
        similarity = self.of_item(h) + self.of_word(u).mT + (h * self.of_both) @ u.mT  # (B, L, Q), eq. 1
        asked = weighted_sum(similarity.softmax(-1), u)  # ũ, (B, L, 2 d)
        fits = similarity.amax(-1)  # (B, L)
        there = torch.arange(items.shape[1], device=length.device) < length.clamp(min=1)[:, None]
        told = weighted_sum(fits.masked_fill(~there, -torch.inf).softmax(-1)[:, None], h)  # h̃, (B, 1, 2 d)
        g = torch.cat([h, asked, h * asked, h * told], -1)  # (B, L, 8 d), eq. 2
        return torch.cat([g, self.model(g, length)], -1)
