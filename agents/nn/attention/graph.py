"""Attention between nodes of a graph: one node asks, and the items of a source are its neighbours."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ....errors import check_range
from ..cores.base import Source
from .items import ItemAttention, Reading

SLOPE = 0.2  # of the LeakyReLU below zero, in both papers


class Neighbours(NamedTuple):
    """What is known of the neighbours j.

    Attributes:
        values: W h_j, (B, L, heads, D).
        side: aᵀ W h_j, their term of the static score, (B, L, heads).
        there: which there are, bool (B, L).
    """

    values: Tensor
    side: Tensor
    there: Tensor


class GraphItems(ItemAttention[Neighbours]):
    """Graph attention: what is emitted is node i, h_i, and the annotations are its neighbours, h_j.

        e_ij = LeakyReLU(aᵀ [W h_i ‖ W h_j])      (1), (3)    static: Veličković et al. 2018, "Graph attention networks"
        e_ij = aᵀ LeakyReLU(W [h_i ‖ h_j])        (7)         dynamic: Brody et al. 2022, "How attentive are GATs?"
        α_ij = softmax_j(e_ij)                    (2)
        h'_i = ‖_k Σ_j α_ij W h_j                 (4), (5)

    In the static order the score is a monotone function of a term of i plus a term of j, so all nodes rank their
    neighbours alike, whatever they ask for.

    Args:
        item_size: of an annotation, and of h_i.
        state_size: of the controller's state.
        graph_units: size of each head's projection W h, D.
        heads: attention mechanisms side by side.
        dynamic: score as GATv2 does, with the nonlinearity before a, instead of as GAT.
    """

    def __init__(self, item_size: int, state_size: int, graph_units: int = 64, heads: int = 1, dynamic: bool = True):
        super().__init__()
        check_range("graph_units", graph_units, 1)
        check_range("heads", heads, 1)
        self.heads, self.emitted_size, self.reading_size = heads, item_size, heads * graph_units
        self.other = nn.Linear(item_size, heads * graph_units, bias=False)  # W, or the half of it that takes h_j
        self.own = nn.Linear(item_size, heads * graph_units, bias=False) if dynamic else None  # the half that takes h_i
        self.a = nn.Parameter(torch.randn(heads, graph_units) / graph_units**0.5)  # or the half for W h_j
        self.a_own = None if dynamic else nn.Parameter(torch.randn(heads, graph_units) / graph_units**0.5)

    def prepare(self, source: Source) -> Neighbours:
        known = source.answering()
        values = self.other(known.items).unflatten(-1, (self.heads, -1))
        return Neighbours(values, (values * self.a).sum(-1), known.mask())

    def look(self, prepared: Neighbours, emitted: Tensor) -> Reading:
        own = (self.other if self.own is None else self.own)(emitted).unflatten(-1, (self.heads, -1))[:, None]
        if self.a_own is None:
            e = (F.leaky_relu(own + prepared.values, SLOPE) * self.a).sum(-1)  # eq. 7, (B, L, heads)
        else:
            e = F.leaky_relu((own * self.a_own).sum(-1) + prepared.side, SLOPE)  # eq. 3
        weights = torch.softmax(e.masked_fill(~prepared.there[..., None], -torch.inf), 1)  # eq. 2
        weights = self.counted(weights.transpose(1, 2)).transpose(1, 2)
        what = torch.einsum("blh,blhd->bhd", weights, prepared.values)  # eq. 4
        return Reading(what.flatten(1), weights.transpose(1, 2))
