"""Agents that read a passage through attention and write, item by item."""

from functools import partial
from typing import ClassVar, Generic, Literal, NamedTuple, TypeVar

import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional as F

from ... import tree
from ...errors import FoveateError, check_choice, check_range
from ...introspect import own_arguments
from ...tree import Tree
from ..nn.attention import ITEM_ATTENTIONS, AnyItemAttention, make_item_attention
from ..nn.attention.items import ItemAttention, Reading
from ..nn.cores import AnyCore, Core, CoreOutput, make_core
from ..nn.cores.base import Source, reset_where
from ..nn.cores.decoder import TransformerDecoder
from ..nn.cores.unroll import unroll, unroll_pieces
from ..nn.encoders import ITEM_ENCODERS, AnyItemEncoder, Encoder, FlatEncoder, make_passage_encoder
from ..nn.encoders.passage import parts_beside
from ..nn.heads import make_numbers_head
from .policy import Policy, action_parts

S = TypeVar("S", bound=tuple)
PLACES = 128  # of a text that have a baseline each; those behind share the last


class ReadingState(NamedTuple, Generic[S]):
    """The state of a core that reads a source."""

    emitted: Tensor  # (B, E), what it reads by next
    inner: S  # the controller's
    read: Tensor  # (B, L), how much was read of each item so far; (B, 0) where nobody asks


