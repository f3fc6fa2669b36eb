"""The losses of policy gradients, as pure functions of tensors (T, B)."""

from collections.abc import Iterable

import torch
from torch import Tensor

from ..policies.policy import Policy


def supervised_parts(target: dict[str, Tensor] | None, policy: Policy) -> dict[str, Tensor]:
    """The targets of those parts of the action that the policy has a head for."""
    return {name: value for name, value in (target or {}).items() if name in policy.heads}


def stepwise_parts(target: dict[str, Tensor] | None, policy: Policy) -> dict[str, Tensor]:
    """`supervised_parts`, but for those whose cost is known of whole episodes only."""
    return {n: value for n, value in supervised_parts(target, policy).items() if not policy.head(n).whole_episodes}


def masked_mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """The mean over the places where `mask` (bool, the same shape) is True; None takes all, no place gives 0."""
    if mask is None:
        return x.mean()
    return torch.where(mask, x, 0.0).sum() / mask.sum().clamp(min=1)


def added(parts: Iterable[Tensor]) -> Tensor:
    """The sum of tensors of one shape; most actions have one part, which is its own sum."""
    first, *rest = parts
    return torch.stack([first, *rest]).sum(0) if rest else first


def target_loss(
    policy: Policy,
    parameters: dict[str, Tensor],
    targets: dict[str, Tensor],
    target_sets: dict[str, Tensor] | None = None,
    length: Tensor | None = None,
) -> Tensor:
    """-log π(target), summed over the parts that have a target, (…); of a set of right answers, -log of all of it.

    Args:
        policy: whose heads say what a target costs.
        parameters: each head's, (…, n).
        targets: by part; at least one.
        target_sets: by part, which values would all be right, bool (…, n).
        length: steps of each episode, int64 (B,), where these are whole episodes, padded.
    """
    sets = target_sets or {}
    return added(
        policy.head(name).loss(parameters[name], target, sets.get(name), length) for name, target in targets.items()
    )


def cross_entropy(
    policy: Policy,
    parameters: dict[str, Tensor],
    targets: dict[str, Tensor],
    mask: Tensor | None,
    target_sets: dict[str, Tensor] | None = None,
    length: Tensor | None = None,
    due: Tensor | None = None,
) -> Tensor:
    """`target_loss`, averaged over the places of the mask.

    Args:
        policy: whose heads say what a target costs.
        parameters: each head's, (T, B, …).
        targets: by part, (T, B, …); at least one.
        mask: what counts, bool (T, B); None counts all.
        target_sets: by part, which values would all be right, bool (T, B, …, n).
        length: steps of each episode, int64 (B,), where these are whole episodes, padded.
        due: where the world asks for the targets, bool (T, B): elsewhere one that is no action costs nothing.
    """
    cost = target_loss(policy, parameters, targets, target_sets, length)
    return masked_mean(cost if due is None else torch.where(cost.isposinf() & ~due, 0.0, cost), mask)


def counted(policy: Policy, targets: dict[str, Tensor], mask: Tensor, length: Tensor) -> Tensor:
    """Where a cost counts, bool (T, B): where the mask says so, and where the loss of a whole episode stands.

    Args:
        policy: whose heads say what their losses are of.
        targets: by part.
        mask: where the targets count, bool (T, B).
        length: steps of each episode, int64 (B,).
    """
    if not any(policy.head(name).whole_episodes for name in targets):
        return mask
    return mask | (torch.arange(len(mask), device=mask.device)[:, None] == length - 1)


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
    """The clipped surrogate objective, negated (Schulman et al. 2017, "Proximal policy optimization", eq. 7).

    Args:
        log_prob: of the actions taken, under the present weights, (T, B).
        old_log_prob: of the same actions, under the weights that chose them, (T, B).
        advantage: (T, B); no gradient flows into it.
        clip_range: ε > 0; beyond 1 ± ε a ratio of probabilities earns nothing more.
        mask: what counts, bool (T, B); None counts all.
    """
    ratio = (log_prob - old_log_prob).exp()
    advantage = advantage.detach()
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    return -masked_mean(torch.minimum(ratio * advantage, clipped * advantage), mask)


def first_of(mask: Tensor) -> Tensor:
    """Where whole episodes start, bool (T, B): at the first step."""
    starts = torch.zeros_like(mask)
    starts[0] = True
    return starts
