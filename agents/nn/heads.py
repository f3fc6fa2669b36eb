"""Heads: from features to a distribution over one part of an action, for every kind of Gymnasium space.

A head turns features into parameters; `distribution(parameters)` is a torch distribution whose events are whole
actions of that part, so ``log_prob`` and ``entropy`` have the shape of the batch.
"""

import math
from typing import Any, ClassVar

import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch import distributions as td

from ...errors import FoveateError
from .cores.base import Source


class Head(nn.Module):
    """One part of an action.

    Attributes:
        learned: whether its parameters come from the features; if not, it needs no gradient.
        needs_source: whether `forward` also takes the episode's source.
    """

    learned: ClassVar[bool] = True
    needs_source: ClassVar[bool] = False

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        """The distribution's parameters (…, P) from features (…, H).

        Args:
            features: of the core, (T, B, H).
            source: items (B, L, D) and their lengths, where `needs_source`.
        """
        raise NotImplementedError

    def distribution(self, parameters: Tensor) -> td.Distribution:
        """The distribution with these parameters; events are whole actions of this part."""
        raise NotImplementedError

    def mode(self, parameters: Tensor) -> Tensor:
        """The most likely action."""
        raise NotImplementedError

    def log_prob(self, parameters: Tensor, action: Tensor) -> Tensor:
        """log π(action), the shape of the batch."""
        return self.distribution(parameters).log_prob(action)


def _layers(features: int, hidden: int, outputs: int) -> nn.Module:
    """A linear layer, or two with a ReLU between where `hidden` is not 0; small last weights begin near uniform."""
    last = nn.Linear(hidden or features, outputs)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), last) if hidden else last


class CategoricalHead(Head):
    """`Discrete`: a softmax."""

    def __init__(self, features: int, space: spaces.Discrete, hidden: int = 0):
        super().__init__()
        self.start = int(space.start)
        if space.start != 0:
            raise FoveateError(f"Discrete actions must start at 0, got start={space.start}.")
        self.layers = _layers(features, hidden, int(space.n))

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        return self.layers(features)  # (…, n) logits

    def distribution(self, parameters: Tensor) -> td.Distribution:
        return td.Categorical(logits=parameters, validate_args=False)

    def mode(self, parameters: Tensor) -> Tensor:
        return parameters.argmax(-1)


class AdvantageHead(CategoricalHead):
    """`Discrete`: advantages that sum to zero, as one stream of a dueling network."""

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        advantage = self.layers(features)
        return advantage - advantage.mean(-1, keepdim=True)  # (…, n), Wang et al. 2016, eq. 9


def make_critic(features: int, hidden: int = 0) -> nn.Module:
    """From features to the value of a state, (…, 1), through a hidden layer if `hidden` is not 0."""
    if not hidden:
        return nn.Linear(features, 1)
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, 1))


class MultiCategoricalHead(Head):
    """`MultiDiscrete`: independent softmaxes."""

    def __init__(self, features: int, space: spaces.MultiDiscrete, hidden: int = 0):
        super().__init__()
        if space.start.any():
            raise FoveateError(f"MultiDiscrete actions must start at 0, got start={space.start}.")
        if space.nvec.ndim != 1:
            raise FoveateError(f"MultiDiscrete actions must be one-dimensional, got nvec of shape {space.nvec.shape}.")
        self.sizes = [int(n) for n in space.nvec]
        self.layers = _layers(features, hidden, sum(self.sizes))

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        return self.layers(features)  # (…, Σ n) logits

    def distribution(self, parameters: Tensor) -> td.Distribution:
        return _Joint([td.Categorical(logits=part, validate_args=False) for part in parameters.split(self.sizes, -1)])

    def mode(self, parameters: Tensor) -> Tensor:
        return torch.stack([part.argmax(-1) for part in parameters.split(self.sizes, -1)], -1)


class _Joint(td.Distribution):
    """Independent distributions side by side in the last dimension."""

    def __init__(self, parts: list[td.Distribution]):
        self.parts = parts
        super().__init__(parts[0].batch_shape, torch.Size([len(parts)]), validate_args=False)

    def sample(self, sample_shape: Any = torch.Size()) -> Tensor:  # noqa: B008
        return torch.stack([part.sample(sample_shape) for part in self.parts], -1)

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.stack([part.log_prob(v) for part, v in zip(self.parts, value.unbind(-1), strict=True)]).sum(0)

    def entropy(self) -> Tensor:
        return torch.stack([part.entropy() for part in self.parts]).sum(0)


