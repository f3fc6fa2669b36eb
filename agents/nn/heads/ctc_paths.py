"""The probability of a labelling, summed over all paths that spell it, and which labelling is likely.

Equations are those of Graves, Fernández, Gomez & Schmidhuber 2006, "Connectionist temporal classification". A path says
a symbol or the blank at each step; 𝓑 takes repeats away, then blanks: what is left is the labelling l. Between, before
and behind its symbols l′ has blanks, so |l′| = 2 |l| + 1. Probabilities are kept as logarithms, instead of the paper's
rescaling by C_t and D_t.
"""

import math
from collections import defaultdict
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

NEVER = -math.inf


class _Labellings(torch.autograd.Function):
    """-ln p(l | x), (B,), of ln y (T, B, n); the derivative is that of the paper, by the backward variables."""

    @staticmethod
    def forward(ctx: Any, log_y: Tensor, between: Tensor, count: Tensor) -> Tensor:  # type: ignore[override]
        """Arguments as in `ctc_loss`; `between` is l′, (B, 2 U + 1)."""
        said = log_y.gather(2, between.expand(len(log_y), -1, -1))  # ln y of each symbol of l′, (T, B, S)
        skips = _may_skip(between)
        ends = _ends(between.shape[1], count)
        alpha = _forwards(said, skips)
        log_p = torch.where(ends, alpha[-1], NEVER).logsumexp(1)  # eq. 8: α_T(|l′|) + α_T(|l′| - 1)
        ctx.save_for_backward(log_y, between, said, skips, ends, alpha, log_p)
        return -log_p

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        """-∂ ln p / ∂ ln y_k^t = -1 / p Σ_{s ∈ lab(l, k)} α_t(s) β_t(s) / y_k^t, from eqs. 14 and 15."""
        log_y, between, said, skips, ends, alpha, log_p = ctx.saved_tensors
        beta = _backwards(said, skips, ends)
        through = alpha + beta - said  # eq. 14: of all paths through s at t; α and β both have y in them
        share = (through - log_p[None, :, None]).exp()
        share = torch.where(through > NEVER, share, 0.0)  # where l can't be spelt at all, no path goes anywhere
        slope = torch.zeros_like(log_y).scatter_add(2, between.expand(len(log_y), -1, -1), share)
        return -slope * grad[None, :, None], None, None


def _may_skip(between: Tensor) -> Tensor:
    """Where a path may come from two places before: from another symbol, past a blank, bool (B, S) (eq. 6)."""
    skips = torch.zeros_like(between, dtype=torch.bool)
    skips[:, 2:] = (between[:, 2:] != between[:, :-2]) & (between[:, 2:] != between[:, :1])
    return skips


def _ends(width: int, count: Tensor) -> Tensor:
    """Where a whole path may end: on the last symbol or on the blank behind it, bool (B, S)."""
    place = torch.arange(width, device=count.device)
    return (place == 2 * count[:, None]) | (place == 2 * count[:, None] - 1)


def _forwards(said: Tensor, skips: Tensor) -> Tensor:
    """ln α_t(s), (T, B, S): of all paths that spell the first s of l′ in the first t steps (eq. 5)."""
    alpha = torch.full_like(said, NEVER)
    alpha[0, :, :2] = said[0, :, :2]  # α_1(1) = y_b, α_1(2) = y_{l_1}, else 0
    for t in range(1, len(said)):
        before = alpha[t - 1]
        sums = before.clone()
        sums[:, 1:] = torch.logaddexp(sums[:, 1:], before[:, :-1])  # ᾱ_t(s) = α_{t-1}(s) + α_{t-1}(s - 1), eq. 7
        leap = torch.where(skips[:, 2:], before[:, :-2], NEVER)
        sums[:, 2:] = torch.logaddexp(sums[:, 2:], leap)  # eq. 6, second case
        alpha[t] = sums + said[t]
    return alpha


