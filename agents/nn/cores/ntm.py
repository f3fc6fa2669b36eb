"""The neural Turing machine (Graves, Wayne & Danihelka 2014)."""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ....errors import FoveateError, check_choice, check_range
from ..attention.content import content_weights, cosine_similarity, weighted_sum
from ..kernels import Fast, serves
from ..kernels.arguments import NTMBegin, NTMShape, Parameters
from .addressing import erase_and_add, interpolate, sharpen, shift
from .base import CoreOutput
from .controllers import Controllers
from .external import ExternalMemoryCore

NTMSequence = Callable[[NTMShape, Tensor, Parameters, NTMBegin], tuple[Tensor, NTMBegin]]
Addressing = Literal["both", "content", "location"]
BLANK = 1e-6  # what a constant memory holds before an episode (Collier & Beel 2018)
SPREAD = 0.3  # standard deviation of what a random one holds
FOCUS = 6.0  # the logit that puts the first address on row 0: with a uniform one all rows would stay alike


class NTMState(NamedTuple):
    """The state of a neural Turing machine: R read and H write heads."""

    memory: Tensor  # (B, N, W)
    weights: Tensor  # (B, R + H, N), the read heads first
    reads: Tensor  # (B, R, W)
    hidden: Tensor  # (B, hidden)
    cell: Tensor  # (B, hidden), or (B, 0) for a feed-forward controller


