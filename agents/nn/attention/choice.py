"""How one place of N is chosen: by probability, as hard attention chooses, or with a gradient of its own."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ....errors import check_range
from .. import noise


def gumbel_weights(
    logits: Float[Tensor, "*shape"], temperature: float = 1.0, uniform: Tensor | None = None
) -> Float[Tensor, "*shape"]:
    """A sample, one-hot (…, N), with the gradient of its softened form (Jang et al. 2017, section 2.2).

    Args:
        logits: of the choice, (…, N).
        temperature: of the softmax, at least 0.001.
        uniform: the noise, in [0, 1), the shape of the logits; None draws it.
    """
    check_range("temperature", temperature, 1e-3)
    uniform = (torch.rand_like(logits) if uniform is None else uniform.to(logits.dtype)).clamp(1e-20, 1 - 1e-7)
    soft = torch.softmax((logits - (-uniform.log()).log()) / temperature, -1)  # eq. 2
    hard = F.one_hot(soft.argmax(-1), logits.shape[-1]).to(logits.dtype)
    return hard - soft.detach() + soft


def chosen_weights(logits: Float[Tensor, "*shape"], gumbel: bool, training: bool) -> Float[Tensor, "*shape"]:
    """Weights over places (…, N): their probabilities, or one place, sampled in training and the likeliest in play.

    With keys (see `noise`) the place is always sampled, by them.
    """
    if not gumbel:
        return torch.softmax(logits, -1)
    if noise.present():
        return gumbel_weights(logits, uniform=noise.uniform("gumbel", *logits.shape[1:]))
    if training:
        return gumbel_weights(logits)
    return F.one_hot(logits.argmax(-1), logits.shape[-1]).to(logits.dtype)


class Choice(NamedTuple):
    """One place that was sampled for each of several queries.

    Attributes:
        weights: 1 at the place, 0 elsewhere, (…, Q, N); nothing flows through them.
        log_prob: of all of them together, (…).
        entropy: of their distributions, added up, (…).
    """

    weights: Tensor
    log_prob: Tensor
    entropy: Tensor


def sampled_choice(logits: Float[Tensor, "*batch queries places"]) -> Choice:
    """A place for each query by its probability, as hard attention chooses (Xu et al. 2015, eq. 8); -∞ is no place."""
    shape = logits.shape
    uniform = noise.uniform("choice", *shape[1:]) if noise.present() else torch.rand_like(logits)
    with torch.no_grad():
        gumbel = -(-uniform.clamp(1e-20, 1 - 1e-7).to(logits.dtype).log()).log()
        place = (logits + gumbel).argmax(-1, keepdim=True)  # (…, Q, 1)
    log_p = torch.log_softmax(logits, -1)
    known = log_p.masked_fill(logits == -torch.inf, 0.0)
    return Choice(
        torch.zeros_like(logits).scatter(-1, place, 1.0),
        log_p.gather(-1, place)[..., 0].sum(-1),
        -(known.exp() * known).masked_fill(logits == -torch.inf, 0.0).sum((-1, -2)),
    )
