"""What every core with an external memory shares: a controller and its interface to the memory."""

from collections.abc import Callable
from functools import partial
from typing import Generic, Protocol, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ....errors import check_range
from ..bounds import bounded
from .base import Core, CoreOutput, begun
from .controllers import Controllers, make_controller
from .unroll import unroll


class ControllerState(Protocol):
    """The part of a state that the controller reads."""

    @property
    def reads(self) -> Tensor:
        """What the heads read at the step before, (B, R, W)."""
        ...

    @property
    def hidden(self) -> Tensor:
        """The controller's output, (B, H)."""
        ...

    @property
    def cell(self) -> Tensor:
        """Its cell, (B, H) or (B, 0)."""
        ...


S = TypeVar("S", bound=tuple)


class ExternalMemoryCore(Core[S], Generic[S]):
    """A controller that reads and writes a memory of `rows` rows of `width` numbers.

    A subclass says how wide the interface is, and writes `step`, a pure function of tensors for one moment. It may have
    a `kernel` that runs whole pieces of a sequence; the loop over time is `unroll`'s.

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
        controller: Controllers,
        forget_bias: float,
    ):
        super().__init__()
        for name, value in (("rows", rows), ("width", width), ("read_heads", read_heads), ("hidden", hidden)):
            check_range(name, value, 1)
        check_range("forget_bias", forget_bias, -10.0, 10.0)
        self.rows, self.width, self.read_heads = rows, width, read_heads
        self.controller = make_controller(controller, input_size, read_heads * width, hidden, forget_bias)
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

    def resize(self, rows: int) -> None:
        """Give the memory another number of rows; nothing else changes: no weight of the controller is of a row.

        Args:
            rows: N from now on.

        Raises:
            FoveateError: there can't be so many.
        """
        self.rows = check_range("rows", rows, 1)

    def _controller_state(self, batch: int) -> dict[str, Tensor]:
        """The controller's part of the initial state."""
        return {
            "reads": self.initial_reads.expand(batch, -1, -1),  # (B, R, W)
            "hidden": self.initial_hidden.expand(batch, -1),  # (B, H)
            "cell": self.initial_cell.expand(batch, -1),  # (B, H) or (B, 0)
        }

    def step(self, drive: Tensor, state: S, record: bool = False) -> CoreOutput[S]:
        """One moment.

        Args:
            drive: the controller's view of x_t, (B, …).
            state: the state before it.
            record: also say what was attended to.

        Returns:
            As of `forward`, without T.
        """
        raise NotImplementedError

    def kernel(self) -> Callable[[Tensor, S], CoreOutput[S]] | None:
        """What runs a piece in which no episode starts at once, drive (t, B, …); None where nothing does."""
        return None

    def control(self, drive: Tensor, state: ControllerState) -> tuple[Tensor, Tensor, Tensor]:
        """The controller's hidden and cell, and the clipped interface for the memory (B, interface_size)."""
        hidden, cell = self.controller(drive, state.reads.flatten(1), state.hidden, state.cell)
        return hidden, cell, bounded(self.interface(hidden))

    def forward(
        self,
        x: Float[Tensor, "time batch features"],
        state: S,
        starts: Bool[Tensor, "time batch"],
        record: bool = False,
    ) -> CoreOutput[S]:
        drive = self.controller.from_input(x)  # (T, B, …), one product for the whole sequence
        step, kernel = partial(self.step, record=record), None if record else self.kernel()
        return unroll(step, drive, state, starts, self._begin, kernel)

    def _begin(self, state: S, drive: Tensor, starts: Tensor) -> S:
        return begun(self, state, starts)
