"""A core that is an associative memory: it stores each moment, and says what the present one reminds it of."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ....errors import FoveateError, check_choice, check_range
from ..attention.content import weighted_sum
from ..attention.hopfield import asynchronous, hebb, pseudo_inverse, recall_weights, settled, synchronous
from .base import Core, CoreOutput, begun
from .unroll import unroll

RULES = ("modern", "hebb", "pseudo-inverse")


class StoredState(NamedTuple):
    """What was stored of the last `context` moments, the latest last, zeros before the first."""

    keys: Tensor  # (B, context, D)
    values: Tensor  # (B, context, D); (B, context, 0) where a pattern is its own value
    clock: Tensor  # int64, (B,), moments since the episode began


class Hopfield(Core[StoredState]):
    """At each moment, completes x by what was stored of the moments before, then stores x.

    With hidden units it is a layer of the modern network of Ramsauer et al. 2021: queries, stored patterns and values
    are linear in x, a query is updated `steps` times, ξ ← Σ softmax(β K ξ) K (3), of which the last reads values, and y
    is the query beside what was read, (10). Without, x itself is the pattern, nothing is learned, and y is x,
    completed; that is also what classical networks can do, with patterns of -1 and 1, and 0 for what isn't known.

    Its record, of the modern network, is `read_weights`, (T, B, 1, context), by which it read last.

    Args:
        input_size: size of x.
        hidden: units that queries and patterns have; 0 for x itself.
        rule: "modern", or how a classical network (hidden=0) stores: "hebb" or "pseudo-inverse".
        beta: how much the nearest pattern counts more than others ("modern"); 0 for 1/√hidden, or 1 without hidden.
        steps: updates of the modern network; of the classical one at most so many of all units, until it settles.
        updates: of the classical network: one unit after the other ("asynchronous"), or all at once ("synchronous").
        context: moments that are stored.

    Raises:
        FoveateError: a number is out of its range, or a classical network was asked to learn.

    Source:
        Ramsauer et al. 2021, "Hopfield networks is all you need"; Hopfield 1982, "Neural networks and physical systems
        with emergent collective computational abilities".
    """

    _like: Tensor

    def __init__(
        self,
        input_size: int,
        hidden: int = 128,
        *,
        rule: Literal["modern", "hebb", "pseudo-inverse"] = "modern",
        beta: float = 0.0,
        steps: int = 1,
        updates: Literal["asynchronous", "synchronous"] = "asynchronous",
        context: int = 128,
    ):
        super().__init__()
        self.rule = check_choice("rule", rule, RULES)
        self.updates = check_choice("updates", updates, ["asynchronous", "synchronous"])
        check_range("hidden", hidden, 0)
        check_range("beta", beta, 0.0)
        self.steps, self.context = check_range("steps", steps, 1, 1000), check_range("context", context, 1)
        if hidden and rule != "modern":
            raise FoveateError(f"rule={rule!r} is not allowed with hidden={hidden}: it learns nothing, so hidden=0.")
        self.size, self.hidden = hidden or input_size, hidden
        self.beta = beta or (hidden**-0.5 if hidden else 1.0)
        self.output_size = 2 * hidden or input_size
        self.register_buffer("_like", torch.empty(0), persistent=False)  # of the type of all numbers, where they lie
        self.to_query, self.to_key, self.to_value = (
            (nn.Linear(input_size, hidden) for _ in range(3)) if hidden else (None, None, None)
        )

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> StoredState:
        keys = self._like.new_zeros(batch, self.context, self.size)
        clock = torch.zeros(batch, dtype=torch.int64, device=keys.device)
        return StoredState(keys, keys[..., : self.hidden], clock)

    def forward(
        self,
        x: Float[Tensor, "time batch features"],
        state: StoredState,
        starts: Bool[Tensor, "time batch"],
        record: bool = False,
    ) -> CoreOutput[StoredState]:
        projected = (x, x, x[..., :0])
        if self.to_query is not None and self.to_key is not None and self.to_value is not None:
            projected = (self.to_query(x), self.to_key(x), self.to_value(x))

        def step(now: tuple[Tensor, Tensor, Tensor], state: StoredState) -> CoreOutput[StoredState]:
            query, key, value = now
            y, records = self._remind(query, state)
            keys = torch.cat([state.keys[:, 1:], key[:, None]], 1)
            values = torch.cat([state.values[:, 1:], value[:, None]], 1)
            return CoreOutput(y, StoredState(keys, values, state.clock + 1), {}, records if record else {})

        def begin(state: StoredState, now: tuple[Tensor, Tensor, Tensor], starts: Tensor) -> StoredState:
            return begun(self, state, starts)

        return unroll(step, projected, state, starts, begin)

    def _remind(self, query: Tensor, state: StoredState) -> tuple[Tensor, dict[str, Tensor]]:
        """What a moment's y is, (B, output_size), and its records."""
        cue = query[:, None]  # (B, 1, D)
        if self.rule != "modern":
            weights = (hebb if self.rule == "hebb" else pseudo_inverse)(state.keys)  # (B, D, D)
            update = asynchronous if self.updates == "asynchronous" else synchronous
            return settled(lambda now: update(now, weights), cue, self.steps)[:, 0], {}
        age = torch.arange(self.context, 0, -1, device=cue.device)  # of what is stored, the latest 1
        there = (age <= state.clock[:, None])[:, None]  # (B, 1, context)
        for _ in range(self.steps - 1):
            cue = weighted_sum(self._weights(cue, state, there), state.keys)
        weights = self._weights(cue, state, there)
        if not self.hidden:
            return weighted_sum(weights, state.keys)[:, 0], {"read_weights": weights}
        read = weighted_sum(weights, state.values)[:, 0]  # (B, hidden)
        return torch.cat([query, read], -1), {"read_weights": weights}

    def _weights(self, cue: Tensor, state: StoredState, there: Tensor) -> Tensor:
        """How much each stored pattern counts, (B, 1, context); nothing does before the first is stored."""
        weights = recall_weights(cue, state.keys, self.beta, there)
        return torch.where(there.any(-1, keepdim=True), weights, 0.0)
