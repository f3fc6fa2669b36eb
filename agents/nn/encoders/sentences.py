"""Sentences as one vector each, and what is asked: bags of words with a code of their places, or recurrent networks."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def sentence_codes(
    embedded: Float[Tensor, "*batch words size"], count: Int[Tensor, "*batch"], codes: int = 1
) -> Float[Tensor, "*batch size"]:
    """m = Σ_j l_j · A x_j (Sukhbaatar et al. 2015, section 4.1, "PE"), with j = 1 … J and k = 1 … d,

    l_kj = (1 - j / J) - (k / d) (1 - 2 j / J), which makes the order of the words count.

    Args:
        embedded: the words, (…, W, D); of none it must be 0.
        count: J, how many words there are, (…).
        codes: embeddings of d = D / codes numbers each that stand side by side.
    """
    words, size = embedded.shape[-2], embedded.shape[-1] // codes
    like = {"device": embedded.device, "dtype": embedded.dtype}
    k = torch.arange(1, size + 1, **like).repeat(codes) / size  # k / d, (D,)
    share = torch.arange(1, words + 1, **like) / count.clamp(min=1)[..., None]  # j / J, (…, W)
    share = share[..., None]
    return (((1 - share) - k * (1 - 2 * share)) * embedded).sum(-2)


class QueryEncoder(nn.Module):
    """From an embedded query to what is asked, (B, Q, E) -> (B, output_size). Queries have no room behind them.

    Attributes:
        output_size: U.
    """

    output_size: int

    def forward(self, embedded: Float[Tensor, "batch words size"]) -> Float[Tensor, "batch query"]:
        raise NotImplementedError


class BagQuery(QueryEncoder):
    """The sum of the words, with the code of their places that sentences have.

    Args:
        size: of the first code of each word, which is the one that counts.
    """

    def __init__(self, size: int):
        super().__init__()
        self.output_size = size

    def forward(self, embedded: Tensor) -> Tensor:
        count = torch.full_like(embedded[:, 0, 0], embedded.shape[1], dtype=torch.int64)
        return sentence_codes(embedded[..., : self.output_size], count)


class DirectedQuery(QueryEncoder):
    """u = [→y(Q), ←y(1)]: what a network in each direction says in the end (Hermann et al. 2015, section 3).

    Args:
        size: of an embedding.
        units: of each direction.
        network: of each direction.
    """

    def __init__(self, size: int, units: int, network: type[nn.GRU | nn.LSTM]):
        super().__init__()
        self.network = network(size, units, batch_first=True, bidirectional=True)
        self.units, self.output_size = units, 2 * units

    def forward(self, embedded: Tensor) -> Tensor:
        y, _ = self.network(embedded)  # (B, Q, 2 units)
        return torch.cat([y[:, -1, : self.units], y[:, 0, self.units :]], -1)
