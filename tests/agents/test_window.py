"""The moving window over the items of a source: the paper's loop, and a core that reads through it."""

import math
from functools import partial

import pytest
import ragged
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate import tree
from foveate.agents.nn.attention.window import WindowItems
from foveate.agents.nn.cores import GRU
from foveate.agents.policies.attend import ReadingCore
from foveate.errors import FoveateError

sources = partial(ragged.sources, items=6, size=3)


def test_the_window_is_the_paper_s_loop() -> None:
    source, bumps = sources(3, 1), 2
    attention = WindowItems(3, 4, bumps)
    said = torch.randn(5, 3, 3 * bumps, dtype=torch.float64)  # (T, B, α̂ β̂ κ̂)
    prepared, emitted, kappa = attention.prepare(source), torch.zeros_like(said[0]), torch.zeros(3, bumps).double()
    for t in range(5):
        emitted = attention.advance(emitted, said[t])
        what, weights, *_ = attention.look(prepared, emitted)
        for i in range(3):
            w = torch.zeros(3, dtype=torch.float64)
            for k in range(bumps):
                kappa[i, k] += math.exp(said[t, i, 2 * bumps + k])  # eq. 51
            for u in range(int(source.length[i])):
                phi = sum(
                    math.exp(said[t, i, k]) * math.exp(-math.exp(said[t, i, bumps + k]) * (kappa[i, k] - u) ** 2)
                    for k in range(bumps)
                )  # eqs. 46, 49, 50
                assert float(weights[i, 0, u]) == pytest.approx(phi)
                w += phi * source.items[i, u]  # eq. 47
            torch.testing.assert_close(what[i], w)
            assert not weights[i, 0, int(source.length[i]) :].any()


@given(seed=st.integers(0, 10**6), bumps=st.integers(1, 4), scale=st.sampled_from([0.1, 1.0, 1000.0]))
@settings(max_examples=30, deadline=None)
def test_it_never_goes_back_and_is_finite_whatever_is_emitted(seed: int, bumps: int, scale: float) -> None:
    source = sources(4, seed)
    attention = WindowItems(3, 4, bumps, normalised=True)
    prepared = attention.prepare(source)
    emitted = attention.advance(torch.zeros(4, 3 * bumps).double(), attention.initial().double().expand(4, -1))
    torch.testing.assert_close(emitted[:, 2 * bumps :], torch.full((4, bumps), 0.08, dtype=torch.float64))
    for _ in range(4):
        before, emitted = emitted, attention.advance(emitted, scale * torch.randn(4, 3 * bumps).double())
        assert (emitted[:, 2 * bumps :] >= before[:, 2 * bumps :]).all()
        what, weights, *_ = attention.look(prepared, emitted)
        assert what.isfinite().all()
        assert (weights.sum(-1) <= 1 + 1e-9).all()  # all of it, or nothing where the window is past the end


@pytest.mark.parametrize("normalised", [False, True])
def test_the_gradients_of_the_window(normalised: bool) -> None:
    source = sources(2, 3, items=4)
    attention = WindowItems(3, 4, 2, normalised=normalised)
    items = torch.where(source.mask()[..., None], source.items, 0.0).requires_grad_()
    before, said = (torch.rand(2, 6, dtype=torch.float64, requires_grad=True) for _ in range(2))

    def read(items: Tensor, before: Tensor, said: Tensor) -> Tensor:
        return attention.look(attention.prepare(source._replace(items=items)), attention.advance(before, said)).what

    assert torch.autograd.gradcheck(read, (items, before, said))


def test_a_core_moves_its_window_along_the_episode_and_begins_anew_with_the_next() -> None:
    source = sources(2, 2)
    torch.manual_seed(3)
    core = ReadingCore(WindowItems(3, 5, 2), GRU(4 + 3, 5)).double()
    x, starts = torch.randn(6, 2, 4, dtype=torch.float64), torch.zeros(6, 2, dtype=torch.bool)
    starts[0] = starts[3, 1] = True
    whole = core(x, core.initial_state(2), starts, source=source)
    state, said = tree.map(torch.Tensor.double, core.initial_state(2)), []
    for t in range(6):  # the same, step by step
        y, state, *_ = core(x[t : t + 1], state, starts[t : t + 1], source=source)
        said.append(y[0])
    torch.testing.assert_close(whole.y, torch.stack(said))
    again = core(x[3:, 1:], core.initial_state(1), starts[3:, 1:], source=tree.index(source, slice(1, 2)))
    torch.testing.assert_close(whole.y[3:, 1:], again.y)
    kappa = whole.state.emitted[:, 4:]
    assert (kappa > 0.08).all()


def test_a_window_that_cannot_be_is_refused() -> None:
    with pytest.raises(FoveateError, match="bumps=0"):
        WindowItems(3, 4, bumps=0)
    for pace in (0.0, math.nan):
        with pytest.raises(FoveateError, match="pace"):
            WindowItems(3, 4, pace=pace)
