"""Readings that a policy samples inside while it learns from targets: REINFORCE with a baseline that moves along."""

import torch
from torch import Tensor

from ..policies.attend import ReadingCore
from ..policies.policy import Policy
from .distributed import Processes, Share

DECAY = 0.9  # of the baseline at each update (Xu et al. 2015, section 4.1)
LOG_PROB = "choice_log_prob"  # the record of how probable readings were


def choosing_core(policy: Policy) -> ReadingCore | None:
    """The part of a policy that samples what it reads; None where none does."""
    cores = (module for module in policy.modules() if isinstance(module, ReadingCore))
    return next((core for core in cores if core.baseline is not None), None)


def choice_loss(
    core: ReadingCore, log_prob: Tensor, cost: Tensor, alive: Tensor, processes: Processes, share: Share
) -> Tensor:
    """What sampled readings cost, of each episode, (B,): the second term of eq. 12 in Xu et al. 2015, negated.

        -λ_r Σ_t (Σ_{k≥t} log p(y_k) - b_t) log p(s_t)

    There each reading is followed by the log-likelihood of the whole text; words before it don't depend on it, so
    leaving them out changes the noise and not the mean. The baseline b_t, the mean of what followed readings at place t
    in updates before, moves along.

    Args:
        core: who reads.
        log_prob: of the readings, by λ_r, (T, B).
        cost: -log p(y_t), 0 where nothing is due, (T, B).
        alive: where the episodes still run, bool (T, B).
        processes: that learn together, for the baseline.
        share: this one's.
    """
    assert core.baseline is not None
    follows = -torch.where(alive, cost.detach(), 0.0).flip(0).cumsum(0).flip(0)  # (T, B)
    place = torch.arange(len(cost), device=cost.device).clamp(max=len(core.baseline) - 1)
    ahead = follows - core.baseline[place][:, None]
    mine = 0.0 if share.spare else 1.0
    sums = processes.total(torch.stack([(follows * alive).sum(1), alive.sum(1).float()]) * mine)  # (2, T)
    every = torch.zeros(2, len(core.baseline), device=cost.device, dtype=sums.dtype).index_add_(1, place, sums)
    mean = every[0] / every[1].clamp(min=1)
    # b <- 0.9 b + 0.1 mean; a place that nobody came to keeps its own
    core.baseline.copy_(torch.where(every[1] > 0, core.baseline.lerp(mean, 1 - DECAY), core.baseline))
    return -torch.where(alive, ahead * log_prob, 0.0).sum(0)
