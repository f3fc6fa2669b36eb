"""Associative memories as functions of tensors: Hopfield's networks, pairs in both directions, and the modern network.

A state has one number a unit: -1 or 1, or 0 where nothing is known yet, which the first update settles. Several states
of one memory are rows, (…, S, N), as heads are of `content.py`, whose functions are the modern network.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .content import content_weights, dot, weighted_sum


def hebb(patterns: Float[Tensor, "*batch patterns units"]) -> Float[Tensor, "*batch units units"]:
    """W = 1/N Σ_p x_p x_pᵀ with w_ii = 0 (Hopfield 1982, eq. 2): (…, P, N) -> (…, N, N)."""
    return _without_diagonal(patterns.mT @ patterns / patterns.shape[-1])


def pseudo_inverse(patterns: Float[Tensor, "*batch patterns units"]) -> Float[Tensor, "*batch units units"]:
    """W = X⁺ X with w_ii = 0, the projection onto the patterns (Personnaz, Guyon & Dreyfus 1985, eq. 5).

    Patterns may be alike, which Hebb's rule forbids; without the diagonal basins are wider (Kanter & Sompolinsky 1987).

    Args:
        patterns: (…, P, N); from P = N independent ones on it stores everything, and so nothing.
    """
    return _without_diagonal(torch.linalg.pinv(patterns) @ patterns)


def _without_diagonal(weights: Tensor) -> Tensor:
    return weights - torch.diag_embed(weights.diagonal(dim1=-2, dim2=-1))


def energy(
    state: Float[Tensor, "*batch states units"],
    weights: Float[Tensor, "*batch units units"],
    bias: Float[Tensor, " units"] | None = None,
) -> Float[Tensor, "*batch states"]:
    """E = -½ sᵀ W s - bᵀ s (Hopfield 1982, eq. 7), which no asynchronous update raises.

    Args:
        state: (…, S, N).
        weights: symmetric, zero on the diagonal, (…, N, N).
        bias: (N,); None for none.
    """
    inner = -0.5 * ((state @ weights) * state).sum(-1)  # (…, S)
    return inner if bias is None else inner - state @ bias


def synchronous(
    state: Float[Tensor, "*batch states units"],
    weights: Float[Tensor, "*batch units units"],
    bias: Float[Tensor, " units"] | None = None,
) -> Float[Tensor, "*batch states units"]:
    """s = sign(W s + b), all units at once, which may end in a cycle of two (Little 1974); arguments as of `energy`.

    A unit that no other moves, at 0, stays as it is.
    """
    field = state @ weights.mT
    return _signs(field if bias is None else field + bias, state)


def asynchronous(
    state: Float[Tensor, "*batch states units"],
    weights: Float[Tensor, "*batch units units"],
    bias: Float[Tensor, " units"] | None = None,
    order: Int[Tensor, " some"] | None = None,
) -> Float[Tensor, "*batch states units"]:
    """s_i = sign(Σ_j w_ij s_j + b_i), one unit after the other (Hopfield 1982, eq. 1).

    Args:
        state: (…, S, N).
        weights: (…, N, N).
        bias: (N,); None for none.
        order: which units are updated, one after the other, int64; None for all, in their own order.
    """
    state = state.clone()
    units = range(state.shape[-1]) if order is None else order.tolist()
    for i in units:
        field = (state @ weights[..., i, :, None])[..., 0]  # (…, S)
        state[..., i] = _signs(field if bias is None else field + bias[i], state[..., i])
    return state


def _signs(field: Tensor, before: Tensor) -> Tensor:
    return torch.where(field == 0, before, field.sign())


def settled(
    step: Callable[[Tensor], Tensor], state: Float[Tensor, "*batch states units"], most: int
) -> Float[Tensor, "*batch states units"]:
    """Where updates lead: until nothing changes, or so many of them were made.

    On a device they are all made: asking whether anything changed would wait for it.

    Args:
        step: an update of the whole state.
        state: at first.
        most: updates.
    """
    for _ in range(most):
        before, state = state, step(state)
        if state.device.type == "cpu" and torch.equal(before, state):
            break
    return state


# ---- pairs: bidirectional associative memory ----


def associate(
    keys: Float[Tensor, "*batch pairs units"], values: Float[Tensor, "*batch pairs others"]
) -> Float[Tensor, "*batch units others"]:
    """M = Σ_p x_p y_pᵀ (Kosko 1988, eq. 2): (…, P, N), (…, P, K) -> (…, N, K)."""
    return keys.mT @ values


def bidirectional(
    key: Float[Tensor, "*batch states units"],
    value: Float[Tensor, "*batch states others"],
    weights: Float[Tensor, "*batch units others"],
) -> tuple[Float[Tensor, "*batch states units"], Float[Tensor, "*batch states others"]]:
    """One round: y = sign(Mᵀ x), then x = sign(M y) (Kosko 1988, section II); a unit at 0 stays as it is.

    Args:
        key: x, (…, S, N).
        value: y, (…, S, K), zeros where nothing is known.
        weights: M, (…, N, K).
    """
    value = _signs(key @ weights, value)
    return _signs(value @ weights.mT, key), value


def bidirectional_energy(
    key: Float[Tensor, "*batch states units"],
    value: Float[Tensor, "*batch states others"],
    weights: Float[Tensor, "*batch units others"],
) -> Float[Tensor, "*batch states"]:
    """E = -xᵀ M y (Kosko 1988, eq. 5), which no round raises; arguments as of `bidirectional`."""
    return -((key @ weights) * value).sum(-1)


# ---- the modern network: attention ----


def recall_weights(
    state: Float[Tensor, "*batch states units"],
    patterns: Float[Tensor, "*batch patterns units"],
    beta: float,
    there: Bool[Tensor, "*batch states patterns"] | None = None,
) -> Float[Tensor, "*batch states patterns"]:
    """softmax(β X ξ), how much each pattern counts: attention by content, with the dot product for a score.

    Args:
        state: ξ, (…, S, N), any numbers.
        patterns: X, (…, P, N).
        beta: small, and all patterns count alike; great, and the nearest counts alone.
        there: which patterns count for each state, bool (…, S, P); None for all. Of a state without any all count.
    """
    similarity = dot(state, patterns)
    if there is not None:
        similarity = similarity.masked_fill(~there, torch.finfo(similarity.dtype).min / max(1.0, beta))
    return content_weights(similarity, torch.full_like(similarity[..., 0], beta))


def recall(
    state: Float[Tensor, "*batch states units"], patterns: Float[Tensor, "*batch patterns units"], beta: float
) -> Float[Tensor, "*batch states units"]:
    """ξ' = Xᵀ softmax(β X ξ) (Ramsauer et al. 2021, eq. 3); arguments as of `recall_weights`."""
    return weighted_sum(recall_weights(state, patterns, beta), patterns)


def recall_energy(
    state: Float[Tensor, "*batch states units"], patterns: Float[Tensor, "*batch patterns units"], beta: float
) -> Float[Tensor, "*batch states"]:
    """E = -lse(β, X ξ) + ½ ξᵀ ξ + 1/β ln P + ½ max ‖x‖² (Ramsauer et al. 2021, eq. 2), which `recall` never raises.

    It is never negative; arguments as of `recall_weights`.
    """
    fit = torch.logsumexp(beta * dot(state, patterns), -1) / beta  # (…, S)
    largest = patterns.square().sum(-1).amax(-1)[..., None]  # (…, 1)
    return -fit + 0.5 * state.square().sum(-1) + math.log(patterns.shape[-2]) / beta + 0.5 * largest
