"""The pointer network: what it writes are numbers of items that it reads."""

from collections import OrderedDict
from functools import partial
from typing import ClassVar, Literal

import torch
from gymnasium import spaces
from torch import Tensor, nn

from ...errors import FoveateError, check_choice, check_range
from ..nn.attention import ITEM_ATTENTIONS, AnyItemAttention, make_item_attention
from ..nn.cores import AnyCore, Core, CoreOutput, make_core
from ..nn.cores.base import Source
from ..nn.encoders import ITEM_ENCODERS, AnyItemEncoder, FlatEncoder, make_passage_encoder
from ..nn.encoders.passage import parts_beside
from ..nn.heads import PointerHead, make_head
from .attend import ReadingCore, ReadingState
from .outputs import PolicyPrediction, SourceState
from .policy import WHOLE, Policy

WRITTEN = "written"  # the part of an observation that says which item was written last


class CopyingCore(Core[ReadingState]):
    """A core whose input is the item that was written last, copied from the source.

    P(C_i | C_1, …, C_{i-1}, P) depends on P_{C_{i-1}} (Vinyals et al. 2015, equation 1 and section 2.3: "we simply copy
    the corresponding P_{C_{i-1}} to provide as the input"); what is copied here is the item's annotation.

    Args:
        inner: gets what was copied, beside what else is observed.
        item_size: of an annotation.
    """

    needs_source: ClassVar[bool] = True

    def __init__(self, inner: ReadingCore, item_size: int):
        super().__init__()
        self.inner, self.output_size = inner, inner.output_size
        self.begin = nn.Parameter(torch.zeros(item_size))  # "⇒", where nothing was written yet

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> ReadingState:
        return self.inner.initial_state(batch, device)

    def forward(
        self, x: Tensor, state: ReadingState, starts: Tensor, record: bool = False, source: Source | None = None
    ) -> CoreOutput[ReadingState]:
        """Run over a sequence; arguments as in `Core.forward`, and the source of the episodes.

        x starts with what was written last, as one of 1 + L numbers, of which the first is nothing, (T, B, 1 + L + …).
        """
        assert source is not None
        room = source.items.shape[1]
        nothing, written, beside = x.split([1, room, x.shape[-1] - 1 - room], -1)
        items = source.compact().cleared().items
        copied = torch.einsum("tbl,bla->tba", written[..., : items.shape[1]], items) + nothing * self.begin
        return self.inner(torch.cat([copied, beside], -1), state, starts, record, source)


class Pointer(Policy):
    """Reads a set of items once an episode, and writes numbers of items, each by pointing at one.

    An encoder annotates the items; a core gets the annotation of the item that was written last, beside the mean of all
    annotations; from what it says, the next item is chosen by a softmax over the items themselves, so that answers may
    be longer, and of other numbers, than any in training.

    Args:
        observation_space: Dict with a part `source`, as in `Attend`, and a part `written`, the action before.
        action_space: Discrete: 0 ends, 1 is the first item.
        encoder: from the items to annotations, as in `Attend`.
        attention: what the core reads in the annotations: "uniform" (their mean), "content" or "last", as in `Attend`.
        core: the recurrent core.
        hidden: units of the core.
        rows: rows of the memory, of a core that has one (ntm, dnc).
        embedding: numbers that stand for an item before it is encoded.
        output: "pointer", or its ablation "index": a softmax over numbers. That needs an encoder that knows places and
            has no weights for numbers that it never saw.
        pointer_units: units of v.
        **options: the encoders' and attention models' own; one that the chosen ones don't have is ignored.
    """

    configures = (ITEM_ENCODERS, ITEM_ATTENTIONS)

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        encoder: AnyItemEncoder = "transformer",
        attention: AnyItemAttention = "uniform",
        core: AnyCore = "gru",
        hidden: int = 128,
        rows: int = 16,
        embedding: int = 64,
        output: Literal["pointer", "index"] = "pointer",
        pointer_units: int = 128,
        **options: object,
    ):
        check_range("embedding", embedding, 1)
        check_range("pointer_units", pointer_units, 1)
        check_choice("output", output, ["pointer", "index"])
        reader = make_passage_encoder(observation_space, embedding, encoder, 1, **options)
        room, size = reader.max_length, reader.item_size
        parts = parts_beside(observation_space)
        written = parts.pop(WRITTEN, None)
        for name, space in (("actions", action_space), ("the part 'written' of observations", written)):
            if not isinstance(space, spaces.Discrete) or space.start != 0 or space.n != room + 1:
                raise FoveateError(
                    f"this agent writes numbers of items: {name} must be Discrete({room + 1}), "
                    f"the end and a number for each of {room} items, got {space}."
                )
        beside = FlatEncoder(spaces.Dict(OrderedDict([(WRITTEN, action_space), *parts.items()])))
        given, query = size + beside.output_size - room - 1, reader.query_size
        make = partial(make_core, core, hidden=hidden, rows=rows)
        model = make_item_attention(attention, size, make(given).output_size + query, **options)
        reading = ReadingCore(model, make(given + model.reading_size + query), query, room=room)
        copying = CopyingCore(reading, size)
        self.points = output == "pointer"
        assert isinstance(action_space, spaces.Discrete)
        if self.points:
            head = PointerHead(copying.output_size, action_space, size, pointer_units)
        else:
            head = make_head(copying.output_size, action_space)
        super().__init__(observation_space, action_space, beside, copying, {WHOLE: head}, source_encoder=reader)

    def _run(self, record: bool, inputs: tuple, state: SourceState) -> PolicyPrediction:
        said = super()._run(record, inputs, state)
        if not record or not self.points:
            return said
        pointed = said.parameters[WHOLE].softmax(-1)[..., 1:]  # (T, B, L)
        return said._replace(records={**said.records, "source_weights": pointed[:, :, None]})
