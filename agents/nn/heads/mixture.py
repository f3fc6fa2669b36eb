"""The head over a box whose density is a mixture of Gaussians (Graves 2013, "Generating sequences with recurrent
neural networks", section 4.1)."""

import math

import torch
from gymnasium import spaces
from torch import Tensor
from torch import distributions as td

from ....errors import check_range
from ..bounds import bounded
from ..cores.base import Source
from .base import Head, make_layers, middle_of, shaped

MOST_SKEW = 10.0  # where ρ is ± 1 to the last bit
LOG_2_PI = math.log(2 * math.pi)


class GaussianMixture(td.Distribution):
    """A mixture of M Gaussians over D numbers, independent of each other or, of two numbers, with a correlation.

    Args:
        logits: of the components, (…, M).
        mean: (…, M, D).
        log_std: (…, M, D).
        skew: ρ = tanh(skew) between the two numbers of each component, (…, M); None for independent numbers.
        shape: of an event, D numbers in all.
    """

    def __init__(
        self, logits: Tensor, mean: Tensor, log_std: Tensor, skew: Tensor | None, shape: tuple[int, ...] | None = None
    ):
        self.logits, self.mean_of, self.log_std, self.skew = logits, mean, log_std, skew
        super().__init__(
            logits.shape[:-1], mean.shape[-1:] if shape is None else torch.Size(shape), validate_args=False
        )

    def component_log_prob(self, value: Tensor) -> Tensor:
        """log N(x | μ_m, σ_m, ρ_m) of each component, (…, M) (Graves 2013, eqs. 24 and 25)."""
        flat = value.reshape(*value.shape[: value.ndim - len(self.event_shape)], -1)
        z = (flat[..., None, :] - self.mean_of) * (-self.log_std).exp()  # (…, M, D)
        if self.skew is not None:
            # Z / (1 - ρ²) = (z_1 - ρ z_2)² / (1 - ρ²) + z_2²
            z = torch.stack([(z[..., 0] - self.skew.tanh() * z[..., 1]) * self.skew.cosh(), z[..., 1]], -1)
        return -0.5 * z.square().sum(-1) - self._log_volume()

    def _log_volume(self) -> Tensor:
        """The logarithm of one over each component's density at its mean, (…, M)."""
        volume = self.log_std.sum(-1) + 0.5 * self.mean_of.shape[-1] * LOG_2_PI
        return volume if self.skew is None else volume - self.skew.cosh().log()  # 1 - ρ² = 1 / cosh²

    def log_prob(self, value: Tensor) -> Tensor:
        """log Σ_m π_m N_m (Graves 2013, eq. 23)."""
        return (self.logits.log_softmax(-1) + self.component_log_prob(value)).logsumexp(-1)

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        with torch.no_grad():
            chosen = td.Categorical(logits=self.logits, validate_args=False).sample(sample_shape)  # (…,)
            return self._pick(chosen, noise=True)

    def mode_of_components(self) -> Tensor:
        """The mean of the component whose peak is the highest: the mode where the components lie apart."""
        return self._pick((self.logits.log_softmax(-1) - self._log_volume()).argmax(-1), noise=False)

    def _pick(self, component: Tensor, noise: bool) -> Tensor:
        """A component's mean, with noise a sample of it, (…, *event_shape)."""
        index = component[..., None, None].expand(*component.shape, 1, self.mean_of.shape[-1])
        shape = (*component.shape, *self.mean_of.shape[-2:])
        value = self.mean_of.expand(shape).gather(-2, index)[..., 0, :]
        if noise:
            z = torch.randn_like(value)
            if self.skew is not None:
                skew = self.skew.expand(shape[:-1]).gather(-1, component[..., None])[..., 0]
                z = torch.stack([skew.tanh() * z[..., 1] + z[..., 0] / skew.cosh(), z[..., 1]], -1)
            value = value + z * self.log_std.expand(shape).gather(-2, index)[..., 0, :].exp()
        return shaped(value, self.event_shape)

    def entropy(self) -> Tensor:
        """An upper bound, H(π) + Σ_m π_m H(N_m); a mixture's entropy has no closed form."""
        log_weights = self.logits.log_softmax(-1)
        of_components = self._log_volume() + 0.5 * self.mean_of.shape[-1]
        return (log_weights.exp() * (of_components - log_weights)).sum(-1)


class MixtureHead(Head):
    """`Box`: a mixture of Gaussians; of two numbers, with correlations. The box may be unbounded.

    Means and deviations are in units of half the box around its centre, where it has bounds. Samples may leave the box.

    Args:
        features: size of the features.
        space: the part's space.
        hidden: units of a hidden layer, 0 for none.
        components: M.
    """

    centre: Tensor
    reach: Tensor

    def __init__(self, features: int, space: spaces.Box, hidden: int = 0, components: int = 20):
        super().__init__()
        check_range("components", components, 1)
        self.shape, self.components, self.numbers = space.shape, components, math.prod(space.shape)
        self.correlated = self.numbers == 2
        finite = bool(space.bounded_below.all() and space.bounded_above.all())
        centre, reach = (part.flatten() for part in middle_of(space))
        self.register_buffer("centre", centre if finite else torch.zeros_like(centre), persistent=False)
        self.register_buffer("reach", reach if finite else torch.ones_like(reach), persistent=False)
        # of each component: its weight, means, deviations and, of two numbers, their correlation
        each = 1 + 2 * self.numbers + self.correlated
        self.layers = make_layers(features, hidden, components * each)
        last = [module for module in self.layers.modules() if isinstance(module, torch.nn.Linear)][-1]
        torch.nn.init.normal_(last.bias, std=0.5)  # components that begin alike would stay alike

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        return self.layers(features)  # (…, M · (1 + 2 D [+ 1]))

    def distribution(self, parameters: Tensor) -> GaussianMixture:
        each = parameters.unflatten(-1, (self.components, -1))  # (…, M, 1 + 2 D [+ 1])
        weights, mean, log_std, skew = each.split([1, self.numbers, self.numbers, int(self.correlated)], -1)
        return GaussianMixture(
            weights[..., 0],  # π = softmax, Graves 2013, eq. 19
            self.centre + self.reach * mean,  # eq. 20
            bounded(log_std) + self.reach.log(),  # σ = exp, eq. 21
            skew[..., 0].clamp(-MOST_SKEW, MOST_SKEW) if self.correlated else None,  # ρ = tanh, eq. 22
            self.shape,
        )

    def mode(self, parameters: Tensor) -> Tensor:
        return self.distribution(parameters).mode_of_components()

    def countable(self, choice: Tensor) -> Tensor:
        return super().countable(choice)[..., :0]

    def sharpened(self, parameters: Tensor, bias: float) -> Tensor:
        """With a smaller deviation, and likely components likelier (Graves 2013, section 5.4)."""
        each = parameters.unflatten(-1, (self.components, -1))
        weights, mean, log_std, skew = each.split([1, self.numbers, self.numbers, int(self.correlated)], -1)
        # σ = exp(σ̂ - b), eq. 61, and π = softmax(π̂ (1 + b)), eq. 62
        return torch.cat([weights * (1 + bias), mean, bounded(log_std) - bias, skew], -1).flatten(-2)
