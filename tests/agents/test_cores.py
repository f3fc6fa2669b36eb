"""Cores: against slow loops, sequence against steps, episode starts, gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate.agents.cores import CORES, Core, make_core
from foveate.errors import FoveateError

RECURRENT = sorted(set(CORES) - {"none"})


def slow(core: Core, name: str, x: Tensor) -> Tensor:
    """The textbook equations, one step at a time, from the zero state."""
    p = dict(core.module.named_parameters())  # type: ignore[union-attr]
    w, u, b, c = p["weight_ih_l0"], p["weight_hh_l0"], p["bias_ih_l0"], p["bias_hh_l0"]
    h = torch.zeros(x.shape[1], core.output_size, dtype=x.dtype)
    cell, out = torch.zeros_like(h), []
    for x_t in x:
        if name == "rnn":
            h = torch.relu(x_t @ w.T + b + h @ u.T + c)
        elif name == "lstm":
            i, f, g, o = (x_t @ w.T + b + h @ u.T + c).chunk(4, -1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            h = o.sigmoid() * cell.tanh()
        else:
            (xr, xz, xn), (hr, hz, hn) = (x_t @ w.T + b).chunk(3, -1), (h @ u.T + c).chunk(3, -1)
            r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
            h = (1 - z) * (xn + r * hn).tanh() + z * h
        out.append(h)
    return torch.stack(out)


@pytest.mark.parametrize("name", RECURRENT)
def test_against_the_textbook(name: str) -> None:
    torch.manual_seed(0)
    core = make_core(name, 3, 4).double()
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    y, _ = core(x, core.initial_state(2), torch.zeros(6, 2, dtype=torch.bool))
    assert torch.allclose(y, slow(core, name, x), atol=1e-12)


@pytest.mark.parametrize("name", sorted(CORES))
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@given(seed=st.integers(0, 10**6), steps=st.integers(1, 9), batch=st.integers(1, 4))
@settings(max_examples=10, deadline=None)
def test_a_sequence_equals_its_steps_across_episode_starts(
    name: str, dtype: torch.dtype, tolerance: float, seed: int, steps: int, batch: int
) -> None:
    torch.manual_seed(seed)
    core = make_core(name, 3, 5).to(dtype)
    x = torch.randn(steps, batch, 3, dtype=dtype)
    starts = torch.rand(steps, batch) < 0.3
    state = core.initial_state(batch)
    whole, last = core(x, state, starts)
    rows = []
    for t in range(steps):
        y, state = core(x[t : t + 1], state, starts[t : t + 1])
        rows.append(y[0])
    assert torch.allclose(whole, torch.stack(rows), atol=tolerance)
    assert all(torch.allclose(a, b, atol=tolerance) for a, b in zip(last, state, strict=True))


@pytest.mark.parametrize("name", RECURRENT)
def test_a_start_forgets_even_a_nan(name: str) -> None:
    core = make_core(name, 3, 4)
    ruined = type(core.initial_state(2))(*(torch.full_like(part, torch.nan) for part in core.initial_state(2)))
    x = torch.randn(1, 2, 3)
    y, _ = core(x, ruined, torch.tensor([[True, False]]))
    fresh, _ = core(x, core.initial_state(2), torch.tensor([[True, True]]))
    assert torch.equal(y[0, 0], fresh[0, 0])
    assert y[0, 1].isnan().any()


@pytest.mark.parametrize("name", RECURRENT)
def test_gradients(name: str) -> None:
    torch.manual_seed(3)
    core = make_core(name, 2, 3).double()
    x = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)
    starts = torch.tensor([[True, True], [False, False], [False, True], [False, False]])
    assert torch.autograd.gradcheck(lambda x: core(x, core.initial_state(2), starts)[0], (x,))


def test_the_forget_gate_begins_open_and_unknown_names_get_a_hint() -> None:
    bias = dict(make_core("lstm", 2, 3).module.named_parameters())["bias_ih_l0"]  # type: ignore[union-attr]
    assert bias[3:6].tolist() == [1, 1, 1]
    with pytest.raises(FoveateError, match="Did you mean 'lstm'"):
        make_core("lsmt", 2, 3)
