"""Cores small enough for slow oracles: the switches of each, and a toy with costs of its own."""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from foveate import tree
from foveate.agents.nn.cores import CORES, GRU, Core, CoreOutput, make_core
from foveate.agents.nn.cores.base import reset_where
from foveate.agents.nn.cores.external import ExternalMemoryCore
from foveate.agents.nn.cores.recurrent import HiddenState
from foveate.agents.nn.cores.unroll import unroll
from foveate.agents.nn.encoders import FlatEncoder
from foveate.agents.policies.policy import Policy

EXTERNAL = [name for name, core in CORES.items() if issubclass(core, ExternalMemoryCore)]
# small ones, and the switches of those that have some; the others as they are by default
SPECIAL = {
    "lstm-2": ("lstm", {"layers": 2}),
    "ntm": ("ntm", {"rows": 5, "width": 3}),
    "ntm-heads": ("ntm", {"rows": 5, "width": 3, "read_heads": 2, "write_heads": 2, "controller": "feedforward"}),
    "ntm-content": ("ntm", {"rows": 5, "width": 3, "addressing": "content", "blank": "constant"}),
    "ntm-location": ("ntm", {"rows": 5, "width": 3, "addressing": "location", "reach": 2}),
    "dnc": ("dnc", {"rows": 5, "width": 3, "read_heads": 2}),
    "dnc-sparse": ("dnc", {"rows": 5, "width": 3, "read_heads": 1, "sparse_links": 2, "controller": "feedforward"}),
    "dnc-switches": (
        "dnc",
        {
            "rows": 5,
            "width": 3,
            "read_heads": 2,
            "mask_keys": True,
            "deallocate": True,
            "sharpen_links": True,
            "max_strength": 1.6,
        },
    ),
    "transformer": ("transformer", {"layers": 2, "heads": 2, "context": 4}),
    "transformer-alone": (
        "transformer",
        {"heads": 2, "context": 4, "without": ("places", "norm", "residual", "feedforward")},
    ),
    "bytenet": ("bytenet", {"layers": 2}),
    "hopfield": ("hopfield", {"context": 4, "steps": 2}),
}
BUILT = {**{name: (name, {}) for name in CORES}, **SPECIAL}
REMEMBERING = sorted(set(BUILT) - {"none"})


def build(key: str, input_size: int = 3, hidden: int = 4) -> Core:
    name, options = BUILT[key]
    if name in EXTERNAL:
        options = {**options, "fast": "off"}  # the path that is read; test_kernels compares the other with it
    return make_core(name, input_size, hidden, **options)


class PonderState(NamedTuple):
    steps: Tensor  # int64, (B,)
    inner: HiddenState


class Ponder(Core[PonderState]):
    """A GRU in a core with a cost of its own: how much its output moves, times a weight."""

    def __init__(self, input_size: int, hidden: int, weight: float = 0.1, fast: bool = False):
        super().__init__()
        self.inner, self.weight, self.fast = GRU(input_size, hidden), weight, fast
        self.output_size = hidden

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> PonderState:
        return PonderState(torch.zeros(batch, dtype=torch.int64), self.inner.initial_state(batch, device))

    def forward(self, x: Tensor, state: PonderState, starts: Tensor, record: bool = False) -> CoreOutput[PonderState]:
        kernel = self.run_piece if self.fast and not record else None
        return unroll(partial(self.step, record=record), x, state, starts, self.begin, kernel)

    def begin(self, state: PonderState, x: Tensor, starts: Tensor) -> PonderState:
        return reset_where(state, self.initial_state(len(starts)), starts)

    def run_piece(self, x: Tensor, state: PonderState) -> CoreOutput[PonderState]:
        y, inner, _, _ = self.inner(x, state.inner, torch.zeros(x.shape[:2], dtype=torch.bool))
        return CoreOutput(y, PonderState(state.steps + len(x), inner), {"ponder": self.weight * y.abs().mean(-1)}, {})

    def step(self, x: Tensor, state: PonderState, record: bool = False) -> CoreOutput[PonderState]:
        y, after, losses, _ = self.run_piece(x[None], state)
        records = {"steps": after.steps} if record else {}
        return CoreOutput(y[0], after, tree.index(losses, 0), records)


def ponder_policy(**options: float) -> Policy:
    torch.manual_seed(0)
    space = spaces.Box(-1, 1, (3,), np.float32)
    return Policy(space, spaces.Discrete(2), FlatEncoder(space), Ponder(3, 4, **options))
