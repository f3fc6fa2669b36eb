"""The kernel of an LSTM gives what torch gives: outputs, states and gradients, wherever episodes start."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate.agents.nn import kernels
from foveate.agents.nn.cores.recurrent import LSTM, LSTMState

pytestmark = pytest.mark.skipif(not kernels.find_numba(), reason="numba is missing")


def found(core: LSTM, fast: kernels.Fast, x: Tensor, state: LSTMState, starts: Tensor) -> list[Tensor]:
    """Outputs, the last state, and the gradients of a weighted sum of them."""
    core.fast = fast
    done = core(x, state, starts)
    numbers = [done.y, *done.state]
    generator = torch.Generator().manual_seed(1)
    cost = sum((torch.randn(part.shape, generator=generator, dtype=part.dtype) * part).sum() for part in numbers)
    return [*numbers, *torch.autograd.grad(cost, [x, *state, *core.parameters()], allow_unused=True)]


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    from foveate.agents.nn.kernels import lstm

    monkeypatch.setattr(lstm, "pays", lambda steps, batch, hidden: True)


@given(
    dtype=st.sampled_from([torch.float64, torch.float32]),
    layers=st.integers(1, 2),
    steps=st.integers(1, 9),
    batch=st.integers(1, 9),
    share=st.sampled_from([0.1, 0.5, 1.0]),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=25, deadline=None)
def test_it_is_torch(dtype: torch.dtype, layers: int, steps: int, batch: int, share: float, seed: int) -> None:
    torch.manual_seed(seed)
    core = LSTM(5, 7, layers=layers).to(dtype)
    sizes = (steps, batch, 5), (batch, layers, 7), (batch, layers, 7)
    x, *before = (torch.randn(*size, dtype=dtype, requires_grad=True) for size in sizes)
    starts = torch.rand(steps, batch) < share
    with pytest.MonkeyPatch.context() as patch:
        from foveate.agents.nn.kernels import lstm

        patch.setattr(lstm, "pays", lambda steps, batch, hidden: True)
        fused, plain = (found(core, path, x, LSTMState(*before), starts) for path in ("auto", "off"))
    for one, other in zip(fused, plain, strict=True):
        if other is None:  # every row starts at the first step
            assert one is None or not one.any()
        else:
            assert torch.allclose(one, other, atol=1e-10 if dtype == torch.float64 else 1e-5)


@pytest.mark.usefixtures("always")
def test_gradients_are_those_of_small_steps() -> None:
    core = LSTM(3, 4).double()
    sizes = (4, 2, 3), (2, 1, 4), (2, 1, 4)
    inputs = tuple(torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in sizes)
    starts = torch.tensor([[0, 1], [0, 0], [1, 0], [0, 0]], dtype=torch.bool)

    def everything(x: Tensor, *before: Tensor) -> tuple[Tensor, ...]:
        done = core(x, LSTMState(*before), starts)
        return done.y, *done.state

    assert torch.autograd.gradcheck(everything, inputs)


@pytest.mark.usefixtures("always")
def test_a_sequence_is_its_steps_bit_for_bit_and_without_gradients_too() -> None:
    torch.manual_seed(0)
    core, starts = LSTM(3, 8), torch.rand(12, 5) < 0.2
    x, state = torch.randn(12, 5, 3), core.initial_state(5)
    whole = core(x, state, starts)
    with torch.no_grad():
        for t in range(12):
            y, state, _, _ = core(x[t : t + 1], state, starts[t : t + 1])
            assert torch.equal(y[0], whole.y[t])
    assert torch.equal(state.cell, whole.state.cell)


def test_nothing_of_the_episode_before_is_kept_not_even_not_a_number() -> None:
    core, starts = LSTM(3, 8), torch.zeros(4, 8, dtype=torch.bool)
    starts[2] = True
    x = torch.randn(4, 8, 3)
    x[1, 0] = torch.nan
    for fast in ("auto", "off"):
        core.fast = fast
        y = core(x, core.initial_state(8), starts).y
        assert y[1, 0].isnan().all()
        assert y[2:].isfinite().all()


def test_it_runs_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    from foveate.agents.nn.kernels import lstm

    ran, real = [], lstm.lstm_sequence
    monkeypatch.setattr(
        lstm, "lstm_sequence", lambda module, x, *more: ran.append(x.shape[:2]) or real(module, x, *more)
    )
    core = LSTM(3, 64)
    for steps, batch, start in ((32, 8, 5), (32, 8, 0), (1, 8, 0), (1, 1, 0), (2, 1024, 1), (1, 256, 0)):
        starts = torch.zeros(steps, batch, dtype=torch.bool)
        starts[start] = True
        core(torch.randn(steps, batch, 3), core.initial_state(batch), starts)
    assert ran == [(32, 8), (1, 8)]
    core.fast = "off"
    core(torch.randn(1, 8, 3), core.initial_state(8), torch.zeros(1, 8, dtype=torch.bool))
    assert len(ran) == 2
