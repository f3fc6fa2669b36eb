"""Fused kernels give what the plain path gives: outputs, states and gradients, whatever the core and the sequence."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from fused import INPUTS, check, core_of, outcome, some_state
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate import tree
from foveate.agents.nn import kernels
from foveate.agents.nn.cores.dnc import DNC
from foveate.agents.nn.cores.ntm import NTM
from foveate.agents.nn.kernels import sequence

Kind = type[NTM | DNC]
KINDS = [NTM, DNC]
pytestmark = [
    pytest.mark.skipif(not kernels.find_numba(), reason="numba is missing"),
    pytest.mark.compiles,
]


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
def test_the_kernel_of_an_ntm_is_the_plain_path(
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
    core = core_of(NTM, dtype, seed, addressing=addressing, **options)
    x, state = torch.randn(steps, batch, 5, dtype=dtype, requires_grad=True), some_state(core, batch)
    starts = torch.rand(steps, batch) < 0.2
    check(core, x, state, starts)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kernel_runs_where_it_serves(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    core = core_of(kind, fast="auto")
    assert core.kernel() is not None
    core.fast = "off"
    assert core.kernel() is None
    core.fast = "auto"
    assert core.to(torch.bfloat16).kernel() is None
    assert core.to("meta").kernel() is None
    monkeypatch.setattr(kernels, "find_numba", lambda: False)
    assert core_of(kind, fast="auto").kernel() is None


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_small_steps(kind: Kind) -> None:
    core = core_of(kind, rows=5, width=3, read_heads=1, fast="auto")
    x, state = torch.randn(3, 2, INPUTS, dtype=torch.float64, requires_grad=True), some_state(core, 2)
    if isinstance(core, DNC):  # no usage on the edge of what it may be, and no two alike
        state = state._replace(usage=torch.linspace(0.1, 0.9, 10, dtype=torch.float64).view(2, 5).requires_grad_())
    starts = torch.zeros(3, 2, dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda x, *s: core(x, type(state)(*s), starts).y, (x, *state), atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "options"),
    [(NTM, {}), (DNC, {}), (DNC, {"sparse_links": 3, "mask_keys": True, "deallocate": True, "sharpen_links": True})],
)
def test_a_step_of_one_world_is_that_of_many_in_a_sequence(kind: Kind, options: dict, one_thread: None) -> None:
    """What is played is what is trained, bit for bit."""
    core = core_of(kind, torch.float32, fast="auto", **options)
    drive, state = torch.randn(6, 16, 28), core.initial_state(16)
    with torch.no_grad():
        run = core.kernel()
        assert run is not None
        whole = run(drive, state)
        for b in (0, 7):
            now = tree.index(state, slice(b, b + 1))
            for t in range(6):
                y, now, _, _ = run(drive[t : t + 1, b : b + 1], now)
                assert torch.equal(y[0, 0], whole.y[t, b])
            at_once = tree.flatten_names(tree.index(whole.state, slice(b, b + 1)))
            for name, value in tree.flatten_names(now).items():
                assert torch.equal(value, at_once[name]), name


@pytest.mark.parametrize("kind", KINDS)
def test_threads_change_nothing(kind: Kind) -> None:
    core = core_of(kind, torch.float32)
    x, state = torch.randn(4, 16, INPUTS, requires_grad=True), some_state(core, 16)
    before, found = torch.get_num_threads(), []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.append(outcome(core, "auto", x, state))
    torch.set_num_threads(before)
    for name, expected in found[0].items():
        if name == "gradient of x" or not name.startswith("gradient"):  # parameters' are sums over worlds, by torch
            assert torch.allclose(found[1][name], expected, rtol=1e-6, atol=1e-7), name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("room", [1, 10**5])
def test_worlds_by_parts_where_nobody_learns_change_nothing(
    kind: Kind, room: int, one_thread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = core_of(kind, torch.float32, fast="auto")
    x, starts = torch.randn(5, 11, INPUTS), torch.rand(5, 11) < 0.3
    whole = core(x, core.initial_state(11), starts)
    assert whole.y.requires_grad
    monkeypatch.setattr(sequence, "ROOM", room)
    with torch.no_grad():
        parts = core(x, core.initial_state(11), starts)
    assert torch.equal(parts.y, whole.y)
    for name, value in tree.flatten_names(parts.state).items():
        assert torch.equal(value, tree.flatten_names(whole.state)[name]), name


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_number_stays_none(kind: Kind) -> None:
    core = core_of(kind, torch.float32, fast="auto")
    x = torch.randn(3, 2, INPUTS)
    x[1, 0, 2] = torch.nan
    y = core(x, core.initial_state(2), torch.zeros(3, 2, dtype=torch.bool)).y
    assert bool(y[1:, 0].isnan().all())
    assert bool(y[:, 1].isfinite().all())


@pytest.mark.parametrize("kind", KINDS)
def test_recording_takes_the_plain_path_and_gives_the_same(kind: Kind) -> None:
    core = core_of(kind, fast="auto")
    x, state = torch.randn(4, 2, INPUTS, dtype=torch.float64), some_state(core, 2)
    starts = torch.zeros(4, 2, dtype=torch.bool)
    recorded = core(x, state, starts, record=True)
    assert recorded.records
    assert torch.allclose(core(x, state, starts).y, recorded.y, atol=1e-12)


@pytest.mark.parametrize(("kind", "name"), [(NTM, "ntm"), (DNC, "dnc")])
def test_other_processes_wait_for_the_one_that_compiles_either_direction(
    kind: Kind, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    @contextmanager
    def said_once(kernel: str, dtype: str) -> Iterator[None]:
        asked.append((kernel, dtype))
        yield

    monkeypatch.setattr(sequence, "said_once", said_once)
    monkeypatch.setattr(sequence, "_CALLED", set())
    core = core_of(kind)
    x, state = torch.randn(3, 2, INPUTS, dtype=torch.float64, requires_grad=True), some_state(core, 2)
    for _ in range(2):
        outcome(core, "auto", x, state)
    assert asked == [(name, "float64"), (f"{name}-backwards", "float64")]


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
