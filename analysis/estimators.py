"""How a hard choice among N places is learned: gradients of E[f(place)] with respect to the choice and to f.

Each estimator returns a scalar to maximise, whose gradient is the estimate. f is asked with weights over the places
(B, N): one-hot where a place is chosen, so that the same f also serves the soft side, f(E[place]).

    exact            Σ_i p_i f(i)                                  where the places are few
    reinforce        f(i) + (f(i) - b) log p_i, i ~ p              Williams 1992; unbiased where b does not know i
    leave-one-out    the same with b = the mean of the other samples (Mnih & Rezende 2016; Kool et al. 2019)
    straight-through one-hot of the Gumbel maximum forwards, its softmax backwards (Jang et al. 2017); biased
    expectation      f(Σ_i p_i e_i): soft attention; another objective, equal where f is linear
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ..agents.nn.attention.choice import gumbel_weights
from ..errors import FoveateError, check_range

Gain = Callable[[Tensor], Tensor]  # weights over the places (B, N) -> how good that was, (B,)


def exact(logits: Float[Tensor, "batch places"], gain: Gain) -> Float[Tensor, ""]:
    """Σ_i p_i f(i), averaged over the batch: every place is tried.

    Args:
        logits: of the choice, (B, N).
        gain: f.
    """
    weights = torch.softmax(logits, -1)  # (B, N)
    each = [
        gain(one.expand_as(logits)) for one in torch.eye(logits.shape[-1], dtype=logits.dtype, device=logits.device)
    ]
    return (weights * torch.stack(each, -1)).sum(-1).mean()


def expectation(logits: Float[Tensor, "batch places"], gain: Gain) -> Float[Tensor, ""]:
    """f(E[place]): what soft attention maximises."""
    return gain(torch.softmax(logits, -1)).mean()


def leave_one_out(gains: Float[Tensor, "samples batch"]) -> Float[Tensor, "samples batch"]:
    """For each of K ≥ 2 samples the mean of the others, (K, B) (Kool et al. 2019).

    Raises:
        FoveateError: there are fewer than 2 samples.
    """
    if len(gains) < 2:
        raise FoveateError(f"leave-one-out needs at least 2 samples, got {len(gains)}.")
    return (gains.sum(0, keepdim=True) - gains) / (len(gains) - 1)


class MovingAverage:
    """A baseline that remembers the gains of updates before: b <- decay b + (1 - decay) mean f.

    Args:
        decay: how much is kept at each update.
    """

    def __init__(self, decay: float = 0.95):
        check_range("decay", decay, 0.0, 1.0)
        self.decay, self.value = decay, 0.0
        self._begun = False

    def update(self, gains: Tensor) -> None:
        """Take in the gains of an update."""
        mean = float(gains.detach().mean())
        self.value = self.decay * self.value + (1 - self.decay) * mean if self._begun else mean
        self._begun = True


def reinforce(
    logits: Float[Tensor, "batch places"], gain: Gain, samples: int = 1, baseline: Tensor | float | None = 0.0
) -> Float[Tensor, ""]:
    """The policy gradient of Williams 1992 and f's own gradient, from K samples.

    Args:
        logits: of the choice, (B, N).
        gain: f.
        samples: K, places sampled for each row.
        baseline: b: a number, (B,) or (K, B); None takes each sample's leave-one-out mean.
    """
    check_range("samples", samples, 1)
    log_p = torch.log_softmax(logits, -1)  # (B, N)
    place = torch.distributions.Categorical(logits=logits.detach(), validate_args=False).sample((samples,))  # (K, B)
    chosen = F.one_hot(place, logits.shape[-1]).to(logits.dtype)  # (K, B, N)
    gains = torch.stack([gain(weights) for weights in chosen])  # (K, B)
    value = gains.detach()
    b = leave_one_out(value) if baseline is None else baseline
    score = (log_p * chosen).sum(-1)  # log p(place), (K, B)
    return (gains + (value - b) * score).mean()


def straight_through(
    logits: Float[Tensor, "batch places"], gain: Gain, samples: int = 1, temperature: float = 1.0
) -> Float[Tensor, ""]:
    """The straight-through Gumbel-softmax estimate, from K samples.

    Args:
        logits: of the choice, (B, N).
        gain: f.
        samples: K, places sampled for each row.
        temperature: of the softmax backwards, at least 0.001; a lower one has less bias and more variance.
    """
    return torch.stack([gain(gumbel_weights(logits, temperature)) for _ in range(samples)]).mean()


# ---- how good an estimator is ----


class Quality(NamedTuple):
    """Bias and variance of an estimator, against the exact gradient.

    Attributes:
        bias: ‖mean - exact‖ / ‖exact‖.
        noise: what that would be from sampling alone, were there no bias: √(Σ variance / repeats) / ‖exact‖.
        variance: Σ variance of one estimate / ‖exact‖².
        cosine: of the mean with the exact gradient.
    """

    bias: float
    noise: float
    variance: float
    cosine: float


def measure(
    estimate: Callable[[], Tensor], truth: Callable[[], Tensor], parameters: Sequence[Tensor], repeats: int
) -> Quality:
    """Estimate the gradient many times and compare it with the exact one.

    Args:
        estimate: returns an estimator's scalar.
        truth: returns the exact scalar.
        parameters: with respect to what.
        repeats: how many estimates.
    """
    aim = _gradient(truth(), parameters)
    estimates = torch.stack([_gradient(estimate(), parameters) for _ in range(repeats)])  # (repeats, P)
    mean, spread, size = estimates.mean(0), estimates.var(0).sum(), aim.norm()
    return Quality(
        float((mean - aim).norm() / size),
        float((spread / repeats).sqrt() / size),
        float(spread / size**2),
        float(F.cosine_similarity(mean, aim, dim=0)),
    )


def _gradient(value: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    gradients = torch.autograd.grad(value, list(parameters), allow_unused=True)
    flat = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)]
    return torch.cat([g.flatten() for g in flat])
