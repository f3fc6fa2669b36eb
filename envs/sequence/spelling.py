"""How words are spelt, letter by letter, and which letters are not known from those before them."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ...tree import outside_inference
from .blind import END
from .sounds import LETTERS

SPACE = len(LETTERS) + 1  # what stands for a space among letters that are numbered from 1 on


class Text(NamedTuple):
    """Words with spaces between them, padded to L symbols.

    Attributes:
        symbols: int64, (n, L), 0 behind the end.
        count: how many are written, the end among them, int64 (n,).
        word: which of the words each belongs to, with the space or end behind it, int64 (n, L).
        own: whether it takes the word itself to know it, bool (n, L, 1).
        next: whether it takes the next word: of a space, bool (n, L, 1).
    """

    symbols: Tensor
    count: Tensor
    word: Tensor
    own: Tensor
    next: Tensor


class Spelling:
    """The letters of some words.

    Args:
        words: of letters from a to z.

    Attributes:
        words: these.
        longest: letters of the longest, and the space behind it.
    """

    @outside_inference
    def __init__(self, words: Sequence[str]):
        self.words = tuple(words)
        self.longest = 1 + max(map(len, words))
        rows = [[*(1 + LETTERS.index(letter) for letter in word), SPACE] for word in words]
        own = [[len(_followers(words, word[:place])) > 1 for place in range(len(word) + 1)] for word in words]
        padding = [self.longest - len(row) for row in rows]
        self._symbols = torch.tensor([[*row, *[END] * gap] for row, gap in zip(rows, padding, strict=True)])
        self._own = torch.tensor([[*row, *[False] * gap] for row, gap in zip(own, padding, strict=True)])
        self._count = torch.tensor([len(row) for row in rows])

    def written(self, words: Tensor, there: Tensor, room: int) -> Text:
        """Texts of words.

        Args:
            words: numbers of words, int64 (n, K).
            there: which of them are said, bool (n, K), the first ones.
            room: L.
        """
        symbols, own, count = (each.to(words.device) for each in (self._symbols, self._own, self._count))
        each = count[words] * there  # (n, K)
        ends = each.cumsum(1)
        at = torch.arange(room, device=words.device).expand(len(words), -1).contiguous()
        word = torch.searchsorted(ends, at, right=True).clamp(max=words.shape[1] - 1)  # (n, L)
        within = (at - (ends - each).gather(1, word)).clamp(0, self.longest - 1)
        kind, total = words.gather(1, word), ends[:, -1]
        last = total[:, None] - 1
        text = torch.where(at < last, symbols[kind, within], END)
        space = (text == SPACE)[..., None]
        return Text(text, total, word, (own[kind, within] & (at <= last))[..., None], space)


def _followers(words: Sequence[str], begun: str) -> set[str]:
    """What may come next in a word that begins so: letters, or nothing."""
    return {word[len(begun) : len(begun) + 1] for word in words if word.startswith(begun)}