class ReadingCore(Core[ReadingState]):
    """A core that reads in a source at each moment, by what it emitted at the moment before.

    With the additive score, and states and annotations as they are, this is the decoder of Bahdanau et al. 2014,
    section 3.1: e_ij = a(s_{i-1}, h_j), α = softmax, c_i = Σ_j α_ij h_j, s_i = f(s_{i-1}, y_{i-1}, c_i). Its output is
    s_i beside c_i, from which a linear head writes: there is no maxout, and s_0 is zero, not a function of the source.

    Where the source comes with a query u, the attention is asked by it, beside the state, and the controller gets it,
    too. With one writing and a tanh controller that is the attentive reader of Hermann et al. 2015, section 3:
    m(t) = tanh(W_ym y_d(t) + W_um u), s(t) ∝ exp(wᵀ m(t)), r = Σ_t s(t) y_d(t), g = tanh(W_rg r + W_ug u); here the
    head sees r beside g, and the controller x, what was written before.

    Args:
        attention: from a source and what is emitted to what is read.
        inner: the controller; it gets x beside what is read and what is asked.
        query_size: U, numbers of what is asked; 0 where sources have no query.
        evenly: λ of the doubly stochastic attention of Xu et al. 2015, eq. 14: what it costs if the items aren't all
            read as much in the end; where what is read changes.
        room: L, of sources; where what was read so far costs anything, or the attention recalls it.

    Attributes:
        baseline: what readings were followed by in updates before, by their place in the text, (N,): of an attention
            that samples, else None. Whoever trains it keeps it.
    """

    needs_source: ClassVar[bool] = True

    baseline: Tensor | None

    def __init__(self, attention: ItemAttention, inner: Core, query_size: int = 0, evenly: float = 0.0, room: int = 0):
        super().__init__()
        self.attention, self.inner = attention, inner
        self.evenly = evenly if attention.emitted_size else 0.0
        if attention.recalls and not room:
            raise FoveateError("an attention that recalls what was read needs the room of its sources, got room=0.")
        self.room = room if self.evenly or attention.recalls else 0
        self.register_buffer("baseline", torch.zeros(PLACES) if attention.hard else None)
        self.output_size = inner.output_size + attention.reading_size
        emits = attention.emitted_size and not attention.takes_state
        self.emit = nn.Linear(inner.output_size, attention.emitted_size) if emits else None
        asks = emits and query_size and not (attention.takes_query and query_size == attention.emitted_size)
        self.ask = nn.Linear(query_size, attention.emitted_size, bias=False) if asks else None
        # what is emitted before the first reading
        first = attention.initial()
        self.origin: Tensor
        if attention.emitted_size:
            self.origin = nn.Parameter(first)
        else:
            self.register_buffer("origin", first, persistent=False)

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> ReadingState:
        origin = self.origin.expand(batch, -1)
        first = self.attention.advance(torch.zeros_like(origin), origin)
        read = torch.zeros(batch, self.room, device=device, dtype=first.dtype)
        return ReadingState(first, self.inner.initial_state(batch, device), read)

    def forward(
        self, x: Tensor, state: ReadingState, starts: Tensor, record: bool = False, source: Source | None = None
    ) -> CoreOutput[ReadingState]:
        """Run over a sequence; arguments as in `Core.forward`, and the source of the episodes.

        Its record is `source_weights`, how much each item counted, (T, B, heads, L), and while an attention learns that
        samples `choice_log_prob`, the log-probability of what it read, (T, B), by λ_r.
        """
        assert source is not None
        prepared = self.attention.prepare(source.compact())
        asked = self._asked(source.query)
        piece = partial(self._piece, prepared, source, asked, record)
        begin = partial(self._begin, asked)
        if not self.attention.emitted_size:  # no moment need wait for what the core says at the one before
            return unroll_pieces(piece, x, state, starts, begin)

        def step(now: Tensor, state: ReadingState) -> CoreOutput[ReadingState]:
            y, after, losses, records = piece(now[None], state)
            return CoreOutput(y[0], after, tree.index(losses, 0), tree.index(records, 0))

        return unroll(step, x, state, starts, begin)

    def _begin(self, asked: Tensor | None, state: ReadingState, x: Tensor, starts: Tensor) -> ReadingState:
        fresh, origin = self.initial_state(len(starts), starts.device), self.origin.expand(len(starts), -1)
        if asked is not None:
            fresh = fresh._replace(emitted=self.attention.advance(torch.zeros_like(origin), origin + asked))
        return reset_where(state, fresh, starts)

    def _asked(self, query: Tensor | None) -> Tensor | None:
        """What a query adds to all that is emitted, (B, E); None where it adds nothing."""
        if query is None or not self.attention.emitted_size:
            return None
        if self.attention.takes_state:  # the state, and behind it the query
            return F.pad(query, (self.inner.output_size, 0))
        return query if self.ask is None else self.ask(query)

    def _piece(
        self, prepared: Tree, source: Source, asked: Tensor | None, record: bool, x: Tensor, state: ReadingState
    ) -> CoreOutput[ReadingState]:
        """Some moments by one reading, x (t, B, D)."""
        now = state.emitted
        if self.attention.clocked:
            now = now + torch.arange(len(x), device=now.device)[:, None, None]  # (t, B, 1)
        known = self.attention.recall(prepared, state.read) if self.attention.recalls else prepared
        read: Reading = self.attention.look(known, now)
        what = read.what.expand(len(x), -1, -1)  # (t, B, R)
        never = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
        query = [] if source.query is None else [source.query.expand(len(x), -1, -1)]
        y, inner, losses, records = self.inner(torch.cat([x, what, *query], -1), state.inner, never, record)
        emitted = self._emitted(y[-1])
        emitted = emitted if asked is None else emitted + asked
        weights = F.pad(read.weights, (0, source.items.shape[1] - read.weights.shape[-1]))
        each = weights.mean(1)  # (B, L)
        if self.evenly:
            # (1 - Σ_t α_ti)² grows so at this moment: what adds up is eq. 14, less one for each item
            costs = (each * (2 * state.read + each - 2)).sum(-1)
            losses = {**losses, "uneven_reading": self.evenly * costs.expand(len(x), -1)}
        so_far = state.read + each if self.room else state.read
        if read.log_prob is not None and read.entropy is not None:
            bonus = -self.attention.choice_entropy * read.entropy
            losses = {**losses, "choice_entropy": bonus.expand(len(x), -1)}
            if record:
                log_prob = self.attention.choice_coef * read.log_prob
                records = {**records, "choice_log_prob": log_prob.expand(len(x), -1)}
        following = state.emitted + len(x) if self.attention.clocked else self.attention.advance(state.emitted, emitted)
        after = ReadingState(following, inner, so_far)
        if record:
            records = {**records, "source_weights": weights.expand(len(x), -1, -1, -1)}
        return CoreOutput(torch.cat([y, what], -1), after, losses, records)

    def _emitted(self, y: Tensor) -> Tensor:
        """What is emitted after an output of the controller, (B, E), without a query."""
        if self.attention.takes_state:
            return self.origin + F.pad(y, (0, self.attention.emitted_size - y.shape[-1]))
        return self.origin.expand(len(y), -1) if self.emit is None else self.origin + self.emit(y)