def _backwards(said: Tensor, skips: Tensor, ends: Tensor) -> Tensor:
    """ln β_t(s), (T, B, S): of all paths that spell the rest of l′ from s on, from step t on (eq. 9)."""
    beta = torch.full_like(said, NEVER)
    beta[-1] = torch.where(ends, said[-1], NEVER)
    for t in range(len(said) - 2, -1, -1):
        after = beta[t + 1]
        sums = after.clone()
        sums[:, :-1] = torch.logaddexp(sums[:, :-1], after[:, 1:])  # β̄_t(s), eq. 11
        leap = torch.where(skips[:, 2:], after[:, 2:], NEVER)
        sums[:, :-2] = torch.logaddexp(sums[:, :-2], leap)  # eq. 10, second case
        beta[t] = sums + said[t]
    return beta


def ctc_loss(
    log_probs: Float[Tensor, "time batch n"],
    symbols: Int[Tensor, "batch symbols"],
    symbol_count: Int[Tensor, " batch"],
    length: Int[Tensor, " batch"],
    blank: int = 0,
) -> Float[Tensor, " batch"]:
    """-log Σ over paths that spell the symbols (eqs. 3 and 12); 0 where the steps are too few.

    Args:
        log_probs: log-softmax over symbols and blank, (T, B, n).
        symbols: int64, (B, U), padded.
        symbol_count: how many count, (B,).
        length: steps of each episode, (B,).
        blank: which symbol is the blank.

    Returns:
        (B,).
    """
    cost = -log_labelling(until(log_probs, length, blank), symbols, symbol_count, blank)
    return torch.where(cost < math.inf, cost, 0.0)


def log_labelling(
    log_probs: Float[Tensor, "time batch symbols"],
    symbols: Int[Tensor, "batch longest"],
    symbol_count: Int[Tensor, " batch"],
    blank: int = 0,
) -> Float[Tensor, " batch"]:
    """ln p(l | x), (B,), -∞ where the steps are too few; arguments as in `ctc_loss`, all steps count."""
    used = symbols[:, : max(1, int(symbol_count.max()))] if symbols.device.type == "cpu" else symbols
    result = _Labellings.apply(log_probs, _between(used, symbol_count, blank), symbol_count)
    assert isinstance(result, Tensor)
    return -result


def _between(symbols: Tensor, symbol_count: Tensor, blank: int) -> Tensor:
    """l′, the symbols with blanks between, before and behind them, (B, 2 U + 1)."""
    place = torch.arange(symbols.shape[1], device=symbols.device)
    between = symbols.new_full((len(symbols), 2 * symbols.shape[1] + 1), blank)
    between[:, 1::2] = torch.where(place < symbol_count[:, None], symbols, blank)
    return between


@torch.no_grad()
def forced_paths(
    log_probs: Float[Tensor, "time batch symbols"],
    symbols: Int[Tensor, "batch longest"],
    symbol_count: Int[Tensor, " batch"],
    length: Int[Tensor, " batch"],
    blank: int = 0,
) -> Int[Tensor, "time batch"]:
    """Of all paths that spell a labelling the likeliest: at which place of l′ it is at each step (Viterbi 1967).

    The odd places are the symbols, the even ones the blanks around them.

    Args:
        log_probs: as in `ctc_loss`, and so the others.
        symbols: of each labelling.
        symbol_count: how many count.
        length: steps of each episode; behind them a path stays where it ended.
        blank: which symbol is the blank.

    Returns:
        int64, (T, B); -1 where the steps are too few.
    """
    between = _between(symbols, symbol_count, blank)
    steps = until(log_probs, length, blank)
    said, skips = steps.gather(2, between.expand(len(steps), -1, -1)), _may_skip(between)  # (T, B, S)
    # behind the end a path stays, also on a symbol
    staying = (torch.arange(len(steps), device=length.device)[:, None] >= length)[..., None]
    said = torch.where(staying, 0.0, said)
    best = torch.full_like(said[0], NEVER)
    best[:, :2] = said[0, :, :2]
    came = []  # from how many places before, (B, S) at each step
    for t in range(1, len(said)):
        one, two = best.roll(1, 1), best.roll(2, 1)
        one[:, 0], two = NEVER, torch.where(skips, two, NEVER)
        moves = torch.stack([best, one, two])
        moves[1:] = torch.where(staying[t], NEVER, moves[1:])
        best, move = moves.max(0)
        best = best + said[t]
        came.append(move)
    ends = torch.where(_ends(between.shape[1], symbol_count), best, NEVER)
    value, place = ends.max(1)
    path = [place]
    for move in reversed(came):
        path.append(path[-1] - move.gather(1, path[-1][:, None])[:, 0])
    return torch.where(value > NEVER, torch.stack(path[::-1]), -1)


