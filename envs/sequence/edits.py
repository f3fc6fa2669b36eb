"""How far what was written is from what was due, word by word."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def edit_distance(
    a: Int[Tensor, "batch m"],
    a_length: Int[Tensor, " batch"],
    b: Int[Tensor, "batch n"],
    b_length: Int[Tensor, " batch"],
) -> Int[Tensor, " batch"]:
    """Insertions, deletions and replacements between symbols (Levenshtein 1966), of a batch at once, (B,).

    Args:
        a: (B, M), padded.
        a_length: how many count, (B,).
        b: (B, N), padded.
        b_length: how many count, (B,).
    """
    column = torch.arange(b.shape[1] + 1, device=b.device)
    row = column.expand(len(b), -1)  # (B, N + 1): from no symbol of a to the first j of b
    for i, symbol in enumerate(a.unbind(1)):
        kept = row[:, :-1] + (symbol[:, None] != b)  # or replaced
        gone = row[:, 1:] + 1
        first = torch.full_like(row[:, :1], i + 1)
        without = torch.cat([first, torch.minimum(kept, gone)], 1)
        inserted = (without - column).cummin(1).values + column  # any number of insertions behind the cheapest
        row = torch.where((i < a_length)[:, None], inserted, row)
    return row.gather(1, b_length[:, None])[:, 0]


def similarity(
    a: Int[Tensor, "batch m"],
    a_length: Int[Tensor, " batch"],
    b: Int[Tensor, "batch n"],
    b_length: Int[Tensor, " batch"],
) -> Float[Tensor, " batch"]:
    """1 - edit distance / the longer length, (B,): 1 for the same symbols, 0 for no match at all.

    Arguments as in `edit_distance`.
    """
    longer = torch.maximum(a_length, b_length).clamp(min=1)
    return 1 - edit_distance(a, a_length, b, b_length).float() / longer
