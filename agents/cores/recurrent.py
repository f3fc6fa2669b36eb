"""The classical recurrent networks, on torch's own kernels: a ReLU network (as in the RAM paper), LSTM and GRU."""

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .base import Core, State, write_initial


class HiddenState(NamedTuple):
    """The state of a network with one hidden vector."""

    hidden: Tensor  # (B, H)


class LSTMState(NamedTuple):
    """The state of an LSTM."""

    hidden: Tensor  # (B, H)
    cell: Tensor  # (B, H)


class _TorchCore(Core):
    """A one-layer torch RNN module, cut into pieces where episodes start so that each piece runs in one kernel."""

    state_class: type[HiddenState] | type[LSTMState]

    def __init__(self, module: nn.RNNBase):
        super().__init__()
        self.module = module
        self.output_size = module.hidden_size

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> State:
        dtype = next(self.module.parameters()).dtype
        zeros = torch.zeros(batch, self.output_size, device=device, dtype=dtype)
        return self.state_class(*(zeros,) * len(self.state_class._fields))

    def forward(self, x: Tensor, state: State, starts: Tensor) -> tuple[Tensor, State]:
        outputs = []
        for begin, end in _pieces(starts):
            # one `where` at each piece's first step: inside a piece no episode starts
            state = write_initial(self, state, starts[begin])
            y, state = self._run(x[begin:end], state)
            outputs.append(y)
        return (outputs[0] if len(outputs) == 1 else torch.cat(outputs)), state

    def _run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        before = [part[None].contiguous() for part in state]  # torch wants (layers, B, H)
        y, after = self.module(x, tuple(before) if len(before) > 1 else before[0])
        parts = after if isinstance(after, tuple) else (after,)
        return y, self.state_class(*(part.squeeze(0) for part in parts))


def _pieces(starts: Tensor) -> list[tuple[int, int]]:
    """Where to cut a sequence so that episodes start at first steps only: (begin, end) pairs."""
    steps = len(starts)
    if steps == 1:
        return [(0, 1)]
    cuts = (starts[1:].any(1).nonzero()[:, 0] + 1).tolist()  # one look at the device for the whole sequence
    edges = [0, *cuts, steps]
    return list(itertools.pairwise(edges))


class RNN(_TorchCore):
    """h_t = relu(W x_t + U h_{t-1} + b): the core network of Mnih et al. 2014, section 4."""

    state_class = HiddenState

    def __init__(self, input_size: int, hidden: int):
        super().__init__(nn.RNN(input_size, hidden, nonlinearity="relu"))


class LSTM(_TorchCore):
    """Long short-term memory (Hochreiter & Schmidhuber 1997), the forget gate's bias begun at 1 (Gers 2000)."""

    state_class = LSTMState

    def __init__(self, input_size: int, hidden: int):
        module = nn.LSTM(input_size, hidden)
        super().__init__(module)
        forget = slice(hidden, 2 * hidden)  # torch's gates are ordered input, forget, cell, output
        nn.init.ones_(module.get_parameter("bias_ih_l0").data[forget])  # its two biases add up
        nn.init.zeros_(module.get_parameter("bias_hh_l0").data[forget])


class GRU(_TorchCore):
    """Gated recurrent unit (Cho et al. 2014)."""

    state_class = HiddenState

    def __init__(self, input_size: int, hidden: int):
        super().__init__(nn.GRU(input_size, hidden))
