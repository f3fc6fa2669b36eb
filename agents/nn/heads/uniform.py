"""The head that learns nothing."""

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch import distributions as td

from ....errors import FoveateError
from ..cores.base import Source
from .base import Head
from .categorical import Counted


class UniformHead(Head):
    """A space of any kind: uniformly random, whatever the features say, and in deterministic play too (a baseline)."""

    learned = False
    low: Tensor
    high: Tensor

    def __init__(self, space: spaces.Space):
        super().__init__()
        self.space = space
        if isinstance(space, spaces.Box):
            self.register_buffer("low", torch.as_tensor(space.low.astype(np.float32)), persistent=False)
            self.register_buffer("high", torch.as_tensor(space.high.astype(np.float32)), persistent=False)
        elif not isinstance(space, spaces.Discrete):
            raise FoveateError(f"a uniform head needs a Box or Discrete part, got {space}.")

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        if isinstance(self.space, spaces.Discrete):
            return features.new_zeros(*features.shape[:-1], int(self.space.n))
        return features.new_zeros(*features.shape[:-1], *self.low.shape)

    def distribution(self, parameters: Tensor) -> td.Distribution:
        if isinstance(self.space, spaces.Discrete):
            return Counted(parameters, int(self.space.start))
        low, high = self.low.expand_as(parameters), self.high.expand_as(parameters)
        return td.Independent(td.Uniform(low, high, validate_args=False), len(self.low.shape), validate_args=False)

    def mode(self, parameters: Tensor) -> Tensor:
        return self.sample(parameters)
