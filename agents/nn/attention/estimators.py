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
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ....errors import FoveateError, check_choice, check_range
from .. import noise

Gain = Callable[[Tensor], Tensor]  # weights over the places (B, N) -> how good that was, (B,)
Baseline = Literal["none", "moving-average", "learned", "leave-one-out"]
BASELINES: tuple[Baseline, ...] = ("none", "moving-average", "learned", "leave-one-out")


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


def baseline_of(
    name: Baseline, gains: Float[Tensor, "*_"], learned: Float[Tensor, " batch"]
) -> Float[Tensor, " batch"] | float | None:
    """The baseline of a name, for `reinforce`.

    Args:
        name: one of `BASELINES`.
        gains: earlier gains (any shape), for the moving average.
        learned: what a critic says, (B,).
    """
    check_choice("baseline", name, BASELINES)
    if name == "leave-one-out":
        return None
    if name == "learned":
        return learned.detach()
    return float(gains.mean()) if name == "moving-average" else 0.0
