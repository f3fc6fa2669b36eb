"""The classical recurrent networks, mostly on torch's kernels: of ReLU (as in the RAM paper) and of tanh, LSTM, GRU."""

from typing import ClassVar, Generic, NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .... import tree
from ....errors import check_choice, check_range
from ..kernels import Fast, serves
from .base import Core, CoreOutput, begun
from .unroll import unroll_pieces


class HiddenState(NamedTuple):
    """The state of a network with one hidden vector."""

    hidden: Tensor  # (B, layers, H)


class LSTMState(NamedTuple):
    """The state of an LSTM."""

    hidden: Tensor  # (B, layers, H)
    cell: Tensor  # (B, layers, H)


R = TypeVar("R", HiddenState, LSTMState)


class _TorchCore(Core[R], Generic[R]):
    """A torch RNN module, cut into pieces where episodes start so that each piece runs in one kernel."""

    state_class: type[R]

    def __init__(self, module: nn.RNNBase):
        super().__init__()
        self.module = module
        self.output_size = module.hidden_size

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> R:
        dtype = next(self.module.parameters()).dtype
        zeros = torch.zeros(batch, self.module.num_layers, self.output_size, device=device, dtype=dtype)
        return self.state_class(*(zeros,) * len(self.state_class._fields))

    def forward(
        self,
        x: Float[Tensor, "time batch features"],
        state: R,
        starts: Bool[Tensor, "time batch"],
        record: bool = False,
    ) -> CoreOutput[R]:
        return unroll_pieces(self._run, x, state, starts, self._begin)

    def _begin(self, state: R, x: Tensor, starts: Tensor) -> R:
        return begun(self, state, starts)

    def _run(self, x: Tensor, state: R) -> CoreOutput[R]:
        before = tree.map(lambda part: part.transpose(0, 1).contiguous(), state)  # torch wants (layers, B, H)
        y, after = self.module(x, tuple(before) if len(before) > 1 else before[0])
        parts = after if isinstance(after, tuple) else (after,)
        return CoreOutput(y, self.state_class(*(part.transpose(0, 1) for part in parts)), {}, {})


def _sizes(hidden: int, layers: int) -> tuple[int, int]:
    return check_range("hidden", hidden, 1), check_range("layers", layers, 1)


class RNN(_TorchCore[HiddenState]):
    """h_t = relu(W x_t + U h_{t-1} + b): the core network of Mnih et al. 2014, section 4.

    Args:
        input_size: size of x.
        hidden: units of each layer.
        layers: how many, one on top of the other.
    """

    state_class = HiddenState
    nonlinearity: ClassVar[str] = "relu"

    def __init__(self, input_size: int, hidden: int = 128, *, layers: int = 1):
        super().__init__(nn.RNN(input_size, *_sizes(hidden, layers), nonlinearity=self.nonlinearity))


class Elman(RNN):
    """h_t = tanh(W x_t + U h_{t-1} + b) (Elman 1990): that of Graves 2016, section 3.1; arguments as of `RNN`."""

    nonlinearity = "tanh"


class LSTM(_TorchCore[LSTMState]):
    """Long short-term memory (Hochreiter & Schmidhuber 1997), the forget gate's bias begun at 1 (Gers 2000).

    Args:
        input_size: size of x.
        hidden: units of each layer.
        layers: how many, one on top of the other.
        fast: "auto" takes a fused kernel on a CPU where it is faster than torch (sequences in which episodes start, and
            single steps of several rows), "off" never does; both give the same numbers but for the last digits.
    """

    state_class = LSTMState

    def __init__(self, input_size: int, hidden: int = 128, *, layers: int = 1, fast: Fast = "auto"):
        module = nn.LSTM(input_size, *_sizes(hidden, layers))
        super().__init__(module)
        check_choice("fast", fast, ["auto", "off"])
        self.fast: Fast = fast
        forget = slice(hidden, 2 * hidden)  # torch's gates are ordered input, forget, cell, output
        for layer in range(layers):
            nn.init.ones_(module.get_parameter(f"bias_ih_l{layer}").data[forget])  # its two biases add up
            nn.init.zeros_(module.get_parameter(f"bias_hh_l{layer}").data[forget])

    def forward(
        self,
        x: Float[Tensor, "time batch features"],
        state: LSTMState,
        starts: Bool[Tensor, "time batch"],
        record: bool = False,
    ) -> CoreOutput[LSTMState]:
        if not self.runs_through(starts):
            return super().forward(x, state, starts, record)
        from ..kernels import lstm

        assert isinstance(self.module, nn.LSTM)
        y, *after = lstm.lstm_sequence(self.module, x, *state, starts)
        return CoreOutput(y, LSTMState(*after), {}, {})

    def runs_through(self, starts: Bool[Tensor, "time batch"]) -> bool:
        if not serves(self.fast, next(self.module.parameters())):
            return False
        from ..kernels import lstm  # here, since it brings numba with it

        steps, batch = starts.shape
        return lstm.pays(steps, batch, self.output_size) and (steps == 1 or bool(starts[1:].numpy().any()))


class GRU(_TorchCore[HiddenState]):
    """Gated recurrent unit (Cho et al. 2014).

    Args:
        input_size: size of x.
        hidden: units of each layer.
        layers: how many, one on top of the other.
        fast: "auto" takes a fused kernel on a CPU where it is faster than torch (a few long sequences), "off" never
            does; both give the same numbers but for the last digits.
    """

    state_class = HiddenState

    def __init__(self, input_size: int, hidden: int = 128, *, layers: int = 1, fast: Fast = "auto"):
        super().__init__(nn.GRU(input_size, *_sizes(hidden, layers)))
        check_choice("fast", fast, ["auto", "off"])
        self.fast: Fast = fast

    def _run(self, x: Tensor, state: HiddenState) -> CoreOutput[HiddenState]:
        assert isinstance(self.module, nn.GRU)
        y, after = run_gru(self.module, x, state.hidden.transpose(0, 1).contiguous(), self.fast)
        return CoreOutput(y, HiddenState(after.transpose(0, 1)), {}, {})


def run_gru(
    module: nn.GRU,
    x: Float[Tensor, "time batch features"],
    hidden: Float[Tensor, "layers batch units"],
    fast: Fast = "auto",
) -> tuple[Float[Tensor, "time batch units"], Float[Tensor, "layers batch units"]]:
    """What ``module(x, hidden)`` is, by a fused kernel where that is faster.

    Args:
        module: whose inputs begin with time.
        x: its inputs.
        hidden: before the first moment.
        fast: "off" always takes torch's operators.

    Returns:
        The last layer's hidden vectors, and every layer's last one.
    """
    if serves(fast, next(module.parameters())):
        from ..kernels import gru  # here, since it brings numba with it

        if gru.pays(len(x), x.shape[1], module.hidden_size):
            return gru.gru_sequence(module, x, hidden)
    return module(x, hidden)
