"""Dynamic memory allocation and temporal links of the differentiable neural computer, as pure functions.

Graves et al. 2016, "Hybrid computing using a neural network with dynamic external memory", Methods. R read heads,
N rows.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from .addressing import TINY

EPSILON = 1e-6


def retention(
    free_gates: Float[Tensor, "batch reads"], read_weights: Float[Tensor, "batch reads rows"]
) -> Float[Tensor, "batch rows"]:
    """ψ_t = Π_i (1 - f_t^i w_{t-1}^{r,i}): how much of each row no free gate releases.

    Args:
        free_gates: in [0, 1], (B, R).
        read_weights: of the step before, (B, R, N).

    Returns:
        (B, N) in [0, 1].
    """
    return (1 - free_gates[..., None] * read_weights).prod(-2)


def next_usage(
    usage: Float[Tensor, "batch rows"],
    write_weights: Float[Tensor, "batch rows"],
    retained: Float[Tensor, "batch rows"],
) -> Float[Tensor, "batch rows"]:
    """u_t = (u_{t-1} + w_{t-1}^w - u_{t-1} ∘ w_{t-1}^w) ∘ ψ_t, each (B, N), in [0, 1]."""
    return (usage + write_weights - usage * write_weights) * retained


def allocation_weights(usage: Float[Tensor, "batch rows"]) -> Float[Tensor, "batch rows"]:
    """a_t[φ_j] = (1 - u_t[φ_j]) Π_{i<j} u_t[φ_i], φ the rows sorted by rising usage: the freest row gets most.

    Among rows of equal usage, such as all of an empty memory, the first comes first.

    Args:
        usage: in [0, 1], (B, N).

    Returns:
        (B, N), non-negative, with a sum of at most 1.
    """
    usage = EPSILON + (1 - EPSILON) * usage  # a product of zeros has no useful gradient
    sorted_usage, order = usage.sort(dim=-1, stable=True)  # else ties would fall by the processor's vector width
    # Π_{i<j} u[φ_i], (B, N); a sum up to j less its last term would leave a free row's gradient to rounding
    before = F.pad(sorted_usage.log()[..., :-1], (1, 0)).cumsum(-1).exp()
    return torch.zeros_like(usage).scatter(-1, order, (1 - sorted_usage) * before)


def write_weighting(
    content: Float[Tensor, "batch rows"],
    allocation: Float[Tensor, "batch rows"],
    allocation_gate: Float[Tensor, "batch 1"],
    write_gate: Float[Tensor, "batch 1"],
) -> Float[Tensor, "batch rows"]:
    """w_t^w = g_t^w [g_t^a a_t + (1 - g_t^a) c_t^w].

    Args:
        content: (B, N).
        allocation: (B, N).
        allocation_gate: in [0, 1], (B, 1).
        write_gate: in [0, 1], (B, 1).
    """
    return write_gate * torch.lerp(content, allocation, allocation_gate)


def next_precedence(
    precedence: Float[Tensor, "batch rows"], write_weights: Float[Tensor, "batch rows"]
) -> Float[Tensor, "batch rows"]:
    """p_t = (1 - Σ_i w_t^w[i]) p_{t-1} + w_t^w, each (B, N): how far each row was the last one written."""
    return (1 - write_weights.sum(-1, keepdim=True)) * precedence + write_weights


def next_link(
    link: Float[Tensor, "batch rows rows"],
    precedence: Float[Tensor, "batch rows"],
    write_weights: Float[Tensor, "batch rows"],
) -> Float[Tensor, "batch rows rows"]:
    """L_t[i, j] = (1 - w_t^w[i] - w_t^w[j]) L_{t-1}[i, j] + w_t^w[i] p_{t-1}[j], zero on the diagonal.

    L[i, j] is how far row i was written right after row j.

    Args:
        link: (B, N, N).
        precedence: of the step before, (B, N).
        write_weights: of this step, (B, N).
    """
    w = write_weights[..., None]  # (B, N, 1)
    kept = link * ((1 - w) - w.mT)
    off_diagonal = 1 - torch.eye(link.shape[-1], dtype=link.dtype, device=link.device)
    return torch.baddbmm(kept, w, precedence[:, None, :]) * off_diagonal


class SparseLink(NamedTuple):
    """The K strongest links of each row: L[i, columns[i, k]] = values[i, k]."""

    values: Float[Tensor, "batch rows links"]
    columns: Int[Tensor, "batch rows links"]


def next_sparse_link(
    link: SparseLink, precedence: Float[Tensor, "batch rows"], write_weights: Float[Tensor, "batch rows"]
) -> SparseLink:
    """`next_link` in O(N K²): precedence is cut to its K largest entries, and each row keeps its K strongest links.

    After the sparse link matrix of Graves et al. 2016, Methods; rows are cut by strength instead of at 1/K, so that
    the size of the state is fixed. Of equal entries the first are kept, the old before the new.
    """
    keep = link.values.shape[-1]
    preceding, preceding_row = _largest(precedence, keep)  # (B, K)
    rows = write_weights.shape[-1]
    at_column = write_weights[:, None, :].expand(-1, rows, -1).gather(-1, link.columns)  # w[j], (B, N, K)
    old = link.values * (1 - write_weights[..., None] - at_column)
    new = write_weights[..., None] * preceding[:, None, :]  # (B, N, K)
    new_columns = preceding_row[:, None, :].expand(-1, rows, -1)
    itself = torch.arange(rows, device=new.device)[None, :, None]
    new = torch.where(new_columns == itself, 0.0, new)  # zero on the diagonal
    # where a new link has the column of an old one, they are the same entry of L
    same = (link.columns[..., :, None] == new_columns[..., None, :]).to(new.dtype)  # (B, N, K, K)
    # a column may stand in several empty entries of a row; only one with weight may take the sum
    first = same * (same.cumsum(-2) == 1)
    old = old + (first @ new[..., None])[..., 0]
    new = new * (1 - first.amax(-2))
    values, chosen = _largest(torch.cat([old, new], -1), keep)
    return SparseLink(values, torch.cat([link.columns, new_columns], -1).gather(-1, chosen))


def _largest(
    values: Float[Tensor, "*batch entries"], keep: int
) -> tuple[Float[Tensor, "*batch keep"], Int[Tensor, "*batch keep"]]:
    """The largest entries, falling, and where they stand; `topk` would leave open which of equal ones it takes."""
    falling, order = values.sort(dim=-1, descending=True, stable=True)
    return falling[..., :keep], order[..., :keep]


def empty_sparse_link(batch: int, rows: int, keep: int, like: Float[Tensor, "..."]) -> SparseLink:
    """No links: each row holds `keep` different columns of value zero.

    Args:
        batch: B.
        rows: N.
        keep: K, links a row, at most N.
        like: a tensor of the dtype and on the device of the values.
    """
    columns = torch.arange(keep, device=like.device).expand(batch, rows, keep)
    return SparseLink(like.new_zeros(batch, rows, keep), columns)


def follow(
    link: Float[Tensor, "batch rows rows"] | SparseLink, read_weights: Float[Tensor, "batch reads rows"]
) -> tuple[Float[Tensor, "batch reads rows"], Float[Tensor, "batch reads rows"]]:
    """Where the heads come by going on in the order of writing, and by going back.

    f_t^i = L_t w_{t-1}^{r,i} and b_t^i = L_tᵀ w_{t-1}^{r,i}.

    Args:
        link: (B, N, N), or its sparse form.
        read_weights: of the step before, (B, R, N).

    Returns:
        forward and backward, each (B, R, N).
    """
    if isinstance(link, Tensor):
        return read_weights @ link.mT, read_weights @ link
    batch, heads, rows = read_weights.shape
    columns = link.columns.flatten(1)[:, None, :].expand(-1, heads, -1)  # (B, R, N K)
    values = link.values[:, None]  # (B, 1, N, K)
    forward = (values * read_weights.gather(-1, columns).view(batch, heads, rows, -1)).sum(-1)
    back = (values * read_weights[..., None]).flatten(2)  # (B, R, N K)
    return forward, torch.zeros_like(read_weights).scatter_add(-1, columns, back)


def sharpen_links(
    weights: Float[Tensor, "batch reads rows"], sharpness: Float[Tensor, "batch reads"]
) -> Float[Tensor, "batch reads rows"]:
    """S(d, s)_i Σ_j d_j with S(d, s)_i = d_i^s / Σ_j d_j^s (Csordás & Schmidhuber 2019, eq. 11 to 13).

    The sum is ours, that a weighting keeps its weight: without any (no link was made yet) nothing is followed, instead
    of everything alike.

    Args:
        weights: (B, R, N), with sums in [0, 1].
        sharpness: ≥ 1, (B, R).
    """
    weights = weights.clamp(min=0)  # rounding may leave a link a little below zero
    total = weights.sum(-1, keepdim=True)
    return torch.softmax(sharpness[..., None] * (weights + TINY).log(), -1) * total


def read_weighting(
    backward: Float[Tensor, "batch reads rows"],
    content: Float[Tensor, "batch reads rows"],
    forward: Float[Tensor, "batch reads rows"],
    modes: Float[Tensor, "batch reads 3"],
) -> Float[Tensor, "batch reads rows"]:
    """w_t^r = π[1] b + π[2] c + π[3] f.

    Args:
        backward: (B, R, N).
        content: (B, R, N).
        forward: (B, R, N).
        modes: π, a distribution, (B, R, 3).
    """
    return modes[..., 0:1] * backward + modes[..., 1:2] * content + modes[..., 2:3] * forward
