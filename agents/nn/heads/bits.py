"""The head over independent bits."""

import math

import torch
from gymnasium import spaces
from torch import Tensor
from torch import distributions as td
from torch.nn import functional as F

from ..cores.base import Source
from .base import Head, make_layers, shaped
from .categorical import set_loss


class BernoulliHead(Head):
    """`MultiBinary`: independent bits."""

    def __init__(self, features: int, space: spaces.MultiBinary, hidden: int = 0):
        super().__init__()
        self.dims = len(space.shape)
        self.shape = space.shape
        self.layers = make_layers(features, hidden, math.prod(space.shape))

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        return shaped(self.layers(features), self.shape)  # (…, *shape) logits

    def parameter_shape(self, numbers: int) -> tuple[int, ...]:
        return self.shape

    def distribution(self, parameters: Tensor) -> td.Distribution:
        return td.Independent(td.Bernoulli(logits=parameters, validate_args=False), self.dims, validate_args=False)

    def log_prob(self, parameters: Tensor, action: Tensor) -> Tensor:
        return self.distribution(parameters).log_prob(action.to(parameters.dtype))

    def mode(self, parameters: Tensor) -> Tensor:
        return (parameters > 0).to(parameters.dtype)

    def loss(
        self, parameters: Tensor, target: Tensor, target_set: Tensor | None = None, length: Tensor | None = None
    ) -> Tensor:
        """-log π(target); with a set for each bit, bool (T, B, *shape, 2), a bit that may be both costs nothing.

        Arguments as in `Head.loss`.
        """
        if target_set is None:
            each = F.binary_cross_entropy_with_logits(parameters, target.to(parameters.dtype), reduction="none")
            return each.flatten(-self.dims).sum(-1)
        each = set_loss(torch.stack([torch.zeros_like(parameters), parameters], -1), target_set)  # (T, B, *shape)
        return each.flatten(-self.dims).sum(-1)
