"""Returns and advantages as pure functions of time-indexed tensors (T, B)."""

from collections.abc import Mapping

import torch
from torch import Tensor


def advantages(
    r_t: Tensor,
    v_t: Tensor,
    last_value: Tensor,
    ended_t: Tensor,
    truncation_value: Tensor,
    gamma: float,
    lambda_: float,
) -> Tensor:
    """Generalised advantage estimates (Schulman et al. 2016, "High-dimensional continuous control", eq. 16).

        δ_t = r_t + γ V(s_{t+1}) - V(s_t)                    eq. 9 (V = 0 after the end of an episode)
        A_t = δ_t + γ λ A_{t+1}                              eq. 16 as a recursion, cut where episodes end

    With λ = 1 this is the return to go minus the baseline V: REINFORCE (Williams 1992).

    Args:
        r_t: rewards, (T, B).
        v_t: values of the states that the actions were taken in, (T, B).
        last_value: values of the states after the last step, (B,); ignored where an episode ended there.
        ended_t: bool, (T, B), whether the step ended an episode (terminated or truncated).
        truncation_value: (T, B), where an episode was truncated the value of the state it was cut at, else 0.
        gamma: discount γ.
        lambda_: λ.

    Returns:
        A_t, (T, B).
    """
    assert r_t.shape == v_t.shape == ended_t.shape == truncation_value.shape, (
        "rewards, values, ends must agree in (T, B)"
    )
    going = (~ended_t).to(r_t.dtype)
    v_next = torch.cat([v_t[1:], last_value[None]])  # V(s_{t+1})
    delta = r_t + gamma * (v_next * going + truncation_value) - v_t  # (T, B)
    a_next, found = torch.zeros_like(last_value), []
    for delta_now, decay in zip(reversed(delta.unbind()), reversed((gamma * lambda_ * going).unbind()), strict=True):
        a_next = torch.addcmul(delta_now, decay, a_next)  # (B,)
        found.append(a_next)
    return torch.stack(found[::-1])


def likelihood_gains(log_prob_t: Tensor, ended_t: Tensor, gamma: float = 1.0, mean: bool = False) -> Tensor:
    """How much better the answers after a step are than the answer at it, summed to the end of the question.

        G_t = 1/N_t Σ_{k>t} γ^(k-t-1) (log π_k(target) - log π_t(target))

    with N_t = T for the sum, or N_t = Σ_{k>t} γ^(k-t-1) for the mean of all later answers: the first choice then weighs
    no more than the last, though more answers follow it.

    The sum of log π_k(target) is the learning signal of Ba et al. 2014 ("Multiple object recognition with visual
    attention", eq. 11). What is subtracted knows the target but not the action at t, so it is a baseline: it changes
    the variance of the policy gradient (a hard image no longer looks like a bad glance) and not its mean. Across two
    questions answers aren't comparable: the end of a number is easier to tell than a digit, and that difference would
    swamp what a glance was worth.

    Args:
        log_prob_t: of the targets, log π_t(target), (T, B).
        ended_t: bool, (T, B), whether the step ended a question (see `question_ends`), or an episode of one.
        gamma: how much later answers count; below 1 a glance answers for the next answers rather than for all.
        mean: take the mean over the later answers instead of their sum.

    Returns:
        G_t, (T, B); 0 at the last step of a question, where no answer to it follows.
    """
    result = torch.zeros_like(log_prob_t)
    after, count = torch.zeros_like(log_prob_t[0]), torch.zeros_like(log_prob_t[0])  # Σ and number of later steps, (B,)
    for t in range(len(log_prob_t) - 2, -1, -1):
        going = (~ended_t[t]).to(log_prob_t.dtype)
        after, count = going * (log_prob_t[t + 1] + gamma * after), going * (1 + gamma * count)
        result[t] = (after - count * log_prob_t[t]) / (count.clamp(min=1) if mean else len(log_prob_t))
    return result


def question_ends(target: Mapping[str, Tensor] | None, mask_t: Tensor | None, ended_t: Tensor) -> Tensor:
    """Where a question ends: with its answer, or where the right answer to the next step is another.

    Args:
        target: the right answers by part, (T, B, …).
        mask_t: bool, (T, B), whether the step's answer counts; None: all count. One that counts, before one that
            doesn't, ends a question, also where the next right answer is the same by chance (33, digit by digit).
        ended_t: bool, (T, B), whether the step ended an episode.

    Returns:
        bool, (T, B).
    """
    ends = ended_t.clone()
    for answer in (target or {}).values():
        ends[:-1] |= (answer[1:] != answer[:-1])[..., None].flatten(2).any(-1)
    if mask_t is not None:
        ends[:-1] |= mask_t[:-1] & ~mask_t[1:]
    return ends


def explained_variance(predicted: Tensor, actual: Tensor, mask: Tensor | None = None) -> Tensor:
    """1 - Var(actual - predicted) / Var(actual): 1 is perfect, 0 no better than a constant; 0 if nothing varies.

    Args:
        predicted: what a critic said, (T, B).
        actual: the returns, (T, B).
        mask: what counts, bool (T, B); None counts all.
    """
    if mask is not None:
        predicted, actual = predicted[mask], actual[mask]
    variance = actual.var(correction=0)
    return torch.where(variance > 1e-12, 1 - (actual - predicted).var(correction=0) / variance.clamp(min=1e-12), 0.0)