def until(
    log_probs: Float[Tensor, "time *batch symbols"], length: Int[Tensor, " episodes"], blank: int = 0
) -> Float[Tensor, "time *batch symbols"]:
    """With nothing but blanks behind the end, which spell nothing.

    Args:
        log_probs: (T, …, B, n).
        length: steps of each episode, (B,).
        blank: which symbol is the blank.
    """
    silence = log_probs.new_full(log_probs.shape[-1:], NEVER)
    silence[blank] = 0.0
    step = torch.arange(len(log_probs), device=length.device)
    there = step.view(-1, *(1 for _ in log_probs.shape[1:])) < length[:, None]  # (T, …, B, 1)
    return torch.where(there, log_probs, silence)


def best_path(symbols: Int[Tensor, " time"], blank: int = 0) -> list[int]:
    """What one episode's choices (T,) spell: 𝓑 of the path, repeats count once, then blanks go (section 3.2)."""
    merged = torch.unique_consecutive(symbols).tolist()
    return [symbol for symbol in merged if symbol != blank]


def best_paths(path: Int[Tensor, "time batch"], room: int, blank: int = 0) -> Int[Tensor, "batch room"]:
    """What paths spell, int64 (B, room), 0 behind the end; what there is no room for is cut off.

    Args:
        path: symbols or the blank, (T, B).
        room: for so many symbols.
        blank: which symbol is the blank.
    """
    fresh = path != blank
    fresh[1:] &= path[1:] != path[:-1]
    place = fresh.cumsum(0) - 1  # of each symbol in what is spelt
    place = torch.where(fresh & (place < room), place, room)  # the last column is thrown away
    text = path.new_zeros(path.shape[1], room + 1)
    return text.scatter(1, place.T, path.T * fresh.T)[:, :room]


def prefix_beam(log_probs: Float[Tensor, "time n"], beam: int, blank: int = 0, least: float = 1e-4) -> list[int]:
    """The likeliest labelling of one episode that is found among so many prefixes at each step.

    Paths that spell the same are put together, as in prefix search (section 3.2); of the prefixes only the likeliest
    are kept (Hannun et al. 2014, "First-pass large vocabulary continuous speech recognition", algorithm 1, without a
    language model).

    Args:
        log_probs: log-softmax over symbols and blank, (T, n).
        beam: prefixes that are kept.
        blank: which symbol is the blank.
        least: symbols less likely than this at a step are not tried.
    """
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (1.0, 0.0)}  # ends with the blank, ends with a symbol
    for row in log_probs.exp().tolist():
        tried = [symbol for symbol, p in enumerate(row) if symbol != blank and p >= least]
        grown: dict[tuple[int, ...], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for prefix, (silent, voiced) in beams.items():
            same = grown[prefix]
            same[0] += (silent + voiced) * row[blank]
            if prefix:
                same[1] += voiced * row[prefix[-1]]  # a repeat counts once
            for symbol in tried:
                # the same symbol again needs a blank between
                grown[(*prefix, symbol)][1] += row[symbol] * (silent if prefix[-1:] == (symbol,) else silent + voiced)
        likeliest = sorted(grown.items(), key=lambda item: -sum(item[1]))[:beam]
        scale = sum(likeliest[0][1]) or 1.0  # only their order counts
        beams = {prefix: (silent / scale, voiced / scale) for prefix, (silent, voiced) in likeliest}
    return list(max(beams.items(), key=lambda item: sum(item[1]))[0])
