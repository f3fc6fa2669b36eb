"""A recurrent network with fast weights: beside those that it learns, a matrix that holds what it just thought."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ....errors import check_range
from .base import Core, CoreOutput, begun
from .unroll import unroll


class FastWeightsState(NamedTuple):
    """What was thought last, and the fast weights that hold what was thought before."""

    hidden: Tensor  # (B, H)
    weights: Tensor  # (B, H, H)


class FastWeights(Core[FastWeightsState]):
    """Weights that depend on the data: all hidden states so far, the older the weaker, as the memory of a present one.

        A_t = λ A_{t-1} + η h_t h_tᵀ                                                  (1)
        h_{t+1}^0 = relu(LN(W h_t + C x_{t+1}))
        h_{t+1}^{s+1} = relu(LN(W h_t + C x_{t+1} + A_t h_{t+1}^s))                   (2)

    A_t h is attention to all earlier states without a softmax: η Σ_τ λ^{t-τ} h_τ (h_τ · h) (4). So what a unit counts
    for another depends on the data, where the weights of a plain network are the same for all. W begins as a small
    multiple of the identity.

    Args:
        input_size: size of x.
        hidden: H, units.
        steps: S, how often a state asks the fast weights before it stands.
        decay: λ, what is left of them after a moment.
        rate: η, how strongly a state is written.

    Source:
        Ba, Hinton, Mnih, Leibo & Ionescu 2016, "Using fast weights to attend to the recent past", section 3.
    """

    def __init__(self, input_size: int, hidden: int = 128, *, steps: int = 1, decay: float = 0.95, rate: float = 0.5):
        super().__init__()
        check_range("hidden", hidden, 1)
        check_range("steps", steps, 0, 100)
        check_range("decay", decay, 0.0, 1.0)
        check_range("rate", rate, 0.0)
        self.steps, self.decay, self.rate, self.output_size = steps, decay, rate, hidden
        self.from_input = nn.Linear(input_size, hidden)
        self.from_past = nn.Linear(hidden, hidden, bias=False)
        nn.init.eye_(self.from_past.weight).data.mul_(0.05)  # their section 4.1
        self.norm = nn.LayerNorm(hidden)

    def initial_state(self, batch: int, device: torch.device | str = "cpu") -> FastWeightsState:
        zeros = self.from_past.weight.new_zeros(batch, self.output_size, self.output_size)
        return FastWeightsState(zeros[:, 0], zeros)

    def forward(
        self,
        x: Float[Tensor, "time batch features"],
        state: FastWeightsState,
        starts: Bool[Tensor, "time batch"],
        record: bool = False,
    ) -> CoreOutput[FastWeightsState]:
        def begin(state: FastWeightsState, now: Tensor, starts: Tensor) -> FastWeightsState:
            return begun(self, state, starts)

        return unroll(self._step, self.from_input(x), state, starts, begin)

    def _step(self, driven: Tensor, state: FastWeightsState) -> CoreOutput[FastWeightsState]:
        before, weights = state
        weights = self.decay * weights + self.rate * before[:, :, None] * before[:, None]  # eq. 1
        driven = driven + self.from_past(before)  # (B, H)
        h = torch.relu(self.norm(driven))
        for _ in range(self.steps):
            h = torch.relu(self.norm(driven + (weights @ h[..., None])[..., 0]))  # eq. 2
        return CoreOutput(h, FastWeightsState(h, weights), {}, {})
