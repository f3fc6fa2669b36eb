"""What rows of a memory say, and what keys look for: linear fits to the digits of what was written."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from ..agents.nn.attention.content import cosine_similarity, masked_cosine_similarity

RIDGE = 1.0  # of the fits, which few rows can't determine
NO_DIGIT = 0.3  # a digit that gets less than this stands out from the other nine too little to be told
NUMERALS = 10


class ReadOut(NamedTuple):
    """Rows of a memory with the digits that were written in them, and the linear map from a row to its digits.

    Attributes:
        rows: float64, (n, W).
        digits: float64, (n, 10 K), the K digits of each, as one of ten channels each.
        weights: float64, (W + 1, 10 K), from a row and a constant 1 to such channels.
    """

    rows: Tensor
    digits: Tensor
    weights: Tensor

    def scores(self, vectors: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch places digits"]:
        """How much of each digit is at each place of what is written, (…, K, 10): about one where it is, else zero.

        Args:
            vectors: rows, or weighted sums of them, (…, W).
        """
        return (_with_constant(vectors.double()) @ self.weights).unflatten(-1, (-1, NUMERALS))

    def wanted(
        self,
        keys: Float[Tensor, "*batch width"],
        strengths: Float[Tensor, "*batch"],
        masks: Float[Tensor, "*batch width"] | None = None,
    ) -> Float[Tensor, "*batch places digits"]:
        """How probable keys of content addressing make each digit at each place of the row that they find, (…, K, 10).

        A key is no row: it only has to be more like the right rows than like others. So it is judged by what it does.
        Its similarity to each known row, times its strength, is fitted by what the row's digits add to it; the softmax
        over the rows (Graves et al. 2016, Methods, C(M, k, β)) is then one over the ten digits of each place.

        Args:
            keys: (…, W).
            strengths: β, (…,).
            masks: of the keys, (…, W), where the core has them (Csordás & Schmidhuber 2019).
        """
        asked = keys.double().flatten(0, -2)  # (H, W)
        if masks is None:
            similarity = cosine_similarity(asked, self.rows)  # (H, n)
        else:
            similarity = masked_cosine_similarity(asked, masks.double().flatten(0, -2), self.rows)
        found = strengths.double().flatten()[:, None] * similarity
        adds = _ridge(self.digits, (found - found.mean(1, keepdim=True)).T).T  # (H, 10 K)
        return adds.unflatten(-1, (-1, NUMERALS)).softmax(-1).unflatten(0, keys.shape[:-1])


def fit_read_out(rows: Float[Tensor, "n width"], digits: Int[Tensor, "n places"]) -> ReadOut:
    """Ridge regression from rows to the digits that are written in them.

    Args:
        rows: (n, W).
        digits: 0 to 9, (n, K).
    """
    rows, channels = rows.double(), F.one_hot(digits.long(), NUMERALS).flatten(1).double()
    return ReadOut(rows, channels, _ridge(_with_constant(rows), channels))


def plain_digits(scores: Float[Tensor, "*batch places digits"]) -> Int[Tensor, "*batch places"]:
    """The digit at each place, (…, K); -1 where none gets `NO_DIGIT`.

    Args:
        scores: as of `ReadOut`, (…, K, 10).
    """
    most, digit = scores.max(-1)
    return torch.where(most < NO_DIGIT, -1, digit)


def _ridge(inputs: Tensor, outputs: Tensor) -> Tensor:
    """The weights (inputs, outputs) with the least squared errors and weights, from (n, inputs) and (n, outputs)."""
    damped = RIDGE * torch.eye(inputs.shape[1], dtype=inputs.dtype, device=inputs.device)
    return torch.linalg.solve(inputs.T @ inputs + damped, inputs.T @ outputs)


def _with_constant(vectors: Tensor) -> Tensor:
    return torch.cat([vectors, vectors.new_ones(*vectors.shape[:-1], 1)], -1)
