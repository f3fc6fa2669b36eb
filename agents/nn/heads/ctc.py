"""Connectionist temporal classification: a symbol or nothing at each step, and only the order of symbols counts."""

import torch
from gymnasium import spaces
from jaxtyping import Int
from torch import Tensor

from ....errors import FoveateError, check_range
from .categorical import CategoricalHead
from .ctc_paths import ctc_loss


class CTCHead(CategoricalHead):
    """`Discrete`: a softmax over symbols and the blank, which stands for "nothing here".

    It is trained on the sequence of symbols of a whole episode, summed over all ways to spread them over its steps
    (Graves et al. 2006, "Connectionist temporal classification", section 4).

    Args:
        features: size of the features.
        space: the symbols and the blank.
        hidden: units of a hidden layer, 0 for none.
        blank: which of them is the blank, counted from 0.
    """

    whole_episodes = True

    def __init__(self, features: int, space: spaces.Discrete, hidden: int = 0, blank: int = 0):
        super().__init__(features, space, hidden)
        check_range("blank", blank, 0, int(space.n) - 1)
        self.blank = blank

    def as_choice(self, target: Tensor) -> Tensor:
        index = self.index_of(target)
        return target.masked_fill((index < 0) | (index >= self.count), self.blank + self.start)

    def loss(
        self, parameters: Tensor, target: Tensor, target_set: Tensor | None = None, length: Tensor | None = None
    ) -> Tensor:
        """-log of the probability of each episode's symbols, at its last step; 0 at all others, (T, B).

        Args:
            parameters: logits, (T, B, n).
            target: int64, (T, B): the episode's symbols in their order, at any steps; elsewhere the blank, or a number
                that is no action (-1).
            target_set: must be None.
            length: steps of each episode, int64 (B,); None means T.

        Raises:
            FoveateError: a set, or parameters that are no sequence.
        """
        if target_set is not None or parameters.ndim != 3:
            raise FoveateError("a CTC loss takes whole episodes, logits (T, B, n), and no sets of right answers.")
        steps, batch, _ = parameters.shape
        if length is None:
            length = torch.full((batch,), steps, device=target.device)
        each = ctc_loss(
            parameters.log_softmax(-1),
            *pack_symbols(self.index_of(self.as_choice(target)), self.blank),
            length,
            self.blank,
        )
        return torch.zeros_like(parameters[..., 0]).scatter(0, length[None] - 1, each[None])


def pack_symbols(
    target: Int[Tensor, "time batch"], blank: int
) -> tuple[Int[Tensor, "batch time"], Int[Tensor, " batch"]]:
    """The symbols of each episode one behind the other: int64 (B, T), padded, and how many they are, (B,).

    Args:
        target: int64, (T, B), the blank or -1 where there is none.
        blank: which symbol is the blank.
    """
    real = (target >= 0) & (target != blank)  # (T, B)
    order = (~real).int().argsort(dim=0, stable=True)
    return target.gather(0, order).clamp(min=0).T.contiguous(), real.sum(0)
