"""Controllers of cores with an external memory: what turns the input and the last reads into a hidden vector."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from ....errors import check_choice

Controllers = Literal["lstm", "feedforward"]


class Controller(nn.Module):
    """A controller in two parts: what depends on the input only is computed for a whole sequence at once.

    Attributes:
        hidden: the size of the output.
        cell_size: the size of the cell; 0 for a controller without memory.
    """

    hidden: int
    cell_size: int

    def __init__(self, input_size: int, read_size: int, hidden: int, gates: int, recurrent: int):
        super().__init__()
        self.hidden = hidden
        self.from_input = nn.Linear(input_size, gates * hidden)
        self.from_past = nn.Linear(read_size + recurrent, gates * hidden, bias=False)

    def forward(self, drive: Tensor, reads: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """One step.

        Args:
            drive: ``from_input(x_t)``, (B, gates * hidden).
            reads: what the heads read at the step before, (B, R * W).
            hidden: of the step before, (B, hidden).
            cell: of the step before, (B, cell_size).

        Returns:
            hidden and cell of this step.
        """
        raise NotImplementedError


class FeedforwardController(Controller):
    """h_t = tanh(W x_t + U r_{t-1} + b): all memory is external."""

    cell_size = 0

    def __init__(self, input_size: int, read_size: int, hidden: int):
        super().__init__(input_size, read_size, hidden, 1, 0)

    def forward(self, drive: Tensor, reads: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        return torch.tanh(drive + self.from_past(reads)), cell


class LSTMController(Controller):
    """An LSTM over x_t and r_{t-1} (Graves et al. 2016, Methods).

    Args:
        input_size: of x.
        read_size: of r.
        hidden: units.
        forget_bias: the forget gate's bias before training.
    """

    def __init__(self, input_size: int, read_size: int, hidden: int, forget_bias: float = 1.0):
        super().__init__(input_size, read_size, hidden, 4, hidden)
        self.cell_size = hidden
        nn.init.zeros_(self.from_input.bias)
        nn.init.constant_(self.from_input.bias.data[hidden : 2 * hidden], forget_bias)

    def forward(self, drive: Tensor, reads: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        # (B, 4 H): input, forget, output, cell
        gates = torch.addmm(drive, torch.cat([reads, hidden], -1), self.from_past.weight.T)
        opening, candidate = gates.split([3 * self.hidden, self.hidden], -1)
        i, f, o = opening.sigmoid().chunk(3, -1)
        cell = torch.addcmul(f * cell, i, candidate.tanh())
        return o * cell.tanh(), cell


def make_controller(name: Controllers, input_size: int, read_size: int, hidden: int, forget_bias: float) -> Controller:
    """A controller by its name.

    Args:
        name: "lstm" or "feedforward".
        input_size: of x.
        read_size: of r.
        hidden: units.
        forget_bias: of an LSTM's forget gate, before training.

    Raises:
        FoveateError: there is none of this name.
    """
    check_choice("controller", name, get_args(Controllers))
    if name == "feedforward":
        return FeedforwardController(input_size, read_size, hidden)
    return LSTMController(input_size, read_size, hidden, forget_bias)
