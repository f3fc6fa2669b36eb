"""The head of a pen: where it goes to next, by a mixture of Gaussians, and what it does there (Graves 2013,
"Generating sequences with recurrent neural networks", section 4.2)."""

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch import distributions as td

from ....errors import FoveateError
from ..cores.base import Source
from .base import Head, make_layers
from .mixture import GaussianMixture, MixtureHead


class PenPoints(td.Distribution):
    """Points whose last number is one of n whole numbers, independent of the others.

    Args:
        move: of the other numbers.
        does: the logits of the last one, (…, n).
        least: its lowest value.
    """

    def __init__(self, move: GaussianMixture, does: Tensor, least: int):
        self.move, self.does, self.least = move, td.Categorical(logits=does, validate_args=False), least
        super().__init__(does.shape[:-1], torch.Size([move.event_shape[0] + 1]), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of eq. 23's density, and of the probability of what the pen does."""
        return self.move.log_prob(value[..., :-1]) + self.does.log_prob((value[..., -1] - self.least).round())

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        return self.joined(self.move.sample(sample_shape), self.does.sample(sample_shape))

    def mode_of_parts(self) -> Tensor:
        """The likeliest component's mean, and the likeliest thing to do."""
        return self.joined(self.move.mode_of_components(), self.does.logits.argmax(-1))

    def joined(self, move: Tensor, does: Tensor) -> Tensor:
        """A point of its parts; `does` counts from 0."""
        return torch.cat([move, (does + self.least)[..., None].to(move.dtype)], -1)

    def entropy(self) -> Tensor:
        """An upper bound, as a mixture's is."""
        return self.move.entropy() + self.does.entropy()


class PenHead(Head):
    """`Box` of numbers in a row, the last a whole one: a mixture of Gaussians for the others, and a softmax for it.

    Where a pen goes to next is given by its move in x and in y, with correlations, in the box's own units, and the last
    number says what the pen does there. In the paper that is whether it is lifted (e_t, eqs. 18 and 25), here any of
    the whole numbers within the last bounds.

    Args:
        features: size of the features.
        space: the part's space.
        hidden: units of a hidden layer, 0 for none.
        components: M.
    """

    def __init__(self, features: int, space: spaces.Box, hidden: int = 0, components: int = 20):
        super().__init__()
        bounds = [float(bound[-1]) for bound in (space.low, space.high)] if len(space.shape) == 1 else []
        if not bounds or space.shape[0] < 2 or not all(np.isfinite(bounds)) or any(x % 1 for x in bounds):
            raise FoveateError(
                f"this head writes with a pen: it needs a Box of at least 2 numbers in a row, the last of them between "
                f"whole ones, got {space}. Sequence/Handwriting-v0 has one."
            )
        self.least, count = int(bounds[0]), int(bounds[1] - bounds[0]) + 1
        self.move = MixtureHead(features, spaces.Box(-np.inf, np.inf, (space.shape[0] - 1,)), hidden, components)
        self.does = make_layers(features, hidden, count)
        self.count = count

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        return torch.cat([self.move(features), self.does(features)], -1)

    def distribution(self, parameters: Tensor) -> PenPoints:
        move, does = parameters.tensor_split([parameters.shape[-1] - self.count], -1)
        return PenPoints(self.move.distribution(move), does, self.least)

    def mode(self, parameters: Tensor) -> Tensor:
        return self.distribution(parameters).mode_of_parts()

    def countable(self, choice: Tensor) -> Tensor:
        return choice[..., -1:].round()

    def sharpened(self, parameters: Tensor, bias: float) -> Tensor:
        """As of a mixture; what the pen does gets likelier like its components, since it may end a text too early.

        (In the paper e_t is left as it is, and a text ends when the window has passed it.)
        """
        move, does = parameters.tensor_split([parameters.shape[-1] - self.count], -1)
        return torch.cat([self.move.sharpened(move, bias), does * (1 + bias)], -1)
