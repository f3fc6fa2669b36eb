"""Attention by content: how well a key fits each place, and the weighted sum. NTM, DNC and transformer share it."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ....errors import FoveateError, check_choice

EPSILON = 1e-6  # keeps the cosine of a zero vector, and its gradient, finite


def cosine_similarity(
    keys: Float[Tensor, "*batch heads width"], memory: Float[Tensor, "*batch rows width"]
) -> Float[Tensor, "*batch heads rows"]:
    """K[u, v] = u·v / (‖u‖ ‖v‖) (Graves et al. 2014, eq. 6; Graves et al. 2016, Methods, D).

    Args:
        keys: (…, H, W), one for each head.
        memory: (…, N, W).

    Returns:
        (…, H, N) in [-1, 1]; zero where a key or a row is zero.
    """
    # torch defines the gradient of this norm at the zero vector as zero
    key_norm = torch.linalg.vector_norm(keys, dim=-1, keepdim=True)  # (…, H, 1)
    row_norm = torch.linalg.vector_norm(memory, dim=-1)[..., None, :]  # (…, 1, N)
    return (keys @ memory.mT) / (key_norm * row_norm + EPSILON)


def masked_cosine_similarity(
    keys: Float[Tensor, "*batch heads width"],
    masks: Float[Tensor, "*batch heads width"],
    memory: Float[Tensor, "*batch rows width"],
) -> Float[Tensor, "*batch heads rows"]:
    """The cosine over a part of the row: keys and rows are both multiplied by the head's mask.

    Csordás & Schmidhuber 2019, "Improving differentiable neural computers through memory masking, de-allocation, and
    link distribution sharpness control", eq. 9.

    Args:
        keys: (…, H, W).
        masks: (…, H, W) in [0, 1].
        memory: (…, N, W).
    """
    masked_keys = keys * masks  # (…, H, W)
    products = (masked_keys * masks) @ memory.mT  # (…, H, N)
    key_norm = torch.linalg.vector_norm(masked_keys, dim=-1, keepdim=True)  # (…, H, 1)
    row_norm = (masks.square() @ memory.square().mT + EPSILON**2).sqrt()  # (…, H, N)
    return products / (key_norm * row_norm + EPSILON)


def scaled_dot(
    queries: Float[Tensor, "*#batch queries size"], keys: Float[Tensor, "*#batch keys size"]
) -> Float[Tensor, "*_ queries keys"]:
    """q·k / √d (Vaswani et al. 2017, eq. 1): (…, Q, D), (…, K, D) -> (…, Q, K)."""
    return queries @ keys.mT / math.sqrt(keys.shape[-1])


def dot(
    queries: Float[Tensor, "*#batch queries size"], keys: Float[Tensor, "*#batch keys size"]
) -> Float[Tensor, "*_ queries keys"]:
    """q·k (Luong et al. 2015, section 3.1, "dot"): (…, Q, D), (…, K, D) -> (…, Q, K)."""
    return queries @ keys.mT


class AdditiveScore(nn.Module):
    """vᵀ tanh(W q + U k) (Bahdanau et al. 2014, appendix A.1.2).

    Args:
        query: size of a query.
        key: size of a key.
        hidden: size of v.
    """

    def __init__(self, query: int, key: int, hidden: int = 64):
        super().__init__()
        self.from_query, self.from_key = nn.Linear(query, hidden), nn.Linear(key, hidden, bias=False)
        self.v = nn.Linear(hidden, 1, bias=False)

    def forward(
        self, queries: Float[Tensor, "*#batch queries size"], keys: Float[Tensor, "*#batch keys key_size"]
    ) -> Float[Tensor, "*_ queries keys"]:
        """(…, Q, D), (…, K, E) -> (…, Q, K)."""
        return self.fit(queries, self.project(keys))

    def project(self, keys: Float[Tensor, "*batch keys key_size"]) -> Float[Tensor, "*batch keys hidden"]:
        """U k, which doesn't depend on the query: computed once for keys that stay."""
        return self.from_key(keys)

    def fit(
        self, queries: Float[Tensor, "*#batch queries size"], projected: Float[Tensor, "*#batch keys hidden"]
    ) -> Float[Tensor, "*_ queries keys"]:
        """The score of projected keys, (…, Q, D), (…, K, hidden) -> (…, Q, K)."""
        both = self.from_query(queries)[..., :, None, :] + projected[..., None, :, :]  # (…, Q, K, hidden)
        return self.v(both.tanh())[..., 0]


class BilinearScore(nn.Module):
    """qᵀ W k (Luong et al. 2015, section 3.1, "general").

    Args:
        query: size of a query.
        key: size of a key.
    """

    def __init__(self, query: int, key: int):
        super().__init__()
        self.weight = nn.Linear(query, key, bias=False)

    def forward(
        self, queries: Float[Tensor, "*#batch queries size"], keys: Float[Tensor, "*#batch keys key_size"]
    ) -> Float[Tensor, "*_ queries keys"]:
        """(…, Q, D), (…, K, E) -> (…, Q, K)."""
        return dot(self.weight(queries), keys)


SCORES = ("additive", "dot", "scaled-dot", "bilinear", "cosine")
Score = Callable[[Tensor, Tensor], Tensor]


def projected_keys(score: Score, keys: Float[Tensor, "*batch keys key_size"]) -> Float[Tensor, "*batch keys projected"]:
    """What a score needs of keys (…, K, E), computed once for keys that stay; the keys themselves where that is all."""
    return score.project(keys) if isinstance(score, AdditiveScore) else keys


def score_of(
    score: Score, queries: Float[Tensor, "*#batch queries size"], projected: Float[Tensor, "*#batch keys projected"]
) -> Float[Tensor, "*_ queries keys"]:
    """How queries (…, Q, D) fit keys that were projected by `projected_keys`, (…, Q, K)."""
    return score.fit(queries, projected) if isinstance(score, AdditiveScore) else score(queries, projected)


def make_score(name: str, query: int, key: int, hidden: int = 64) -> Score:
    """The scoring function of a name, queries (…, Q, D), keys (…, K, E) -> (…, Q, K); a Module where it learns.

    Args:
        name: one of `SCORES`.
        query: D.
        key: E.
        hidden: units of the additive score.

    Raises:
        FoveateError: no score has this name, or it needs D = E and they differ.
    """
    check_choice("score", name, SCORES)
    if name in ("dot", "scaled-dot", "cosine") and query != key:
        raise FoveateError(f"score {name!r} needs queries and keys of one size, got {query} and {key}.")
    if name == "additive":
        return AdditiveScore(query, key, hidden)
    if name == "bilinear":
        return BilinearScore(query, key)
    return {"dot": dot, "scaled-dot": scaled_dot, "cosine": cosine_similarity}[name]


def content_weights(
    similarity: Float[Tensor, "*batch heads rows"], strength: Float[Tensor, "*batch heads"]
) -> Float[Tensor, "*batch heads rows"]:
    """softmax over places of β K (Graves et al. 2014, eq. 5).

    Args:
        similarity: (…, H, N).
        strength: β > 0, (…, H).
    """
    return torch.softmax(similarity * strength[..., None], -1)


def weighted_sum(
    weights: Float[Tensor, "*#batch heads rows"], values: Float[Tensor, "*#batch rows width"]
) -> Float[Tensor, "*_ heads width"]:
    """r = Σ_i w(i) M(i) (Graves et al. 2014, eq. 2): (…, H, N), (…, N, W) -> (…, H, W)."""
    return weights @ values
