"""Fused kernels give what the plain path gives: outputs, states and gradients, whatever the core and the sequence."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate import tree
from foveate.agents.nn import kernels
from foveate.agents.nn.cores.ntm import NTM, NTMState

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
pytestmark = pytest.mark.skipif(not kernels.find_numba(), reason="numba is missing")


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def core_of(dtype: torch.dtype = torch.float64, seed: int = 0, **options: object) -> NTM:
    torch.manual_seed(seed)
    core = NTM(5, 7, **{"rows": 9, "width": 4, **options}).to(dtype)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in core.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
        core.interface.weight *= 3
    return core


def some_state(core: NTM, batch: int) -> NTMState:
    """A state in the middle of an episode, whose gradient is wanted."""
    begun = tree.map(lambda x: x + 0.2 * torch.randn_like(x), core.initial_state(batch))
    begun = begun._replace(weights=torch.softmax(2 * torch.randn_like(begun.weights), -1))
    return tree.map(lambda x: x.detach().requires_grad_(), begun)


def outcome(core: NTM, fast: str, x: torch.Tensor, state: NTMState, starts: torch.Tensor) -> dict[str, torch.Tensor]:
    """Outputs, the last state, and the gradients of a weighted sum of them."""
    core.fast = fast  # type: ignore[assignment]
    done = core(x, state, starts)
    numbers = {"y": done.y, **tree.flatten_names(done.state)}
    generator = torch.Generator().manual_seed(1)
    cost = torch.zeros((), dtype=x.dtype)
    for value in numbers.values():
        cost = cost + (torch.randn(value.shape, generator=generator, dtype=torch.float64).to(x.dtype) * value).sum()
    wanted = {"x": x, **tree.flatten_names(state), **dict(core.named_parameters())}
    wanted = {name: value for name, value in wanted.items() if value.numel()}
    gradients = torch.autograd.grad(cost, list(wanted.values()), allow_unused=True)
    zero = [torch.zeros_like(value) if d is None else d for value, d in zip(wanted.values(), gradients, strict=True)]
    numbers = {name: value for name, value in numbers.items() if value.numel()}
    return numbers | {f"gradient of {name}": d for name, d in zip(wanted, zero, strict=True)}


@given(
    st.sampled_from([torch.float64, torch.float32]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["lstm", "feedforward"]),
    st.integers(0, 2),
    st.sampled_from(["both", "content", "location"]),
    st.integers(1, 5),
    st.integers(1, 9),
    st.integers(0, 10**6),
)
@settings(max_examples=30, deadline=None)
def test_the_kernel_is_the_plain_path(
    dtype: torch.dtype,
    read_heads: int,
    write_heads: int,
    controller: str,
    reach: int,
    addressing: str,
    steps: int,
    batch: int,
    seed: int,
) -> None:
    options = {"read_heads": read_heads, "write_heads": write_heads, "controller": controller, "reach": reach}
    core = core_of(dtype, seed, addressing=addressing, **options)
    x, state = torch.randn(steps, batch, 5, dtype=dtype, requires_grad=True), some_state(core, batch)
    starts = torch.rand(steps, batch) < 0.2
    plain, fused = (outcome(core, fast, x, state, starts) for fast in ("off", "auto"))
    for name, expected in plain.items():
        error = (fused[name] - expected).abs().max() / (1 + expected.abs().max())
        assert error < TOLERANCE[dtype], (name, float(error))


def test_the_kernel_runs_where_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    core = core_of(fast="auto")
    assert core.kernel() is not None
    core.fast = "off"
    assert core.kernel() is None
    core.fast = "auto"
    assert core.to(torch.bfloat16).kernel() is None
    assert core.to("meta").kernel() is None
    monkeypatch.setattr(kernels, "find_numba", lambda: False)
    assert core_of(fast="auto").kernel() is None


def test_gradients_are_those_of_small_steps() -> None:
    core = core_of(rows=5, width=3, read_heads=1, write_heads=2, fast="auto")
    x, state = torch.randn(3, 2, 5, dtype=torch.float64, requires_grad=True), some_state(core, 2)
    starts = torch.zeros(3, 2, dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda x, *s: core(x, NTMState(*s), starts).y, (x, *state), atol=1e-6)


def test_a_step_of_one_world_is_that_of_many_in_a_sequence(one_thread: None) -> None:
    """What is played is what is trained, bit for bit."""
    core = core_of(torch.float32, fast="auto")
    drive, state = torch.randn(6, 16, 28), core.initial_state(16)
    with torch.no_grad():
        run = core.kernel()
        assert run is not None
        whole = run(drive, state).y
        for b in (0, 7):
            now = tree.index(state, slice(b, b + 1))
            for t in range(6):
                y, now, _, _ = run(drive[t : t + 1, b : b + 1], now)
                assert torch.equal(y[0, 0], whole[t, b])


def test_threads_change_nothing() -> None:
    core = core_of(torch.float32)
    x, state, starts = (
        torch.randn(4, 16, 5, requires_grad=True),
        some_state(core, 16),
        torch.zeros(4, 16, dtype=torch.bool),
    )
    before, found = torch.get_num_threads(), []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.append(outcome(core, "auto", x, state, starts))
    torch.set_num_threads(before)
    for name, expected in found[0].items():
        if name == "gradient of x" or not name.startswith("gradient"):  # parameters' are sums over worlds, by torch
            assert torch.allclose(found[1][name], expected, rtol=1e-6, atol=1e-7), name


def test_what_is_no_number_stays_none() -> None:
    core = core_of(torch.float32, fast="auto")
    x = torch.randn(3, 2, 5)
    x[1, 0, 2] = torch.nan
    y = core(x, core.initial_state(2), torch.zeros(3, 2, dtype=torch.bool)).y
    assert bool(y[1:, 0].isnan().all())
    assert bool(y[:, 1].isfinite().all())


def test_recording_takes_the_plain_path_and_gives_the_same() -> None:
    core = core_of(fast="auto")
    x, state, starts = (
        torch.randn(4, 2, 5, dtype=torch.float64),
        some_state(core, 2),
        torch.zeros(4, 2, dtype=torch.bool),
    )
    recorded = core(x, state, starts, record=True)
    assert recorded.records
    assert torch.allclose(core(x, state, starts).y, recorded.y, atol=1e-12)


def test_polynomials_are_close_to_libm() -> None:
    from numba import njit

    from foveate.agents.nn.kernels import arithmetic

    @njit
    def both(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raised, logarithm = np.empty_like(x), np.empty_like(x)
        for i in range(len(x)):
            raised[i] = arithmetic.exp(x[i])
            logarithm[i] = arithmetic.log(raised[i])
        return raised, logarithm

    x = np.linspace(-80, 80, 10_001).astype(np.float32)
    raised, logarithm = both(x)
    assert np.abs(raised / np.exp(x.astype(np.float64)) - 1).max() < 3e-7
    assert np.abs(logarithm - np.log(raised.astype(np.float64))).max() < 1e-5
