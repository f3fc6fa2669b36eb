"""A head over what each step of a moment came to: the action of the step at which the thinking stops."""

import torch
from torch import Tensor, nn
from torch import distributions as td

from ....errors import FoveateError
from ..cores.base import Source
from ..cores.ponder_net import Steps
from .base import Head


class OverSteps(td.Distribution):
    """A mixture: first the step at which the thinking stops, then an action as it is at that step.

    Args:
        each: at each step, of batch shape (…, N).
        log_p: log p_n, (…, N).
    """

    def __init__(self, each: td.Distribution, log_p: Tensor):
        self.each, self.log_p = each, log_p
        super().__init__(log_p.shape[:-1], each.event_shape, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """log Σ_n p_n π_n(a)."""
        return (self.log_p + self.each.log_prob(_at_every_step(value, self.log_p))).logsumexp(-1)

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        with torch.no_grad():
            said = self.each.sample(sample_shape)  # (…, N, *event)
            last = td.Categorical(logits=self.log_p, validate_args=False).sample(sample_shape)
            return _taken(said, last, len(self.event_shape))

    def entropy(self) -> Tensor:
        """Of the action when the step is known, Σ p_n H(π_n): a lower bound; a mixture's has no closed form."""
        return (self.log_p.exp() * self.each.entropy()).sum(-1)


def _taken(of_each: Tensor, step: Tensor, dims: int) -> Tensor:
    """What stands at a step, (…, *rest), of (…, N, *rest) with so many dimensions at the end."""
    place = of_each.ndim - dims - 1
    index = step.reshape(*step.shape, *(1,) * (dims + 1)).expand(*of_each.shape[:place], 1, *of_each.shape[place + 1 :])
    return of_each.gather(place, index).squeeze(place)


def _at_every_step(value: Tensor, log_p: Tensor) -> Tensor:
    """The same (…, *rest) at each of N steps, (…, N, *rest), of which log p_n, (…, N), tells the shape."""
    place = log_p.ndim - 1
    return value.unsqueeze(place).expand(*log_p.shape, *value.shape[place:])


class SteppedHead(Head):
    """Another head at every step of a `PonderNet`; its parameters are those of all steps, with log p_n.

    While learning a target costs Σ p_n L_n, what it costs in the mean over the steps at which the thinking may stop
    (Banino et al. 2021, section 2.3); in play the step is sampled, or it is the likeliest one.

    Args:
        head: from features (…, D) to parameters.
        steps: N.

    Raises:
        FoveateError: the head wants more than the features of a moment.
    """

    def __init__(self, head: Head, steps: int):
        super().__init__()
        if head.needs_source or head.needs_observation or head.whole_episodes or head.ragged:
            raise FoveateError(f"{type(head).__name__} can't be had at every step: it wants more than its features.")
        self.head, self.steps = head, steps

    def forward(self, features: Tensor, source: Source | None = None) -> Tensor:
        said = Steps.unpacked(features, self.steps)
        of_each = self.head(said.of)  # (…, N, *shape)
        return Steps(of_each.flatten(said.of.ndim - 1), said.log_p).packed()  # (…, N (P + 1))

    def _each(self, parameters: Tensor) -> Steps:
        """The parameters of each step, (…, N, *shape), and log p_n."""
        said = Steps.unpacked(parameters, self.steps)
        return said._replace(of=said.of.unflatten(-1, self.head.parameter_shape(said.of.shape[-1])))

    def distribution(self, parameters: Tensor) -> OverSteps:
        said = self._each(parameters)
        return OverSteps(self.head.distribution(said.of), said.log_p)

    def mode(self, parameters: Tensor) -> Tensor:
        """The likeliest action of the likeliest last step."""
        said = self._each(parameters)
        return self.head.mode(_taken(said.of, said.log_p.argmax(-1), said.of.ndim - said.log_p.ndim))

    def log_prob(self, parameters: Tensor, action: Tensor) -> Tensor:
        """log Σ_n p_n π_n(a), (…)."""
        said = self._each(parameters)
        return (said.log_p + self.head.log_prob(said.of, _at_every_step(action, said.log_p))).logsumexp(-1)

    def judged(self, parameters: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        return self.log_prob(parameters, action), self.distribution(parameters).entropy()

    def index_of(self, choice: Tensor) -> Tensor:
        return self.head.index_of(choice)

    def as_choice(self, target: Tensor) -> Tensor:
        return self.head.as_choice(target)

    def countable(self, choice: Tensor) -> Tensor:
        return self.head.countable(choice)

    def loss(
        self, parameters: Tensor, target: Tensor, target_set: Tensor | None = None, length: Tensor | None = None
    ) -> Tensor:
        """Σ p_n L_n, (T, B). Arguments as in `Head.loss`."""
        said = self._each(parameters)  # (T, B, N, *shape)
        sets = None if target_set is None else _at_every_step(target_set, said.log_p)
        costs = self.head.loss(said.of, _at_every_step(target, said.log_p), sets)  # (T, B, N)
        return (said.log_p.exp() * costs).sum(-1)


class Expected(nn.Module):
    """Σ p_n of what all steps came to, (…, D), of a `PonderNet`'s output: for whoever wants one vector.

    Args:
        steps: N.
    """

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def forward(self, numbers: Tensor) -> Tensor:
        return Steps.unpacked(numbers, self.steps).mean()
