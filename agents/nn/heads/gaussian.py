"""The head over a box: one Gaussian around a bounded mean."""

import math

import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch import distributions as td

from ....errors import FoveateError
from ..bounds import bounded
from ..cores.base import Source
from .base import Head, make_layers, middle_of, shaped


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
        with torch.device("cpu"):  # its values are looked at, also where a policy is built without memory
            centre, reach = middle_of(space)
        if not (space.bounded_below.all() and space.bounded_above.all() and reach.isfinite().all()):
            raise FoveateError(f"Box actions need finite bounds, got low={space.low.min()}, high={space.high.max()}.")
        self.shape = space.shape
        self.layers = make_layers(features, hidden, math.prod(space.shape))
        self.register_buffer("centre", centre, persistent=False)
        self.register_buffer("reach", reach, persistent=False)
        log_std = torch.full(space.shape, math.log(std if std is not None else 0.5))
        if std is None:
            self.log_std = nn.Parameter(log_std)
        else:
            self.register_buffer("log_std", log_std, persistent=False)

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        mean = shaped(self.layers(features), self.shape).tanh()
        return mean * self.reach + self.centre  # (…, *shape)

    def distribution(self, parameters: Tensor) -> td.Distribution:
        std = (bounded(self.log_std).exp() * self.reach).expand_as(parameters)
        return td.Independent(td.Normal(parameters, std, validate_args=False), len(self.shape), validate_args=False)

    def mode(self, parameters: Tensor) -> Tensor:
        return parameters

    def countable(self, choice: Tensor) -> Tensor:
        return super().countable(choice)[..., :0]