class Attend(Policy):
    """Reads a passage once an episode, and writes through attention to it.

    An encoder annotates every item of the passage; at each moment the attention model reads in the annotations, by what
    the core emitted at the moment before, and the core gets what was read beside what was written last. Which parts
    these are makes the published systems: see the presets `bahdanau`, `seq2seq`, `reader`, `uniform-reader`, `memn2n`,
    `universal`, `las` and `handwriting`. A query about the passage is read once, too: by networks in both directions
    where the passage is, else as a bag of words with a code of their places; the attention is asked by it.

    With `decoder` "transformer" every layer of the decoder attends to the annotations, instead (`transformer-ed`).

    Args:
        observation_space: Dict with a part `source`, beside any mix of others: MultiDiscrete of symbols (0 is none),
            one row a sentence where items are sentences, perhaps with a part `query` of the same symbols; or a Box
            (L, D) of numbers, then with a part `length`; or a Box (C, H, W), a picture, whose items are its cells.
        action_space: any mix of parts.
        encoder: from the items to annotations: "embedding" (the items alone), "positions" (beside a code of their
            places), "gru" or "lstm" (in both directions), "pyramid" (LSTMs, each layer with half as many annotations),
            "words" (with a code of how long ago they were), "hierarchical" (sentences word by word), "convolution" (of
            a picture in rows and columns), "bytenet" (dilated), "transformer" (self-attention), "universal" (one block
            of it, for each item as often as it wants, with `joint` together with the query) or "flow" (together with
            the query).
        attention: "content" (the core's query against every annotation), or its ablations "last" (the last annotation
            is all that is read), "diagonal" (at moment t annotation t), "uniform" (the mean of all) and "none" (nothing
            is read); "window" (a soft window that moves along them), "hops" (several readings, each asked by what the
            one before found), "keyed" (a key, which parts of it matter, and how sharply, as a memory is addressed) or
            "graph" (the items are neighbours of the node that the core emits).
        core: the recurrent core.
        decoder: "core" (as above) or "transformer" (layers of causal self-attention, each of which attends to the
            annotations by itself; attention, core, rows, core_layers and evenly are then ignored).
        hidden: units of the core, or of the decoder.
        rows: rows of the memory, of a core that has one (ntm, dnc).
        embedding: numbers that stand for a symbol, and for what is observed beside the passage.
        readout: units of a hidden layer between the core and each part of the action; 0 for none.
        core_layers: layers of the core, one on top of the other, if it has layers; 1 for as many as it has by itself.
        numbers: what parts of the action that are numbers are chosen by: "gaussian" (one around a mean), "mixture" (of
            Gaussians) or "pen" (a mixture for a move, and what the pen then does).
        components: Gaussians of a mixture.
        evenly: what it costs if not all items are read as much in the end, the doubly stochastic attention of Xu et al.
            2015 (their λ); 0 for nothing.
        **options: the encoders' and attention models' own; one that the chosen ones don't have is ignored.
    """

    configures = (ITEM_ENCODERS, ITEM_ATTENTIONS, TransformerDecoder)

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        encoder: AnyItemEncoder = "gru",
        attention: AnyItemAttention = "content",
        core: AnyCore = "gru",
        decoder: Literal["core", "transformer"] = "core",
        hidden: int = 128,
        rows: int = 16,
        embedding: int = 64,
        readout: int = 0,
        core_layers: int = 1,
        numbers: Literal["gaussian", "mixture", "pen"] = "gaussian",
        components: int = 20,
        evenly: float = 0.0,
        **options: object,
    ):
        check_range("embedding", embedding, 1)
        check_range("evenly", evenly, 0.0)
        check_range("readout", readout, 0)
        check_range("core_layers", core_layers, 1)
        layered = check_choice("decoder", decoder, ["core", "transformer"]) == "transformer"
        check_choice("attention", attention, ITEM_ATTENTIONS)
        codes = 1 if layered else ITEM_ATTENTIONS[attention].codes(**options)
        reader = make_passage_encoder(observation_space, embedding, encoder, codes, **options)
        beside = BesideSource(observation_space, embedding)
        reading: Core
        if layered:
            own = own_arguments(TransformerDecoder, options)
            reading = TransformerDecoder(embedding + reader.query_size, reader.item_size, hidden, **own)
        else:
            # another core says how large its output is, which may be what is asked by
            sizes = embedding + reader.item_size + reader.query_size
            own = {"rows": rows, **({"layers": core_layers} if core_layers > 1 else {})}
            state_size = make_core(core, sizes, hidden, **own).output_size + reader.query_size
            model = make_item_attention(attention, reader.item_size, state_size, **options)
            inner = make_core(core, embedding + model.reading_size + reader.query_size, hidden, **own)
            reading = ReadingCore(model, inner, reader.query_size, evenly, reader.max_length)
        heads = {
            name: make_numbers_head(numbers, reading.output_size, part, readout, components)
            for name, part in action_parts(action_space).items()
        }
        super().__init__(observation_space, action_space, beside, reading, heads, source_encoder=reader)


class BesideSource(Encoder):
    """What is observed beside the source and the query, embedded.

    Args:
        space: of observations, a Dict.
        size: of the embedding.
    """

    def __init__(self, space: spaces.Space, size: int):
        super().__init__()
        self.flat = FlatEncoder(spaces.Dict(parts_beside(space)))
        self.embed = nn.Linear(self.flat.output_size, size)
        self.output_size = size

    def forward(self, observation: Tree) -> Tensor:
        return self.embed(self.flat(observation))