class BernoulliHead(Head):
    """`MultiBinary`: independent bits."""

    def __init__(self, features: int, space: spaces.MultiBinary, hidden: int = 0):
        super().__init__()
        self.dims = len(space.shape)
        self.shape = space.shape
        self.layers = _layers(features, hidden, math.prod(space.shape))

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        return self.layers(features).unflatten(-1, self.shape)  # (…, *shape) logits

    def distribution(self, parameters: Tensor) -> td.Distribution:
        return td.Independent(td.Bernoulli(logits=parameters, validate_args=False), self.dims, validate_args=False)

    def log_prob(self, parameters: Tensor, action: Tensor) -> Tensor:
        return self.distribution(parameters).log_prob(action.to(parameters.dtype))

    def mode(self, parameters: Tensor) -> Tensor:
        return (parameters > 0).to(parameters.dtype)


class GaussianHead(Head):
    """`Box`: independent Gaussians around a bounded mean; samples may leave the box, and the environment clips them.

    Args:
        features: size of the features.
        space: the part's space; its bounds must be finite.
        hidden: units of a hidden layer, 0 for none.
        std: a fixed standard deviation in units of half the box (Mnih et al. 2014 fix it); None learns one.
    """

    centre: Tensor
    reach: Tensor
    log_std: Tensor

    def __init__(self, features: int, space: spaces.Box, hidden: int = 0, std: float | None = None):
        super().__init__()
        if not (space.bounded_below.all() and space.bounded_above.all()):
            raise FoveateError(f"Box actions need finite bounds, got low={space.low.min()}, high={space.high.max()}.")
        self.shape = space.shape
        self.layers = _layers(features, hidden, math.prod(space.shape))
        self.register_buffer("centre", torch.as_tensor((space.high + space.low) / 2), persistent=False)
        self.register_buffer("reach", torch.as_tensor((space.high - space.low) / 2), persistent=False)
        log_std = torch.full(space.shape, math.log(std if std is not None else 0.5))
        if std is None:
            self.log_std = nn.Parameter(log_std)
        else:
            self.register_buffer("log_std", log_std, persistent=False)

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        mean = self.layers(features).unflatten(-1, self.shape).tanh()
        return mean * self.reach + self.centre  # (…, *shape)

    def distribution(self, parameters: Tensor) -> td.Distribution:
        std = (self.log_std.exp() * self.reach).expand_as(parameters)
        return td.Independent(td.Normal(parameters, std, validate_args=False), len(self.shape), validate_args=False)

    def mode(self, parameters: Tensor) -> Tensor:
        return parameters


class UniformHead(Head):
    """Any space: uniformly random, whatever the features say, and in deterministic play too (a baseline)."""

    learned = False
    low: Tensor
    high: Tensor

    def __init__(self, space: spaces.Space):
        super().__init__()
        self.space = space
        if isinstance(space, spaces.Box):
            self.register_buffer("low", torch.as_tensor(space.low), persistent=False)
            self.register_buffer("high", torch.as_tensor(space.high), persistent=False)
        elif not isinstance(space, spaces.Discrete):
            raise FoveateError(f"a uniform head needs a Box or Discrete part, got {space}.")

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        if isinstance(self.space, spaces.Discrete):
            return features.new_zeros(*features.shape[:-1], int(self.space.n))
        return features.new_zeros(*features.shape[:-1], *self.space.shape)  # type: ignore[misc]

    def distribution(self, parameters: Tensor) -> td.Distribution:
        if isinstance(self.space, spaces.Discrete):
            return td.Categorical(logits=parameters, validate_args=False)
        low, high = self.low.expand_as(parameters), self.high.expand_as(parameters)
        return td.Independent(td.Uniform(low, high, validate_args=False), len(self.low.shape), validate_args=False)

    def mode(self, parameters: Tensor) -> Tensor:
        return self.distribution(parameters).sample()


def make_head(features: int, space: spaces.Space, hidden: int = 0, std: float | None = None) -> Head:
    """The head for one part of an action.

    Args:
        features: size of the features.
        space: the part's space: Discrete, MultiDiscrete, MultiBinary or Box.
        hidden: units of a hidden layer, 0 for none.
        std: for a Box, a fixed standard deviation; None learns one.
    """
    if isinstance(space, spaces.Discrete):
        return CategoricalHead(features, space, hidden)
    if isinstance(space, spaces.MultiDiscrete):
        return MultiCategoricalHead(features, space, hidden)
    if isinstance(space, spaces.MultiBinary):
        return BernoulliHead(features, space, hidden)
    if isinstance(space, spaces.Box):
        return GaussianHead(features, space, hidden, std)
    raise FoveateError(
        f"no head for an action part of type {type(space).__name__}: "
        "allowed are Discrete, MultiDiscrete, MultiBinary and Box."
    )
