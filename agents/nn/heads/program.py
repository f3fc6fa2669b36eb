"""The head that calls programs."""

import torch
from gymnasium import spaces
from torch import Tensor, nn

from ..cores.base import Source
from .base import make_layers
from .categorical import MultiCategoricalHead


class ProgramHead(MultiCategoricalHead):
    """`MultiDiscrete`: which program is called is found by its key; the other numbers have a softmax each.

        k_t = f_prog(h_t)                                                           (3)
        π(i) = softmax_i((M^key_i)^T k_t), of which the paper takes the largest     (4)

    Args:
        features: size of h.
        space: the first number is the program, then its arguments, and whether to stop.
        hidden: units of a hidden layer of each, 0 for none.
        keys: size of a key.

    Source:
        Reed & de Freitas 2016, "Neural programmer-interpreters", section 3.1.
    """

    def __init__(self, features: int, space: spaces.MultiDiscrete, hidden: int = 0, keys: int = 32):
        super().__init__(features, space, hidden)
        self.layers = make_layers(features, hidden, sum(self.sizes[1:]))  # f_arg and f_end
        self.ask = make_layers(features, hidden, keys)  # f_prog
        self.keys = nn.Parameter(torch.randn(self.sizes[0], keys))  # M^key

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        return torch.cat([self.ask(features) @ self.keys.T, self.layers(features)], -1)  # (…, Σ n) logits
