"""The texts of those who write without a look, by what each symbol is worth at each writing; 0 ends."""

import torch
from torch import Tensor

END = 0  # the symbol that ends what is written; among the items it is none at all


def worth(targets: Tensor, due: Tensor, symbols: int) -> Tensor:
    """What each symbol is worth at each writing in the mean of many texts, of which each is worth one, float (L, W).

    Args:
        targets: what is due, int64, (n, L).
        due: how many writings are, int64, (n,).
        symbols: W.
    """
    value = torch.zeros(targets.shape[1], symbols, dtype=torch.float32)
    for place, target in enumerate(targets.unbind(1)):
        value[place].index_add_(0, target, (place < due) / due.float())
    return value / len(targets)


def best_text(value: Tensor) -> Tensor:
    """The text that is worth most, where each symbol has a value at each writing and 0 ends: int64, (L,).

    Args:
        value: (L, W).
    """
    later, text = 0.0, torch.zeros(len(value), dtype=torch.int64)
    for place in reversed(range(len(value))):
        best, symbol = value[place, 1:].max(0)
        goes_on = float(best) + later
        end = float(value[place, END])
        text[place] = symbol + 1 if goes_on >= end else END
        later = max(goes_on, end)
    return text


def best_chain(value: Tensor) -> Tensor:
    """The same of those texts in which every symbol determines the next: one after the other, then one for ever.

    Args:
        value: (L, W).
    """
    best, chain = -1.0, torch.zeros(len(value), dtype=torch.int64)
    for last in range(1, value.shape[1]):
        others = value.clone()
        others[:, [END, last]] = -1.0
        text, begun = torch.full_like(chain, last), 0.0
        for place in range(len(value)):
            whole = begun + float(value[place:, last].sum())
            if whole > best:
                best, chain = whole, text.clone()
            worth, symbol = others[place].max(0)
            text[place], begun = symbol, begun + float(worth)
            others[:, symbol] = -1.0
    return chain


def best_points(points: Tensor, worth: Tensor) -> Tensor:
    """The points that are worth most where each is worth exp(-distance) if the pen does the same, (L, 3).

    Of moves that lie on a grid, a fifth of a deviation apart; who ends has no more points, as in `best_text`.

    Args:
        points: of many texts, (n, L, 3): dx, dy, and what the pen does, of which 2 ends.
        worth: of each, (n, L).
    """
    axis = torch.linspace(-3, 3, 31, device=points.device)
    moves = torch.cartesian_prod(axis, axis)  # (M, 2)
    best = torch.zeros(points.shape[1:], device=points.device)
    later = 0.0
    for place in reversed(range(points.shape[1])):
        near = (-torch.cdist(moves, points[:, place, :2])).exp() * worth[:, place]  # (M, n)
        value = torch.stack([(near * (points[:, place, 2] == pen)).sum(1) for pen in range(3)])  # (3, M)
        value[:2] += later
        pen, move = divmod(int(value.argmax()), len(moves))
        best[place] = torch.cat([moves[move], moves.new_tensor([pen])])
        later = float(value.max())
    return best