class NTM(ExternalMemoryCore[NTMState]):
    """A controller with heads that address a memory by content and by location.

    All heads are placed by the memory as the step before left it; then the write heads write, then the read heads read.
    Before an episode the paper sets the controller's state, the reads and the memory to bias values (section 4). Here
    the first two and the first addresses are learned, and the memory is not (`blank`). What is added to the memory
    goes through tanh, of which the paper says nothing.

    Args:
        input_size: size of x.
        hidden: units of the controller.
        rows: N, rows of memory.
        width: W, numbers a row.
        read_heads: R.
        write_heads: H.
        controller: "lstm" or "feedforward".
        reach: K, the largest shift; the kernel has 2K + 1 entries.
        addressing: "both" (the paper), "content" only (w = w_c), or "location" only (shifts of the last place).
        forget_bias: of an LSTM controller's forget gate, before training, -10 to 10. Below 0 it begins with hardly a
            memory of its own, and learns to use this one.
        fast: "auto" takes the fused kernel where it serves (on a CPU or a CUDA device, when nothing is recorded), "off"
            never does; both give the same numbers but for the last digits.
        blank: what memory holds before an episode: "constant", or "random" rows, the same in all episodes (each can
            then be distinguished from the others by content at once, but what is learned holds for the rows that were
            used in training).
    """

    blank_memory: Tensor

    def __init__(
        self,
        input_size: int,
        hidden: int = 100,
        *,
        rows: int = 128,
        width: int = 20,
        read_heads: int = 1,
        write_heads: int = 1,
        controller: Controllers = "lstm",
        reach: int = 1,
        addressing: Addressing = "both",
        forget_bias: float = 1.0,
        blank: Literal["constant", "random"] = "constant",
        fast: Fast = "auto",
    ):
        check_choice("blank", blank, ["random", "constant"])
        check_choice("addressing", addressing, ["both", "content", "location"])
        check_choice("fast", fast, ["auto", "off"])
        check_range("rows", rows, 1)
        check_range("write_heads", write_heads, 1)
        check_range("reach", reach, 0)
        if 2 * reach + 1 > rows:
            raise FoveateError(f"reach={reach} is not allowed: {2 * reach + 1} shifts need as many rows, not {rows}.")
        heads, shifts = read_heads + write_heads, 2 * reach + 1
        # for all heads: key, shifts; for write heads: add; then what a sigmoid bounds (gate; erase), and what a
        # softplus does (strength, sharpening)
        self.sizes = [heads * width, heads * shifts, write_heads * width, heads + write_heads * width, 2 * heads]
        super().__init__(
            input_size, hidden, sum(self.sizes), rows=rows, width=width, read_heads=read_heads, controller=controller,
            forget_bias=forget_bias,
        )  # fmt: skip
        self.write_heads, self.heads, self.reach, self.addressing = write_heads, heads, reach, addressing
        self.fast: Fast = fast
        self.blank = blank
        rows_before = SPREAD * torch.randn(rows, width) if blank == "random" else torch.full((rows, width), BLANK)
        self.register_buffer("blank_memory", rows_before)
        focus = torch.zeros(heads, rows)
        focus[:, 0] = FOCUS
        self.initial_address = nn.Parameter(focus)

    def resize(self, rows: int) -> None:
        """As the base: more rows begin as blank as the others, and no head begins on them.

        Raises:
            FoveateError: also where rows that begin at random would have to be more, or there are fewer than shifts.
        """
        if self.blank == "random" and rows > self.rows:
            raise FoveateError(
                f'rows={rows} is not allowed: with blank="random" only the {self.rows} rows of its training are known.'
            )
        if 2 * self.reach + 1 > rows:
            raise FoveateError(f"rows={rows} is not allowed: {2 * self.reach + 1} shifts need as many.")
        more = max(0, rows - self.rows)
        super().resize(rows)
        self.blank_memory = F.pad(self.blank_memory[:rows], (0, 0, 0, more), value=BLANK)
        # a row that nobody knew is as unlikely to begin on as the least likely of the others
        focus = self.initial_address.detach()[:, :rows]
        least = focus.min(1, keepdim=True).values.expand(-1, more)
        self.initial_address = nn.Parameter(torch.cat([focus, least], 1))

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> NTMState:
        address = torch.softmax(self.initial_address, -1)
        return NTMState(
            memory=self.blank_memory.expand(batch, -1, -1),
            weights=address.expand(batch, -1, -1),
            **self._controller_state(batch),
        )

    def kernel(self) -> Callable[[Tensor, NTMState], CoreOutput[NTMState]] | None:
        if serves(self.fast, self.interface.weight):
            from ..kernels import ntm  # here, since it brings numba with it

            return partial(self._run_fused, ntm.ntm_sequence)
        if serves(self.fast, self.interface.weight, "cuda"):
            from ..kernels.gpu import ntm  # and this one Triton

            return partial(self._run_fused, ntm.ntm_sequence) if ntm.fits(self.rows, self.width) else None
        return None

    def _run_fused(self, sequence: NTMSequence, drive: Tensor, state: NTMState) -> CoreOutput[NTMState]:
        """A piece in which no episode starts; drive (t, B, …)."""
        shape = NTMShape(
            read_heads=self.read_heads,
            write_heads=self.write_heads,
            shifts=2 * self.reach + 1,
            lstm=self.controller.cell_size > 0,
            content=self.addressing != "location",
            location=self.addressing != "content",
        )
        parameters = Parameters(self.controller.from_past.weight, self.interface.weight, self.interface.bias)
        y, end = sequence(shape, drive, parameters, NTMBegin(*state))
        return CoreOutput(y, NTMState(*end), {}, {})

    def step(self, drive: Tensor, state: NTMState, record: bool = False) -> CoreOutput[NTMState]:
        hidden, cell, interface = self.control(drive, state)
        key, kernel, add, gates, positive = interface.split(self.sizes, -1)
        gate, erase = gates.sigmoid().split([self.heads, gates.shape[-1] - self.heads], -1)  # g: (B, R + H)
        strength, sharpness = F.softplus(positive).chunk(2, -1)  # β and γ - 1, (B, R + H) each
        kernel = torch.softmax(kernel.unflatten(-1, (self.heads, -1)), -1)  # (B, R + H, 2K + 1)
        weights = self.address(state, key, strength, gate, kernel, 1 + sharpness)  # (B, R + H, N)
        read_weights, write_weights = weights.split([self.read_heads, self.write_heads], 1)
        memory = erase_and_add(
            state.memory,
            write_weights,
            erase.unflatten(-1, (self.write_heads, -1)),
            add.unflatten(-1, (self.write_heads, -1)).tanh(),
        )  # (B, N, W)
        reads = weighted_sum(read_weights, memory)  # (B, R, W)
        y = torch.cat([hidden, reads.flatten(1)], -1)
        records = {
            "read_weights": read_weights,
            "write_weights": write_weights,
            "memory": memory,
            "content_gate": gate,
            "key_strength": strength,
        }
        return CoreOutput(y, NTMState(memory, weights, reads, hidden, cell), {}, records if record else {})

    def address(
        self, state: NTMState, key: Tensor, strength: Tensor, gate: Tensor, kernel: Tensor, gamma: Tensor
    ) -> Tensor:
        """The weightings of all heads, (B, R + H, N) (Graves et al. 2014, figure 2).

        Args:
            state: of the step before.
            key: (B, (R + H) W).
            strength: β > 0, (B, R + H).
            gate: g in [0, 1], (B, R + H); 1 takes the place by content, 0 the last one.
            kernel: of the shifts, a distribution, (B, R + H, 2K + 1).
            gamma: γ ≥ 1, (B, R + H).
        """
        placed = state.weights
        if self.addressing != "location":
            key = key.unflatten(-1, (self.heads, -1))  # (B, R + H, W)
            content = content_weights(cosine_similarity(key, state.memory), strength)
            if self.addressing == "content":
                return content
            placed = interpolate(content, placed, gate)
        return sharpen(shift(placed, kernel), gamma)
