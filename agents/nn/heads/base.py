"""The contract of a head: from features to a distribution over one part of an action, and what a target costs."""

from typing import ClassVar

import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Shaped
from torch import Tensor, nn
from torch import distributions as td

from ....errors import FoveateError
from ....tree import Tree
from ..cores.base import Named, Source
from ..noise import sampled


class Head(nn.Module):
    """One part of an action.

    It turns features into parameters; `distribution(parameters)` is a torch distribution whose events are whole actions
    of that part, so ``log_prob`` and ``entropy`` have the shape of the batch.

    Attributes:
        learned: whether its parameters come from the features; if not, it needs no gradient.
        needs_source: whether `forward` also takes the episode's source.
        needs_observation: whether `forward` also takes ``observation``, the tensors (…, *shape) that were observed.
        whole_episodes: whether its loss is of a whole episode, and stands at the last step.
        ragged: whether it has as many parameters as the longest source of a batch is long.
    """

    learned: ClassVar[bool] = True
    needs_source: ClassVar[bool] = False
    needs_observation: ClassVar[bool] = False
    whole_episodes: ClassVar[bool] = False
    ragged: ClassVar[bool] = False

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        """The distribution's parameters, (…, P).

        Args:
            features: of the core, (…, H); where `needs_source`, (T, B, H) or (B, H).
            source: the items (B, L, D) of each episode's source and their lengths, where `needs_source`.
        """
        raise NotImplementedError

    def parameter_shape(self, numbers: int) -> tuple[int, ...]:
        """How the numbers of one action's parameters are laid out, where they were flattened.

        Args:
            numbers: P, how many they are.
        """
        return (numbers,)

    def distribution(self, parameters: Tensor) -> td.Distribution:
        """The distribution with these parameters; events are whole actions of this part."""
        raise NotImplementedError

    def mode(self, parameters: Tensor) -> Tensor:
        """The most likely action."""
        raise NotImplementedError

    def sample(self, parameters: Tensor) -> Tensor:
        """Actions of a batch, (B, …), at random."""
        return sampled(lambda some: self.distribution(some).sample(), parameters)

    def log_prob(self, parameters: Tensor, action: Tensor) -> Tensor:
        """log π(action), the shape of the batch."""
        return self.distribution(parameters).log_prob(action)

    def judged(self, parameters: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """log π(action) and the entropy of π, each the shape of the batch."""
        return self.log_prob(parameters, action), self.distribution(parameters).entropy()

    def index_of(self, choice: Tensor) -> Tensor:
        """Which of its values each number of a choice is, int64 (…): counted from 0, as sets of right answers are."""
        return choice.long()

    def as_choice(self, target: Tensor) -> Tensor:
        """What to do where a target is followed, (…): the target itself, if it is one of this part's actions."""
        return target

    def countable(self, choice: Tensor) -> Tensor:
        """The numbers of a choice that can be right or wrong, (T, B, n): none of those that have a density.

        Args:
            choice: an action of this part at each step, (T, B, …).
        """
        return choice.flatten(2) if choice.ndim > 2 else choice[..., None]

    def sharpened(self, parameters: Tensor, bias: float) -> Tensor:
        """The parameters of samples that are drawn towards what is likely, as far as this head knows how.

        Args:
            parameters: from `forward`, (…, P).
            bias: how far; 0 samples as it was learned.
        """
        return parameters

    def loss(
        self, parameters: Tensor, target: Tensor, target_set: Tensor | None = None, length: Tensor | None = None
    ) -> Tensor:
        """What the targets cost, in nats, (T, B): -log π(target).

        Args:
            parameters: from `forward`, (T, B, P).
            target: an action of this part at each step, (T, B, …).
            target_set: which values of each number would all be right, bool (T, B, …, n), where a head knows sets.
            length: steps of each episode, int64 (B,), for losses of whole episodes; None takes all T.

        Raises:
            FoveateError: a set was given, and the head knows no sets.
        """
        if target_set is not None:
            raise FoveateError(f"{type(self).__name__} knows no sets of right answers.")
        return -self.log_prob(parameters, target)

    def costs(self, parameters: Tensor, observation: Tree) -> Named:
        """What these parameters cost in themselves, whatever is chosen, by name, each (T, B); most cost nothing.

        Args:
            parameters: from `forward`, (T, B, P).
            observation: what was seen, tensors (T, B, …).
        """
        return {}


def shaped(numbers: Shaped[Tensor, "*batch n"], shape: tuple[int, ...]) -> Shaped[Tensor, "..."]:
    """Numbers (…, n) in the shape of an action, (…, *shape), which may be ()."""
    return numbers.reshape(*numbers.shape[:-1], *shape)


def middle_of(space: spaces.Box) -> tuple[Tensor, Tensor]:
    """The centre of a Box and half its width, float32 of its shape; not finite where it has no bounds."""
    wide = np.float32 if space.dtype == np.float32 else np.float64  # sums of whole numbers may leave their type
    low, high = space.low.astype(wide), space.high.astype(wide)
    with np.errstate(all="ignore"):
        parts = (high + low) / 2, (high - low) / 2
    return torch.as_tensor(parts[0].astype(np.float32)), torch.as_tensor(parts[1].astype(np.float32))


def make_layers(features: int, hidden: int, outputs: int) -> nn.Module:
    """A linear layer, or two with a ReLU between where `hidden` is not 0; small last weights begin near uniform."""
    last = nn.Linear(hidden or features, outputs)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), last) if hidden else last
