"""Sentences from their words, and a document from its sentences, by attention at both levels (Yang et al. 2016)."""

from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ....errors import check_range
from .items import GRUItems, ItemEncoder


class Summary(NamedTuple):
    """Words in one vector.

    Attributes:
        what: of each sentence, (…, D).
        weights: how much each word counts, (…, W), which sum to 1; of a sentence without words all are 0.
    """

    what: Float[Tensor, "*sentences size"]
    weights: Float[Tensor, "*sentences words"]


class WordAttention(nn.Module):
    """Weighs words by how well each fits a learned vector, "what is the informative word?"

    Args:
        size: of what stands for a word.
        uniform: all words count alike: the ablation.

    Source:
        Yang et al. 2016, "Hierarchical attention networks for document classification", section 2.2, (5) to (7).
    """

    def __init__(self, size: int, uniform: bool = False):
        super().__init__()
        self.uniform = uniform
        self.hidden, self.context = nn.Linear(size, size), nn.Linear(size, 1, bias=False)

    def forward(self, h: Float[Tensor, "sentences words size"], there: Bool[Tensor, "sentences words"]) -> Summary:
        """The summary of what stands for words, of which those that are `there` count."""
        u = self.hidden(h).tanh()  # (5)
        fit = torch.zeros_like(h[..., 0]) if self.uniform else self.context(u)[..., 0]  # uᵀ u_w, (N, W)
        fit = torch.where(there, fit, torch.finfo(fit.dtype).min)
        weights = fit.softmax(1) * there  # (6)
        return Summary((weights[:, None] @ h)[:, 0], weights)  # (7)


class HierarchicalItems(ItemEncoder):
    """Annotates sentences that are read word by word: GRUs over words, attention to them, GRUs over sentences.

    Attention to the sentences, (8) to (10), is that of a core that reads these annotations: with the additive score,
    and what is emitted first for its query, "what is the informative sentence?" is learned.

    Args:
        size: of a word.
        units: of each direction, at both levels.
        word_attention: whether words are weighed; without, a sentence is the mean of its words.

    Attributes:
        attention: to the words.

    Source:
        Yang et al. 2016, section 2.2.
    """

    reads_words: ClassVar[bool] = True

    def __init__(self, size: int, units: int = 128, word_attention: bool = True):
        super().__init__()
        check_range("units", units, 1)
        self.words = GRUItems(size, units)
        self.attention = WordAttention(2 * units, uniform=not word_attention)
        self.sentences = GRUItems(2 * units, units)
        self.annotation_size = 2 * units

    def forward(
        self, items: Float[Tensor, "batch length words size"], length: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch length annotation"]:
        """The annotations of sentences (B, L, W, D), where a word that is none is all zeros and behind the others."""
        return self.sentences(self.summaries(items).what, length)

    def summaries(self, items: Float[Tensor, "batch length words size"]) -> Summary:
        """Each sentence in one vector, (B, L, 2 units), and the weights of its words, (B, L, W)."""
        words = items.flatten(0, 1)  # (B L, W, D)
        there = words.any(-1)
        summary: Summary = self.attention(self.words(words, there.sum(1)), there)
        return Summary(*(part.unflatten(0, items.shape[:2]) for part in summary))
