"""The losses of policy gradients, as pure functions of tensors (T, B)."""

from typing import Any

import torch
from torch import Tensor

from ..policies.policy import WHOLE, Policy


def supervised_parts(target: Any, policy: Policy) -> dict[str, Any]:
    """Which part of the action each target describes.

    A dict of targets names its parts. A bare target belongs to the part `label` of a Dict action, or to the whole
    action where it is no Dict.
    """
    if target is None:
        return {}
    if isinstance(target, dict):
        return {name: value for name, value in target.items() if name in policy.heads}
    name = WHOLE if WHOLE in policy.heads else "label"
    return {name: target} if name in policy.heads else {}


def masked_mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """The mean over the places where `mask` (bool, the same shape) is True; None takes all, no place gives 0."""
    if mask is None:
        return x.mean()
    return torch.where(mask, x, 0.0).sum() / mask.sum().clamp(min=1)


def cross_entropy(
    policy: Policy, parameters: dict[str, Tensor], targets: dict[str, Any], mask: Tensor | None
) -> Tensor:
    """-log π(target), summed over the parts that have a target, averaged over the places of the mask."""
    losses = [-policy.head(name).log_prob(parameters[name], target) for name, target in targets.items()]
    return masked_mean(torch.stack(losses).sum(0), mask)


def reinforce_loss(log_prob: Tensor, advantage: Tensor, mask: Tensor | None) -> Tensor:
    """-E[A log π(a)]: its gradient is the estimator of Williams 1992 (Mnih et al. 2014, eq. 2, with baseline).

    Args:
        log_prob: of the actions taken, summed over their parts, (T, B).
        advantage: return to go minus baseline, (T, B); no gradient flows into it.
        mask: what counts, bool (T, B) or None.
    """
    return -masked_mean(advantage.detach() * log_prob, mask)


def clipped_loss(
    log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip_range: float, mask: Tensor | None
) -> Tensor:
    """The clipped surrogate objective, negated (Schulman et al. 2017, "Proximal policy optimization", eq. 7)."""
    ratio = (log_prob - old_log_prob).exp()
    advantage = advantage.detach()
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    return -masked_mean(torch.minimum(ratio * advantage, clipped * advantage), mask)
