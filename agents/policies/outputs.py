"""What policies say: predictions, choices, judgements of choices."""

from typing import NamedTuple

from torch import Tensor

from ...tree import Tree
from ..nn.cores.base import Source, State

Named = dict[str, Tensor]


class PolicyPrediction(NamedTuple):
    """What a policy says of sequences of observations.

    Attributes:
        parameters: each head's parameters, (T, B, …).
        value: the critic's estimates of the return, (T, B).
        state: after the last step.
        losses: the core's own costs by name, (T, B), and a source encoder's where an episode starts.
        records: what was attended to, by name, (T, B, …); empty where nobody asked.
    """

    parameters: Named
    value: Tensor
    state: State
    losses: Named
    records: Named


class PolicyOutput(NamedTuple):
    """What a policy does at one moment.

    Attributes:
        action: as the action space wants it, a tensor (B, …) or a dict of them.
        choices: every stochastic choice by name, parts of the action or not, (B, …).
        log_prob: the log-probability of each choice, (B,); empty where nobody asked.
        value: the critic's estimate of the return, (B,).
        state: after this step.
        parameters: each head's parameters, (B, …).
        records: what was attended to, by name, (B, …); empty where nobody asked.
    """

    action: Tree
    choices: Named
    log_prob: Named
    value: Tensor
    state: State
    parameters: Named
    records: Named


class PolicyEvaluation(NamedTuple):
    """What a policy thinks of choices of the past, each (T, B).

    Attributes:
        log_prob: of each choice, by name.
        entropy: of each choice's distribution, by name.
        value: the critic's estimates.
        parameters: each head's parameters, (T, B, …), for losses that want more than the choice.
        losses: the core's own costs by name.
    """

    log_prob: Named
    entropy: Named
    value: Tensor
    parameters: Named
    losses: Named


class SourceState(NamedTuple):
    """The state of a policy that has read a source."""

    source: Source
    core: State
