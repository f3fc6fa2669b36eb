"""Attention by location to the items of a source: a soft window that moves along them (Graves 2013)."""

from typing import NamedTuple

import torch
from torch import Tensor

from ....errors import check_range
from ..bounds import bounded
from ..cores.base import Source
from .items import ItemAttention, Reading


class Row(NamedTuple):
    """A source in a row.

    Attributes:
        items: (B, L, D), zero where there is none.
        there: which items there are, 0 or 1, (B, L).
    """

    items: Tensor
    there: Tensor


class WindowItems(ItemAttention[Row]):
    """A mixture of K bumps over the places of the items, which moves on by what is emitted, and never back.

        α = exp(α̂)   β = exp(β̂)   κ_t = κ_{t-1} + exp(κ̂)
        φ(t, u) = Σ_k α_k exp(-β_k (κ_k - u)²)
        w_t = Σ_u φ(t, u) c_u

    Args:
        item_size: of an item c_u, or of what annotates it.
        state_size: of the controller's state.
        bumps: number of bumps in the window, K.
        pace: items that each bump moves on in a moment, before anything is learned. A window that outruns the items
            has no gradient any more, so it begins slowly.
        normalised: divide φ by its sum over u, which makes it a distribution over the items.

    Source:
        Graves 2013, "Generating sequences with recurrent neural networks", section 5.1. There u counts from 1 and κ
        begins at 0; here both begin at 0, so that the window begins at the first item.
    """

    def __init__(self, item_size: int, state_size: int, bumps: int = 10, pace: float = 0.08, normalised: bool = False):
        super().__init__()
        check_range("bumps", bumps, 1)
        self.bumps, self.pace, self.normalised = bumps, check_range("pace", pace, 1e-6, 1e3), normalised
        self.emitted_size, self.reading_size = 3 * bumps, item_size

    def initial(self) -> Tensor:
        emitted = torch.zeros(3, self.bumps)
        emitted[2] = torch.tensor(self.pace).log()
        return emitted.flatten()

    def advance(self, before: Tensor, emitted: Tensor) -> Tensor:
        """The window (α̂, β̂, κ_t) after (α̂, β̂, κ̂) was emitted, from the one before, each (B, 3 K)."""
        alpha, beta, step = emitted.chunk(3, -1)
        kappa = before.chunk(3, -1)[2] + bounded(step).exp()  # eq. 51
        return torch.cat([alpha, beta, kappa], -1)

    def prepare(self, source: Source) -> Row:
        return Row(source.cleared().items, source.mask().to(source.items.dtype))

    def look(self, prepared: Row, emitted: Tensor) -> Reading:
        alpha, beta, kappa = emitted.unflatten(-1, (3, self.bumps)).unbind(-2)  # (B, K)
        alpha, beta = bounded(alpha).exp(), bounded(beta).exp()  # eqs. 49, 50
        u = torch.arange(prepared.there.shape[1], device=emitted.device, dtype=emitted.dtype)  # (L,)
        bump = (-beta[..., None] * (kappa[..., None] - u).square()).exp()  # (B, K, L)
        weights = (alpha[..., None] * bump).sum(1) * prepared.there  # φ, eq. 46: (B, L)
        if self.normalised:
            weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-6)
        weights = self.counted(weights[:, None])  # (B, 1, L)
        return Reading((weights @ prepared.items)[:, 0], weights)  # w_t, eq. 47
