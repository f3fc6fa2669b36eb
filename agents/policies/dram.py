"""The Deep Recurrent Attention Model: several objects, read one after the other (Ba et al. 2014)."""

import contextlib
import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from gymnasium import spaces
from torch import Tensor, nn

from ...errors import FoveateError, check_choice, check_range
from ...tree import Tree
from ..nn.attention.glimpse import GlimpseNetwork
from ..nn.cores import LSTM, Core, CoreOutput
from ..nn.cores.base import Source, reset_where
from ..nn.cores.recurrent import LSTMState
from ..nn.cores.unroll import unroll_pieces
from ..nn.encoders import Encoder
from ..nn.heads import make_critic, make_head
from .looking import LOOKING, Looking, make_retina
from .policy import action_parts


class DRAMState(NamedTuple):
    """The state of the two layers."""

    lower: LSTMState
    upper: LSTMState


class DRAMCore(Core[DRAMState]):
    """Two LSTMs: the lower one collects the glimpses, the upper one, which knows the whole coarsely, says where next.

    y is both outputs, the lower before the upper.

    Args:
        glimpse: size of the glimpse vector, the first part of x.
        context: size of the rest of x: the coarse whole, from which the upper layer's state begins.
        hidden: units of each layer.
        isolate: keep the upper layer's gradient, a policy gradient's, out of the lower layer.
    """

    def __init__(self, glimpse: int, context: int, hidden: int, isolate: bool):
        super().__init__()
        self.sizes, self.isolate = [glimpse, context], isolate
        self.lower, self.upper = LSTM(glimpse, hidden), LSTM(hidden, hidden)
        self.context = nn.Sequential(nn.Linear(context, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.Tanh())
        self.output_size = 2 * hidden

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> DRAMState:
        return DRAMState(self.lower.initial_state(batch, device), self.upper.initial_state(batch, device))

    def forward(self, x: Tensor, state: DRAMState, starts: Tensor, record: bool = False) -> CoreOutput[DRAMState]:
        return unroll_pieces(self._run, x.split(self.sizes, -1), state, starts, self._begin)  # (T, B, G), (T, B, C)

    def _begin(self, state: DRAMState, x: tuple[Tensor, Tensor], starts: Tensor) -> DRAMState:
        fresh = self.initial_state(len(starts), starts.device)
        first = self.context(x[1])[:, None]  # (B, 1, H): r⁽²⁾_0, Ba et al. 2014, section 2, "context"
        return reset_where(state, fresh._replace(upper=fresh.upper._replace(hidden=first)), starts)

    def _run(self, x: tuple[Tensor, Tensor], state: DRAMState) -> CoreOutput[DRAMState]:
        glimpse = x[0]  # (t, B, G)
        on = glimpse.new_zeros(glimpse.shape[:2], dtype=torch.bool)
        low, lower, _, _ = self.lower(glimpse, state.lower, on)  # r⁽¹⁾_n, Ba et al. 2014, section 2
        high, upper, _, _ = self.upper(low.detach() if self.isolate else low, state.upper, on)  # r⁽²⁾_n, the same
        return CoreOutput(torch.cat([low, high], -1), DRAMState(lower, upper), {}, {})


class _Encoder(Encoder):
    """The glimpse vector and the flat overview side by side."""

    def __init__(self, network: GlimpseNetwork, overview: int):
        super().__init__()
        self.network = network
        self.output_size = network.output_size + overview

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        return torch.cat([self.network(observation), observation["overview"].flatten(1)], -1)


class DRAM(Looking):
    """Two recurrent layers: the lower one feeds the answer, the upper one says where to look.

    The context network reads a coarse picture of the whole and begins the upper layer's state, so that the first
    place that it chooses is no guess. The answer never reads it: it must have been looked at.

    Args:
        observation_space: a Dict with `glimpse`, `location` and `overview` (Glimpse worlds with overview=16), or whole
            images, Box (C, H, W), of which it takes glimpses itself.
        action_space: any mix of parts; `location` (and `zoom`) are where to look.
        hidden: units of each layer, and of the glimpse vector.
        what: units on the glimpse.
        where: units on the location.
        filters: of convolutions in front of the units on the glimpse (see `GlimpseConvolutions`), 0 for none.
        contrast: bring each patch of the glimpse to the same mean and contrast first, for pictures whose light differs
            (see `normalize_contrast`); the head that says a move still sees the glimpse as it is.
        dropout: share of the glimpse network's units that are dropped while it learns, by policy gradient also at play.
        std: standard deviation of the Gaussian over locations, in the coordinates [-1, 1].
        location_hidden: units of the location head's hidden layer, 0 for a linear one.
        gaze: how it says where to look: "place", from the upper layer, as in the paper, or "move", from where it looks
            now, by a head that sees the glimpse itself (`MoveHead`); what is no Box like the observed `location`
            always is a place.
        move_cost: with gaze="move", what a move costs: this times its squared length in halves of the picture. The
            policy gradient alone lets a gaze drift away that has nothing more to gain.
        isolate_location: keep the location's gradient out of the lower layer.
        location_rate: learning rate of what only the policy gradient trains (context, upper layer, location), as a
            share of the learner's. Adam brings any gradient to one size, so at the full rate the gaze runs into a
            corner on noise alone, before the answer has learned to tell a good glance from a bad one.
        patch: of its own retina, side of each patch.
        scales: of its own retina, number of patches.
        location: how it says where to look with its own retina: "continuous" or "tiles".
        tiles: with location="tiles", the grid has tiles x tiles places.
        overview: of its own retina, side of the coarse picture.

    Source:
        Ba, Mnih & Kavukcuoglu 2014, "Multiple Object Recognition with Visual Attention", section 2 (layers of 512).
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        *,
        hidden: int = 256,
        what: int = 256,
        where: int = 128,
        filters: int = 0,
        contrast: bool = False,
        dropout: float = 0.0,
        std: float = 0.1,
        location_hidden: int = 128,
        gaze: Literal["place", "move"] = "place",
        move_cost: float = 0.0,
        isolate_location: bool = True,
        location_rate: float = 0.1,
        patch: int = 12,
        scales: int = 3,
        location: Literal["continuous", "tiles"] = "continuous",
        tiles: int = 5,
        overview: int = 16,
    ):
        check_range("std", std, 1e-6)
        check_range("dropout", dropout, 0.0, 0.999)
        check_choice("gaze", gaze, ["place", "move"])
        check_range("move_cost", move_cost, 0.0)
        check_range("location_rate", location_rate, 0.0, 1.0)
        retina = make_retina(observation_space, patch, scales, location, tiles, overview)
        looked_at = observation_space if retina is None else retina.observation_space
        coarse = looked_at.spaces.get("overview") if isinstance(looked_at, spaces.Dict) else None
        if coarse is None and isinstance(looked_at, spaces.Dict):
            raise FoveateError(
                "dram's context network needs a coarse picture of the whole: make the world with overview=16."
            )
        network = GlimpseNetwork(
            looked_at, what, where, hidden, dropout, product=True, filters=filters, contrast=contrast
        )
        assert coarse is not None
        encoder = _Encoder(network, math.prod(coarse.shape or ()))
        core = DRAMCore(hidden, encoder.output_size - hidden, hidden, isolate_location)
        parts = {**action_parts(action_space), **({} if retina is None else {"location": retina.choice})}
        seen = looked_at if gaze == "move" else None
        heads = {
            name: self.looking_head(hidden, part, location_hidden, std, seen, move_cost)
            if name in LOOKING
            else make_head(hidden, part)
            for name, part in parts.items()
        }
        critic = make_critic(hidden)
        apart = frozenset({"critic"})
        super().__init__(observation_space, action_space, encoder, core, heads, apart, critic, retina)
        self.location_rate = location_rate

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        core = self.core
        assert isinstance(core, DRAMCore)
        isolate, core.isolate = core.isolate, False
        try:
            with super().connected():
                yield
        finally:
            core.isolate = isolate

    def rates(self) -> dict[float, list[nn.Parameter]]:
        core = self.core
        assert isinstance(core, DRAMCore)
        slow = [core.upper, core.context, *(self.heads[name] for name in self.heads if name in LOOKING)]
        slowly = {id(p) for part in slow for p in part.parameters()}
        fast = [p for p in self.parameters() if id(p) not in slowly]
        return {1.0: fast, self.location_rate: [p for p in self.parameters() if id(p) in slowly]}

    def read_out(self, features: Tensor, source: Source | None, observation: Tree) -> tuple[dict[str, Tensor], Tensor]:
        low, high = features.chunk(2, -1)  # (T, B, H) each
        parameters = {
            name: self.read_head(name, high if name in LOOKING else low, source, observation) for name in self.heads
        }
        return parameters, self.critic(high.detach() if "critic" in self.isolated else high)[..., 0]  # (T, B)
