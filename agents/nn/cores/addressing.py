"""The addressing of the neural Turing machine, as pure functions (Graves, Wayne & Danihelka 2014, section 3).

H heads, N rows of memory, W numbers a row; a weighting is a point of the simplex over rows.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

TINY = 1e-12  # below it a weight counts as zero where a logarithm is taken


def interpolate(
    content: Float[Tensor, "*batch heads rows"],
    previous: Float[Tensor, "*batch heads rows"],
    gate: Float[Tensor, "*batch heads"],
) -> Float[Tensor, "*batch heads rows"]:
    """w_g = g w_c + (1 - g) w_{t-1} (eq. 7): content or the place of the step before.

    Args:
        content: (…, H, N).
        previous: (…, H, N).
        gate: in [0, 1], (…, H).
    """
    return torch.lerp(previous, content, gate[..., None])


def shift(
    weights: Float[Tensor, "*batch heads rows"], kernel: Float[Tensor, "*batch heads shifts"]
) -> Float[Tensor, "*batch heads rows"]:
    """w̃(i) = Σ_j w_g(j) s(i - j), indices modulo N (eq. 8).

    Args:
        weights: (…, H, N).
        kernel: s(K), …, s(-K), a distribution, (…, H, 2K + 1): the first entry moves weight K rows on.
    """
    reach = kernel.shape[-1] // 2
    rows = weights.shape[-1]
    if reach == 0:
        return weights
    # around[i + m] = w(i + m - reach): every shift is a window of one longer vector
    around = torch.cat([weights[..., -reach:], weights, weights[..., :reach]], -1)  # (…, H, N + 2K)
    windows = around.unfold(-1, rows, 1)  # (…, H, 2K + 1, N), window m holds w(i + m - reach)
    return (kernel[..., None, :] @ windows)[..., 0, :]


def sharpen(
    weights: Float[Tensor, "*batch heads rows"], gamma: Float[Tensor, "*batch heads"]
) -> Float[Tensor, "*batch heads rows"]:
    """w(i) = w̃(i)^γ / Σ_j w̃(j)^γ (eq. 9), through logarithms so that the gradient at zero is finite.

    Args:
        weights: (…, H, N).
        gamma: ≥ 1, (…, H).
    """
    return torch.softmax(gamma[..., None] * (weights + TINY).log(), -1)


def erase_and_add(
    memory: Float[Tensor, "batch rows width"],
    weights: Float[Tensor, "batch heads rows"],
    erase: Float[Tensor, "batch heads width"],
    add: Float[Tensor, "batch heads width"],
) -> Float[Tensor, "batch rows width"]:
    """M_t(i) = M_{t-1}(i) Π_h [1 - w_h(i) e_h] + Σ_h w_h(i) a_h (eq. 3 and 4, all heads at once).

    Args:
        memory: (B, N, W).
        weights: (B, H, N).
        erase: in [0, 1], (B, H, W).
        add: (B, H, W).
    """
    if weights.shape[-2] == 1:  # the same as M + w (a - e ∘ M), in fewer passes over the memory
        return memory + weights.mT * (add - erase * memory)
    kept = memory * (1 - weights[..., None] * erase[..., None, :]).prod(-3)
    return kept + weights.mT @ add


def oneplus(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """1 + log(1 + e^x), in [1, ∞) (Graves et al. 2016, Methods)."""
    return 1 + F.softplus(x)
