"""Attention to the items of a source: annotations and the numbers that a controller emits, in; what is read, out."""

import contextlib
from collections.abc import Callable, Iterator
from typing import ClassVar, Generic, Literal, NamedTuple, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ....errors import FoveateError, check_choice, check_odd, check_range
from .. import noise
from ..cores.base import Source
from .by_content import ByContent, Places
from .choice import sampled_choice
from .content import make_score
from .location_features import LocationFeatures


class Reading(NamedTuple):
    """What is read of a source.

    Attributes:
        what: (B, reading_size).
        weights: how much each item counts for each head, (B, heads, L).
        log_prob: of what was sampled, (B,); None where nothing was.
        entropy: of what it was sampled from, (B,); None where nothing was.
    """

    what: Tensor
    weights: Tensor
    log_prob: Tensor | None = None
    entropy: Tensor | None = None


P = TypeVar("P")


class ItemAttention(nn.Module, Generic[P]):
    """An attention model over the items of a source. The constructor takes (item_size, state_size, …).

    Attributes:
        emitted_size: how many numbers the controller emits; 0 where what is read is the same at all moments.
        reading_size: numbers of what is read.
        takes_state: whether the controller's state itself is what is emitted.
        takes_query: whether what is asked about a source is emitted as it is, if it has `emitted_size` numbers.
        hard: whether what is read while learning is sampled, and so learned by REINFORCE: readings say how probable
            they were.
        choice_coef: λ_r of eq. 12 in Xu et al. 2015: how much the choice's log-likelihood counts; where `hard`.
        choice_entropy: λ_e there: how much its entropy is worth.
        recalls: whether what is read next depends on how much was read of each item so far, too: see `recall`.
        clocked: whether what is read depends on the moment alone: `look` then takes how many there were before it, of
            several at once, (T, B, 1), and answers for all of them, (T, B, …).
    """

    emitted_size: int
    reading_size: int
    takes_state: bool = False
    takes_query: bool = False
    hard: bool = False
    choice_coef: float = 0.0
    choice_entropy: float = 0.0
    recalls: bool = False
    clocked: ClassVar[bool] = False
    _change: Callable[[Tensor], Tensor] | None = None

    @contextlib.contextmanager
    def reweighing(self, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
        """Within, what is read is read by other weights: instruments ask what would follow.

        Args:
            change: from the weights (B, heads, L) to those that take their place; of hops, from each hop's, (B, 1, L).
        """
        before, self._change = self._change, change
        try:
            yield
        finally:
            self._change = before

    def counted(self, weights: Float[Tensor, "batch heads items"]) -> Float[Tensor, "batch heads items"]:
        """The weights by which is read: these, unless they are changed (see `reweighing`)."""
        return weights if self._change is None else self._change(weights)

    @classmethod
    def codes(cls, **options: object) -> int:
        """How many codes of its own each symbol needs, one for each part that an item has in it.

        Args:
            **options: the constructor's.
        """
        return 1

    def initial(self) -> Float[Tensor, " emitted"]:
        """What is emitted before anything was read, (emitted_size,): the start of what is learned."""
        return torch.zeros(self.emitted_size)

    def advance(
        self, before: Float[Tensor, "batch emitted"], emitted: Float[Tensor, "batch emitted"]
    ) -> Float[Tensor, "batch emitted"]:
        """What is read by next: what was emitted now, or how it changes what was read by before.

        Args:
            before: what was read by last, zeros before the first reading.
            emitted: by the controller.
        """
        return emitted

    def prepare(self, source: Source) -> P:
        """What all readings of a source share, computed once."""
        raise NotImplementedError

    def recall(self, prepared: P, read: Float[Tensor, "batch items"]) -> P:
        """What `look` takes at a moment, for one that `recalls`.

        Args:
            prepared: from `prepare`.
            read: how much each item counted so far, the mean over heads, (B, L), with room behind the last.
        """
        return prepared

    def look(self, prepared: P, emitted: Float[Tensor, "batch emitted"]) -> Reading:
        """What is read, differentiable in both arguments.

        Args:
            prepared: from `prepare`.
            emitted: (B, emitted_size).
        """
        raise NotImplementedError


class LastItem(ItemAttention[Reading]):
    """No attention: the last annotation is all that is known of the source (Cho et al. 2014, Sutskever et al. 2014)."""

    def __init__(self, item_size: int, state_size: int):
        super().__init__()
        self.emitted_size, self.reading_size = 0, item_size

    def prepare(self, source: Source) -> Reading:
        last = (source.length - 1).clamp(min=0)[:, None]  # (B, 1)
        weights = torch.zeros_like(source.items[..., 0]).scatter(1, last, 1.0)
        if self._change is not None:
            changed = self.counted(weights[:, None])
            return Reading((changed @ source.cleared().items)[:, 0], changed)
        what = source.items.gather(1, last[..., None].expand(-1, -1, source.items.shape[-1]))
        return Reading(what[:, 0], weights[:, None])

    def look(self, prepared: Reading, emitted: Tensor) -> Reading:
        return prepared


class NoItems(ItemAttention[Reading]):
    """Nothing is read of the source at all: what is written without knowing what it is about."""

    def __init__(self, item_size: int, state_size: int):
        super().__init__()
        self.emitted_size, self.reading_size = 0, item_size

    def prepare(self, source: Source) -> Reading:
        return Reading(torch.zeros_like(source.items[:, 0]), torch.zeros_like(source.items[:, None, :, 0]))

    def look(self, prepared: Reading, emitted: Tensor) -> Reading:
        return prepared


class DiagonalItems(ItemAttention[Source]):
    """No attention: at moment t annotation t is read, behind the last nothing: a decoder on top of its encoder.

    Source:
        Kalchbrenner et al. 2016, "Neural machine translation in linear time", sections 2.1 and 2.2, "dynamic
        unfolding", with |t̂| = |s|: what is written here has at most one item more than what is read, the end.
    """

    clocked = True

    def __init__(self, item_size: int, state_size: int):
        super().__init__()
        self.emitted_size, self.reading_size = 0, item_size

    def initial(self) -> Tensor:
        return torch.zeros(1)

    def prepare(self, source: Source) -> Source:
        return source.cleared()

    def look(self, prepared: Source, emitted: Tensor) -> Reading:
        items, length = prepared.items, prepared.length
        place = torch.arange(items.shape[1], device=items.device)
        here = (place == emitted.round()) & (place < length[:, None])  # (T, B, L)
        weights = self.counted(here.to(items.dtype).flatten(0, 1)[:, None]).unflatten(0, here.shape[:2])
        return Reading((weights @ items)[..., 0, :], weights)


class UniformItems(ItemAttention[Reading]):
    """Attention that is the same everywhere: the mean of the annotations."""

    def __init__(self, item_size: int, state_size: int):
        super().__init__()
        self.emitted_size, self.reading_size = 0, item_size

    def prepare(self, source: Source) -> Reading:
        there = source.mask().to(source.items.dtype)  # (B, L)
        weights = self.counted((there / source.length.clamp(min=1)[:, None])[:, None])  # (B, 1, L)
        return Reading((weights @ source.cleared().items)[:, 0], weights)

    def look(self, prepared: Reading, emitted: Tensor) -> Reading:
        return prepared


class ContentItems(ByContent, ItemAttention[Places]):
    """Each head's query, which is emitted, chooses among the annotations.

    Args:
        item_size: of an annotation.
        state_size: of the controller's state.
        score: how a query fits a key: "additive", "dot", "scaled-dot", "bilinear" or "cosine".
        heads: queries at a time, each with values of its own (needs keys).
        key: size of a query, a key and a value; 0 for none: the state is the query, an annotation its own key and
            value, as in the papers of the additive score, of "dot" and of "bilinear".
        score_units: units of the additive score.
        gumbel: choose one item at a time (straight-through Gumbel-softmax) instead of the mean over all.
        hard: choose one item at a time, sampled while learning (by back-propagation, with REINFORCE for the choice: Xu
            et al. 2015, section 4.1), the likeliest in play.
        soft_share: share of sources that are read softly, as the mean over all items, while hard attention is learned.
        choice_coef: weight of REINFORCE, λ_r of their eq. 12 (hard).
        choice_entropy: weight of the entropy of the choice, λ_e there (hard).
        weighting: what makes weights of scores: a softmax over the annotations, or a sigmoid of each, whatever the sum.
        location_filters: how many filters run over what was read so far, whose features the additive score sees beside
            key and query (location-aware attention); 0: where was read before is ignored.
        location_width: annotations that each of them spans, an odd number.
    """

    def __init__(
        self,
        item_size: int,
        state_size: int,
        score: Literal["additive", "dot", "scaled-dot", "bilinear", "cosine"] = "additive",
        heads: int = 1,
        key: int = 64,
        score_units: int = 64,
        gumbel: bool = False,
        hard: bool = False,
        soft_share: float = 0.5,
        choice_coef: float = 0.2,
        choice_entropy: float = 0.01,
        weighting: Literal["softmax", "sigmoid"] = "softmax",
        location_filters: int = 0,
        location_width: int = 15,
    ):
        super().__init__()
        check_range("heads", heads, 1)
        check_range("key", key, 0)
        check_range("soft_share", soft_share, 0.0, 1.0)
        check_range("choice_coef", choice_coef, 0.0)
        check_range("choice_entropy", choice_entropy, 0.0)
        if hard and gumbel:
            raise FoveateError("gumbel=True is not allowed with hard=True: both say how one item is chosen.")
        check_choice("weighting", weighting, ["softmax", "sigmoid"])
        if weighting != "softmax" and (hard or gumbel):
            raise FoveateError(f"weighting={weighting!r} is not allowed where one item is chosen: that takes shares.")
        self.hard, self.soft_share, self.weighting = hard, soft_share, weighting
        self.choice_coef, self.choice_entropy = choice_coef, choice_entropy
        check_range("score_units", score_units, 1)
        if not key and heads > 1:
            raise FoveateError(f"heads={heads} is not allowed with key=0: there is one state, and so one query.")
        self.heads, self.gumbel = heads, gumbel
        self.takes_state = not key
        self.query_size = key or state_size
        self.emitted_size, self.reading_size = heads * self.query_size, heads * (key or item_size)
        self.to_key = nn.Linear(item_size, key) if key else None
        self.to_value = nn.Linear(item_size, heads * key) if key else None
        self.score = make_score(score, self.query_size, key or item_size, score_units)
        check_range("location_filters", location_filters, 0)
        if location_filters and score != "additive":
            raise FoveateError(f"location_filters={location_filters} requires score='additive', got score={score!r}.")
        check_odd("location_width", location_width)
        self.recalls = location_filters > 0
        features = (location_filters, location_width, score_units)
        self.location = LocationFeatures(*features) if self.recalls else None

    @property
    def noisy(self) -> bool:
        return self.gumbel or self.hard

    def prepare(self, source: Source) -> Places:
        known = source.answering()
        items, present = known.items, known.mask()
        if self.to_key is None or self.to_value is None:
            places = self.places_of(items, items[:, None], present=present)
        else:
            values = self.to_value(items).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, L, D)
            places = self.places_of(self.to_key(items), values, present=present)
        if not (self.hard and self.training and self.soft_share):
            return places
        return places._replace(expected=torch.rand(len(items), device=items.device) < self.soft_share)

    def recall(self, prepared: Places, read: Tensor) -> Places:
        if self.location is None:
            return prepared
        keys = prepared.keys
        return prepared._replace(keys=keys + self.location(read[:, : keys.shape[1]]))  # V h_j + U f_ij

    def look(self, prepared: Places, emitted: Tensor) -> Reading:
        if not self.hard:
            shares = self.weighting == "softmax"
            chosen = self.chosen(prepared, emitted) if shares else self.logits(prepared, emitted).sigmoid()
            weights = self.counted(chosen)  # (B, heads, L)
            return Reading(self.expected(prepared, weights), weights)
        logits = self.logits(prepared, emitted)
        if not (self.training or noise.present()):
            weights = self.counted(torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0))
            return Reading(self.expected(prepared, weights), weights)
        weights, log_prob, entropy = sampled_choice(logits)
        if prepared.expected is not None:
            weights = torch.where(prepared.expected[:, None, None], logits.softmax(-1), weights)
            log_prob = log_prob.masked_fill(prepared.expected, 0.0)
        return Reading(self.expected(prepared, weights), weights, log_prob, entropy)
