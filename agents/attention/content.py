"""Attention by content: how well a key fits each place, and the weighted sum. NTM, DNC and transformer share it."""

import math

import torch
from torch import Tensor

EPSILON = 1e-6  # keeps the cosine of a zero vector, and its gradient, finite


def cosine_similarity(keys: Tensor, memory: Tensor) -> Tensor:
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


def masked_cosine_similarity(keys: Tensor, masks: Tensor, memory: Tensor) -> Tensor:
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


def scaled_dot(queries: Tensor, keys: Tensor) -> Tensor:
    """q·k / √d (Vaswani et al. 2017, eq. 1): (…, Q, D), (…, K, D) -> (…, Q, K)."""
    return queries @ keys.mT / math.sqrt(keys.shape[-1])


def content_weights(similarity: Tensor, strength: Tensor) -> Tensor:
    """softmax over places of β K (Graves et al. 2014, eq. 5).

    Args:
        similarity: (…, H, N).
        strength: β > 0, (…, H).
    """
    return torch.softmax(similarity * strength[..., None], -1)


def weighted_sum(weights: Tensor, values: Tensor) -> Tensor:
    """r = Σ_i w(i) M(i) (Graves et al. 2014, eq. 2): (…, H, N), (…, N, W) -> (…, H, W)."""
    return weights @ values
