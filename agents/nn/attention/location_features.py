"""What a score may know of where was read before: location-aware attention (Chorowski et al. 2015)."""

from jaxtyping import Float
from torch import Tensor, nn

from ....errors import check_odd, check_range


class LocationFeatures(nn.Module):
    """Filters over how much was read of each item so far, for an additive score.

        f_i = F * Σ_{t<i} α_t                                  (8), with the sum of all weights for the last
        e_ij = wᵀ tanh(W s_{i-1} + V h_j + U f_ij + b)         (9); this module is U f_i

    So a query can ask for the next word instead of one that sounds like something, which is what goes astray where a
    source says the same thing twice, or is longer than all before.

    Args:
        filters: k, of F.
        width: r, items that each spans, odd, so that its middle is an item.
        size: of what the score adds up, units of an `AdditiveScore`.

    Source:
        Chorowski, Bahdanau, Serdyuk, Cho & Bengio 2015, "Attention-based models for speech recognition", section 2.2,
        where F sees the last weights alone; their sum instead is of Shen et al. 2018, "Natural TTS synthesis by
        conditioning WaveNet on mel spectrogram predictions", section 2.2.
    """

    def __init__(self, filters: int, width: int, size: int):
        super().__init__()
        check_range("filters", filters, 1)
        check_odd("width", width)
        self.filters = nn.Conv1d(1, filters, width, padding=width // 2, bias=False)
        self.to_score = nn.Linear(filters, size, bias=False)

    def forward(self, read: Float[Tensor, "batch items"]) -> Float[Tensor, "batch items size"]:
        """(B, L) -> (B, L, size), zero where nothing was read within a filter's reach."""
        return self.to_score(self.filters(read[:, None]).mT)
