"""The kernel of a GRU gives what torch gives: outputs, states and gradients, whatever the layers and the sequence."""

from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate.agents.nn import kernels
from foveate.agents.nn.cores.recurrent import GRU, HiddenState
from foveate.agents.nn.encoders.items import GRUItems

pytestmark = pytest.mark.skipif(not kernels.find_numba(), reason="numba is missing")
SMALL = {"FEWEST_STEPS": 1, "MOST_NUMBERS": 10**6}


def found(core: GRU, fast: kernels.Fast, x: Tensor, hidden: Tensor, starts: Tensor) -> list[Tensor]:
    """Outputs, the last state, and the gradients of a weighted sum of them."""
    core.fast = fast
    done = core(x, HiddenState(hidden), starts)
    numbers = [done.y, done.state.hidden]
    generator = torch.Generator().manual_seed(1)
    cost = sum((torch.randn(part.shape, generator=generator, dtype=part.dtype) * part).sum() for part in numbers)
    return [*numbers, *torch.autograd.grad(cost, [x, hidden, *core.parameters()], allow_unused=True)]


@given(
    st.sampled_from([torch.float64, torch.float32]),
    st.integers(1, 2),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 10**6),
)
@settings(max_examples=20, deadline=None)
def test_it_is_torch(dtype: torch.dtype, layers: int, steps: int, batch: int, seed: int) -> None:
    torch.manual_seed(seed)
    core = GRU(5, 7, layers=layers).to(dtype)
    x, hidden = (
        torch.randn(*size, dtype=dtype, requires_grad=True) for size in ((steps, batch, 5), (batch, layers, 7))
    )
    starts = torch.rand(steps, batch) < 0.2
    with pytest.MonkeyPatch.context() as patch:
        from foveate.agents.nn.kernels import gru

        for name, value in SMALL.items():
            patch.setattr(gru, name, value)
        fused, plain = (found(core, path, x, hidden, starts) for path in ("auto", "off"))
    for one, other in zip(fused, plain, strict=True):
        if other is None:  # every row starts at the first step
            assert one is None or not one.any()
        else:
            assert torch.allclose(one, other, atol=1e-10 if dtype == torch.float64 else 1e-5)


def test_gradients_are_those_of_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    from foveate.agents.nn.kernels import gru

    monkeypatch.setattr(gru, "FEWEST_STEPS", 1)
    core = GRU(3, 4).double()
    x, hidden = (torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in ((3, 2, 3), (2, 1, 4)))
    starts = torch.zeros(3, 2, dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda x, h: core(x, HiddenState(h), starts).y, (x, hidden))


def test_it_runs_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    from foveate.agents.nn.kernels import gru

    ran, real = [], gru.gru_sequence
    monkeypatch.setattr(gru, "gru_sequence", lambda module, x, h: ran.append(x.shape[:2]) or real(module, x, h))
    core = GRU(3, 64)
    for steps, batch in ((32, 8), (1, 8), (4, 512)):
        core(torch.randn(steps, batch, 3), core.initial_state(batch), torch.zeros(steps, batch, dtype=torch.bool))
    assert ran == [(32, 8)]
    core.fast = "off"
    core(torch.randn(32, 8, 3), core.initial_state(8), torch.zeros(32, 8, dtype=torch.bool))
    assert len(ran) == 1


@pytest.mark.parametrize("directions", [1, 2])
@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_items_are_read_as_by_torch(directions: Literal[1, 2], room: int, batch: int, seed: int) -> None:
    torch.manual_seed(seed)
    encoder = GRUItems(3, 4, directions).double()
    items = torch.randn(batch, room, 3, dtype=torch.float64, requires_grad=True)
    length = torch.randint(1, room + 1, (batch,))
    outer = torch.randn(batch, room, encoder.annotation_size, dtype=torch.float64)
    numbers = []
    for path in ("auto", "off"):
        with pytest.MonkeyPatch.context() as patch:
            from foveate.agents.nn.kernels import gru

            patch.setattr(gru, "pays", lambda *size, path=path: path == "auto")
            y = encoder(items, length)
        numbers.append([y, *torch.autograd.grad((y * outer).sum(), [items, *encoder.parameters()])])
    for one, other in zip(*numbers, strict=True):
        assert torch.allclose(one, other, atol=1e-10)
