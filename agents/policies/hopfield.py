"""An associative memory as an agent: it writes what the present reminds it of, and learned nothing."""

import math
from typing import Literal

import torch
from gymnasium import spaces
from torch import nn

from ...errors import check_range
from ..nn.cores import Hopfield
from ..nn.encoders import MLP
from ..nn.heads import BernoulliHead
from .policy import Policy

SURE = 10.0  # the logit of a bit that is remembered as 1


class HopfieldAgent(Policy):
    """Stores what it sees, and writes how the present is completed by it: a Hopfield network, without any training.

    Where bits are to be written, it begins with the last numbers of the completed observation, of which those above
    zero are ones: that is all of `Memory/Completion`, which shows patterns of -1 and 1 and asks for one. Other actions
    are chosen by linear heads on what the present reminds it of, and they do learn.

    Args:
        observation_space: any mix of common spaces; its numbers, one behind the other, are the pattern.
        action_space: any mix of parts.
        rule: "modern" (Ramsauer et al. 2021, attention in one step), or what a classical network stores patterns by:
            "hebb" or "pseudo-inverse".
        beta: how much the nearest pattern counts more than others ("modern").
        steps: updates of the modern network; of the classical one at most so many of all units, until it settles.
        updates: of the classical network: one unit after the other ("asynchronous"), or all at once ("synchronous").
        context: moments that are stored.

    Source:
        Hopfield 1982, "Neural networks and physical systems with emergent collective computational abilities"; Ramsauer
        et al. 2021, "Hopfield networks is all you need".
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        rule: Literal["modern", "hebb", "pseudo-inverse"] = "modern",
        beta: float = 1.0,
        steps: int = 1,
        updates: Literal["asynchronous", "synchronous"] = "asynchronous",
        context: int = 128,
    ):
        check_range("beta", beta, 1e-6)
        pattern = MLP(observation_space, ())
        size = pattern.output_size
        core = Hopfield(size, 0, rule=rule, beta=beta, steps=steps, updates=updates, context=context)
        super().__init__(observation_space, action_space, pattern, core)
        for name in self.heads:
            head = self.head(name)
            bits = math.prod(head.shape) if isinstance(head, BernoulliHead) else 0
            if isinstance(head, BernoulliHead) and isinstance(head.layers, nn.Linear) and bits <= size:
                with torch.no_grad():
                    head.layers.weight.copy_(SURE * torch.eye(size)[size - bits :])
