"""Heads over finite choices: one softmax, or several side by side."""

from collections.abc import Iterator

import torch
from gymnasium import spaces
from jaxtyping import Bool, Float
from torch import Tensor
from torch import distributions as td
from torch.distributions.utils import lazy_property

from ....errors import FoveateError
from ..cores.base import Source
from .base import Head, make_layers


class Counted(td.Categorical):
    """A categorical distribution over the whole numbers from `start` on.

    Args:
        logits: (…, n).
        start: the first number.
    """

    def __init__(self, logits: Tensor, start: int = 0):
        self._param = vars(self)["logits"] = logits.log_softmax(-1)  # one operator, where the base takes two
        self._num_events, self.start = logits.shape[-1], start
        td.Distribution.__init__(self, logits.shape[:-1], validate_args=False)

    @lazy_property
    def probs(self) -> Tensor:
        return self.logits.exp()

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        probs = self.probs.nan_to_num(1.0).reshape(-1, self._num_events)  # of choices all ruled out none is likelier
        index = torch.multinomial(probs, sample_shape.numel(), True).T.reshape(sample_shape + self.batch_shape)
        return index + self.start if self.start else index

    def log_prob(self, value: Tensor) -> Tensor:
        return super().log_prob(value - self.start if self.start else value)


class Softmax(Head):
    """`Discrete`: a softmax over logits, wherever these come from.

    Args:
        space: of the numbers.
    """

    def __init__(self, space: spaces.Discrete):
        super().__init__()
        self.start, self.count = int(space.start), int(space.n)

    def distribution(self, parameters: Tensor) -> td.Distribution:
        return Counted(parameters, self.start)

    def judged(self, parameters: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        distribution = self.distribution(parameters)
        return distribution.log_prob(action), distribution.entropy()

    def mode(self, parameters: Tensor) -> Tensor:
        best = parameters.argmax(-1)
        return best + self.start if self.start else best

    def index_of(self, choice: Tensor) -> Tensor:
        return choice.long() - self.start

    def as_choice(self, target: Tensor) -> Tensor:
        return target.clamp(self.start, self.start + self.count - 1)  # where nothing is due, it may be anything

    def loss(
        self, parameters: Tensor, target: Tensor, target_set: Tensor | None = None, length: Tensor | None = None
    ) -> Tensor:
        """-log π(target); of a set of right answers -log Σ_{a in the set} π(a). An empty set asks for nothing.

        Infinite where there is no such action.         Arguments as in `Head.loss`.
        """
        if target_set is not None:
            return set_loss(parameters, target_set)
        return _cost(-self.log_prob(parameters, self.as_choice(target)), target == self.as_choice(target))


class CategoricalHead(Softmax):
    """`Discrete`: a softmax."""

    def __init__(self, features: int, space: spaces.Discrete, hidden: int = 0):
        super().__init__(space)
        self.layers = make_layers(features, hidden, int(space.n))

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        return self.layers(features)  # (…, n) logits


def _cost(each: Tensor, possible: Tensor) -> Tensor:
    """What targets cost, (…): where they are no possible actions, they may not be due, and infinity finds out."""
    return torch.where(possible, each, torch.inf)


def set_loss(logits: Float[Tensor, "*batch n"], target_set: Bool[Tensor, "*batch n"]) -> Float[Tensor, "*batch"]:
    """-log of the summed probability of a set of right answers, (…); 0 where the set is empty.

    Args:
        logits: (…, n).
        target_set: bool, (…, n).
    """
    right = target_set | ~target_set.any(-1, keepdim=True)  # of an empty set no logarithm, and no gradient, is finite
    return logits.logsumexp(-1) - logits.masked_fill(~right, -torch.inf).logsumexp(-1)


class AdvantageHead(CategoricalHead):
    """`Discrete`: advantages that sum to zero, as one stream of a dueling network."""

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        advantage = self.layers(features)
        return advantage - advantage.mean(-1, keepdim=True)  # (…, n), Wang et al. 2016, eq. 9


class MultiCategoricalHead(Head):
    """`MultiDiscrete`: independent softmaxes."""

    def __init__(self, features: int, space: spaces.MultiDiscrete, hidden: int = 0):
        super().__init__()
        if space.nvec.ndim != 1:
            raise FoveateError(f"MultiDiscrete actions must be one-dimensional, got nvec of shape {space.nvec.shape}.")
        self.sizes, self.starts = [int(n) for n in space.nvec], [int(n) for n in space.start]
        self.layers = make_layers(features, hidden, sum(self.sizes))

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        return self.layers(features)  # (…, Σ n) logits

    def distribution(self, parameters: Tensor) -> td.Distribution:
        return _Joint([Counted(part, start) for part, start in self._each(parameters)])

    def mode(self, parameters: Tensor) -> Tensor:
        return torch.stack([part.argmax(-1) + start for part, start in self._each(parameters)], -1)

    def _each(self, parameters: Tensor) -> Iterator[tuple[Tensor, int]]:
        """The logits of each softmax, and the number that it counts from."""
        return zip(parameters.split(self.sizes, -1), self.starts, strict=True)

    def index_of(self, choice: Tensor) -> Tensor:
        return choice.long() - torch.tensor(self.starts, device=choice.device)

    def as_choice(self, target: Tensor) -> Tensor:
        low = torch.tensor(self.starts, dtype=target.dtype, device=target.device)
        return target.clamp(low, low + torch.tensor(self.sizes, dtype=target.dtype, device=target.device) - 1)

    def loss(
        self, parameters: Tensor, target: Tensor, target_set: Tensor | None = None, length: Tensor | None = None
    ) -> Tensor:
        """-log π(target); with a set for each number, bool (T, B, D, n) for the largest n, the sum of their costs.

        Infinite where there is no such action.         Arguments as in `Head.loss`.
        """
        if target_set is None:
            possible = (target == self.as_choice(target)).all(-1)
            return _cost(-self.log_prob(parameters, self.as_choice(target)), possible)
        parts = zip(parameters.split(self.sizes, -1), target_set.unbind(-2), strict=True)
        return torch.stack([set_loss(logits, right[..., : logits.shape[-1]]) for logits, right in parts]).sum(0)


class _Joint(td.Distribution):
    """Independent distributions side by side in the last dimension."""

    def __init__(self, parts: list[td.Distribution]):
        self.parts = parts
        super().__init__(parts[0].batch_shape, torch.Size([len(parts)]), validate_args=False)

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        return torch.stack([part.sample(sample_shape) for part in self.parts], -1)

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.stack([part.log_prob(v) for part, v in zip(self.parts, value.unbind(-1), strict=True)]).sum(0)

    def entropy(self) -> Tensor:
        return torch.stack([part.entropy() for part in self.parts]).sum(0)
