"""Attention by content to N places, of an image or of a source: keys and values, and a query for each head."""

from typing import NamedTuple

from torch import Tensor, nn
from torch import distributions as td

from .choice import chosen_weights
from .content import Score, projected_keys, score_of, weighted_sum


class Places(NamedTuple):
    """What is known of each place.

    Attributes:
        keys: what it is like, (B, N, D), as far as the score can compute without a query.
        values: what it says, (B, heads, N, E); (B, 1, N, E) where it says the same to all heads.
        shape: of an image, rows and columns of places, N in all; of a source, (0, 0).
        present: bool, (B, N), which places there are; None where all are.
        expected: of hard attention, bool (B,), in which rows the expectation takes the choice's place; None for none.
    """

    keys: Tensor
    values: Tensor
    shape: tuple[int, int] = (0, 0)
    present: Tensor | None = None
    expected: Tensor | None = None


class ByContent(nn.Module):
    """How queries choose among places: the side that images and sources share.

    Attributes:
        heads: queries at a time.
        query_size: numbers of each.
        score: how a query fits a key.
        gumbel: choose one place at a time (straight-through Gumbel-softmax) instead of the mean over all.
    """

    heads: int
    query_size: int
    score: Score
    gumbel: bool

    @property
    def noisy(self) -> bool:
        return self.gumbel

    def places_of(
        self, keys: Tensor, values: Tensor, shape: tuple[int, int] = (0, 0), present: Tensor | None = None
    ) -> Places:
        """Places by what they are like and what they say.

        Args:
            keys: as they are, before the score computes what it can.
            values: see `Places`, and so the others.
            shape: of an image.
            present: of a source.
        """
        return Places(projected_keys(self.score, keys), values, shape, present)

    def logits(self, prepared: Places, emitted: Tensor) -> Tensor:
        """How each query fits each key, (B, heads, N); -∞ where there is no place.

        Args:
            prepared: the places.
            emitted: the queries, (B, heads · query_size).
        """
        fits = score_of(self.score, emitted.unflatten(-1, (self.heads, self.query_size)), prepared.keys)
        return fits if prepared.present is None else fits.masked_fill(~prepared.present[:, None], -float("inf"))

    def chosen(self, prepared: Places, emitted: Tensor) -> Tensor:
        """How much each place counts, (B, heads, N): their probabilities, or one of them."""
        return chosen_weights(self.logits(prepared, emitted), self.gumbel, self.training)

    @staticmethod
    def expected(prepared: Places, weights: Tensor) -> Tensor:
        """The sum of what places say to each head, by weights (B, heads, N): (B, heads · E)."""
        return weighted_sum(weights[:, :, None], prepared.values).flatten(1)

    def distribution(self, prepared: Places, emitted: Tensor) -> td.Independent:
        """The distribution over one place for each head that a hard glimpse is sampled from."""
        logits = self.logits(prepared, emitted)
        return td.Independent(td.Categorical(logits=logits, validate_args=False), 1, validate_args=False)

    def glimpse_at(self, prepared: Places, place: Tensor) -> Tensor:
        """The values at each head's place, int64 (B, heads) -> (B, heads · E)."""
        values = prepared.values.expand(-1, place.shape[1], -1, -1)
        return values.gather(2, place[..., None, None].expand(-1, -1, 1, values.shape[-1])).flatten(1)
