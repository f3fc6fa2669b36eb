"""What every core with an external memory shares: a controller, an interface, and the loop over time."""

from typing import Any

import torch
from torch import Tensor, nn

from ....errors import check_choice, check_range
from .base import Core, Maps, State, episode_pieces, write_initial
from .controllers import CONTROLLERS

CLIP = 20.0  # the interface is clipped there: beyond it sigmoids and softmaxes have no gradient left


class ExternalMemoryCore(Core):
    """A controller that reads and writes a memory of `rows` rows of `width` numbers.

    A subclass says how wide the interface is, and writes `step`, a pure function of tensors for one moment. The loop
    over time is here, and nowhere else: a compiled or fused step, or a whole fused sequence, takes its place in `_run`.

    y_t is the controller's output beside what was read, so that a linear head on it is
    y_t = W_y h_t + W_r [r_t^1; …; r_t^R] (Graves et al. 2016, Methods).
    """

    initial_hidden: Tensor

    def __init__(
        self,
        input_size: int,
        hidden: int,
        interface_size: int,
        *,
        rows: int,
        width: int,
        read_heads: int,
        controller: str,
    ):
        super().__init__()
        for name, value in (("rows", rows), ("width", width), ("read_heads", read_heads), ("hidden", hidden)):
            check_range(name, value, 1)
        check_choice("controller", controller, CONTROLLERS)
        self.rows, self.width, self.read_heads = rows, width, read_heads
        self.controller = CONTROLLERS[controller](input_size, read_heads * width, hidden)
        self.interface = nn.Linear(hidden, interface_size)
        # what is learned of the state before an episode
        zero = torch.zeros(hidden)
        if self.controller.cell_size:
            self.initial_hidden = nn.Parameter(zero)
        else:  # no one reads it
            self.register_buffer("initial_hidden", zero, persistent=False)
        self.initial_cell = nn.Parameter(torch.zeros(self.controller.cell_size))
        self.initial_reads = nn.Parameter(torch.zeros(read_heads, width))
        self.output_size = hidden + read_heads * width

    def _controller_state(self, batch: int) -> dict[str, Tensor]:
        """The controller's part of the initial state."""
        return {
            "reads": self.initial_reads.expand(batch, -1, -1),  # (B, R, W)
            "hidden": self.initial_hidden.expand(batch, -1),  # (B, H)
            "cell": self.initial_cell.expand(batch, -1),  # (B, H) or (B, 0)
        }

    def step(self, drive: Tensor, state: Any) -> tuple[Tensor, Any, Maps]:
        """One moment.

        Args:
            drive: the controller's view of x_t, (B, …).
            state: the state before it.

        Returns:
            y (B, output_size), the state after it, and what was attended to, by name.
        """
        raise NotImplementedError

    def control(self, drive: Tensor, state: Any) -> tuple[Tensor, Tensor, Tensor]:
        """The controller's hidden and cell, and the clipped interface for the memory (B, interface_size)."""
        hidden, cell = self.controller(drive, state.reads.flatten(1), state.hidden, state.cell)
        return hidden, cell, self.interface(hidden).clamp(-CLIP, CLIP)

    def forward(self, x: Tensor, state: State, starts: Tensor) -> tuple[Tensor, State]:
        y, state, _ = self._run(x, state, starts, keep=False)
        return y, state

    def attend(self, x: Tensor, state: State, starts: Tensor) -> tuple[Tensor, State, Maps]:
        """As `forward`, and what was attended to at each step, each (T, B, …)."""
        return self._run(x, state, starts, keep=True)

    def _run(self, x: Tensor, state: State, starts: Tensor, keep: bool) -> tuple[Tensor, State, Maps]:
        # (T, B, …), one product for the whole sequence; unbound at once, since the gradient of each index of it
        # would be a tensor of its full size
        drive = self.controller.from_input(x).unbind(0)
        outputs, kept = [], []
        for begin, end in episode_pieces(starts):
            # one look at each piece's first step: inside a piece no episode starts
            if starts.device.type != "cpu" or bool(starts[begin].any()):
                state = write_initial(self, state, starts[begin])
            for t in range(begin, end):
                y, state, maps = self.step(drive[t], state)
                outputs.append(y)
                if keep:
                    kept.append(maps)
        stacked = {name: torch.stack([maps[name] for maps in kept]) for name in kept[0]} if keep else {}
        return torch.stack(outputs), state, stacked
