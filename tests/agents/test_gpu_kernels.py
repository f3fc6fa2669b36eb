"""The kernels of a GPU give what the plain path gives: on a GPU where there is one, else in Triton's interpreter."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from unittest import mock

import pytest
import torch
from fused import INPUTS, check, core_of, difference, gradients, some_state
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foveate import tree
from foveate.agents.nn import kernels
from foveate.agents.nn.cores import dnc as of_dnc
from foveate.agents.nn.cores import ntm as of_ntm
from foveate.agents.nn.cores.dnc import DNC
from foveate.agents.nn.cores.ntm import NTM

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"  # before Triton is imported, as PyTorch does somewhere
# before 3.7 the interpreter asks NumPy for what it no longer does
WILL = kernels.find_triton() and tuple(map(int, version("triton").split(".")[:2])) >= (3, 7)
runs = pytest.mark.skipif(not (GPU or INTERPRETED), reason="runs on a GPU, or in a process of Triton's interpreter")


@pytest.mark.skipif(
    GPU or INTERPRETED or not WILL, reason="a GPU is there, or no interpreter that runs with this NumPy"
)
def test_all_of_this_in_the_interpreter() -> None:
    words = ["-m", "pytest", "-c", "tests/pytest.ini", "-n0", "-p", "no:cacheprovider", str(Path(__file__))]
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    done = subprocess.run([sys.executable, *words], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "16 passed" in done.stdout


@pytest.fixture
def kernels_of_a_gpu() -> Iterator[None]:
    """They serve on any device."""
    if GPU:
        yield
        return

    def serves(fast: str, _: object, device: str = "cpu") -> bool:
        return fast == "auto" and device == "cuda"

    with mock.patch.object(of_ntm, "serves", serves), mock.patch.object(of_dnc, "serves", serves):
        yield


@runs
@pytest.mark.usefixtures("kernels_of_a_gpu")
@pytest.mark.parametrize(
    "options",
    [
        {"read_heads": 1, "write_heads": 2, "reach": 2},
        {"controller": "feedforward", "addressing": "content", "read_heads": 1},
        {"addressing": "location", "read_heads": 1, "rows": 5},
    ],
    ids=lambda options: ", ".join(map(str, options.values())),
)
def test_the_kernel_of_an_ntm_is_the_plain_path(options: dict) -> None:
    core = core_of(NTM, torch.float64, **options).to(DEVICE)
    x, state = torch.randn(2, 2, INPUTS, dtype=torch.float64, device=DEVICE, requires_grad=True), some_state(core, 2)
    starts = torch.tensor([[False, False], [False, True]], device=DEVICE)
    check(core, x, state, starts)


@runs
@pytest.mark.usefixtures("kernels_of_a_gpu")
@given(
    st.sampled_from([torch.float64, torch.float32]),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from(["lstm", "feedforward"]),
    st.sampled_from([8, 64, 2**13]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 10**6),
)
# each size is compiled by itself on a GPU, which takes seconds
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_kernel_of_a_dnc_is_the_plain_path(
    dtype: torch.dtype,
    rows: int,
    width: int,
    read_heads: int,
    controller: str,
    at_a_time: int,
    steps: int,
    batch: int,
    seed: int,
) -> None:
    """Links in one block of rows or in some, whatever the sizes."""
    options = {"rows": rows, "width": width, "read_heads": read_heads, "controller": controller}
    core = core_of(DNC, dtype, seed, **options).to(DEVICE)
    assert core.kernel() is not None
    x = torch.randn(steps, batch, INPUTS, dtype=dtype, device=DEVICE, requires_grad=True)
    with mock.patch("foveate.agents.nn.kernels.gpu.dnc.AT_A_TIME", at_a_time):
        check(core, x, some_state(core, batch))


@runs
@pytest.mark.usefixtures("kernels_of_a_gpu")
@pytest.mark.parametrize("controller", ["lstm", "feedforward"])
def test_outputs_of_a_dnc_are_the_same_where_episodes_start_inside(controller: str) -> None:
    """Of the state they are not: which of some rows that nothing touched is written first is left to rounding."""
    core = core_of(DNC, torch.float64, controller=controller).to(DEVICE)
    x, state = torch.randn(5, 3, INPUTS, dtype=torch.float64, device=DEVICE, requires_grad=True), some_state(core, 3)
    starts = torch.zeros(5, 3, dtype=torch.bool, device=DEVICE)
    starts[2, 1] = starts[3, 1] = starts[2, 2] = True
    found = []
    for fast in ("auto", "off"):
        core.fast = fast  # type: ignore[assignment]
        found.append(gradients(core, {"y": core(x, state, starts).y}, x, state))
    for name, error in difference(*found).items():
        assert error < 1e-10, (name, error)


@runs
@pytest.mark.usefixtures("kernels_of_a_gpu")
@pytest.mark.parametrize(
    "options",
    [
        {"sparse_links": 3},
        {"mask_keys": True},
        {"deallocate": True},
        {"sharpen_links": True},
        {"max_strength": 2.0},
        {"rows": 4096},
    ],
    ids=lambda options: next(iter(options)),
)
def test_a_dnc_that_the_kernel_is_not_for_takes_the_plain_path(options: dict) -> None:
    assert core_of(DNC).to(DEVICE).kernel() is not None
    assert core_of(DNC, **options).to(DEVICE).kernel() is None


@runs
@pytest.mark.usefixtures("kernels_of_a_gpu")
@pytest.mark.parametrize("kind", [NTM, DNC])
def test_without_gradients_nothing_is_kept_and_nothing_changes(kind: type[NTM | DNC]) -> None:
    core = core_of(kind, torch.float64).to(DEVICE)
    x, state = torch.randn(3, 2, INPUTS, dtype=torch.float64, device=DEVICE), some_state(core, 2)
    starts = torch.zeros(3, 2, dtype=torch.bool, device=DEVICE)
    kept = core(x, state, starts)
    with torch.no_grad():
        found = core(x, state, starts)
    assert kept.y.requires_grad
    assert torch.equal(found.y, kept.y)
    for name, value in tree.flatten_names(found.state).items():
        assert torch.equal(value, tree.flatten_names(kept.state)[name]), name


@runs
@pytest.mark.usefixtures("kernels_of_a_gpu")
@pytest.mark.filterwarnings("ignore:invalid value")  # of the interpreter, which is NumPy
@pytest.mark.parametrize("kind", [NTM, DNC])
def test_what_is_no_number_stays_none(kind: type[NTM | DNC]) -> None:
    core = core_of(kind, torch.float32).to(DEVICE)
    x = torch.randn(2, 2, INPUTS, device=DEVICE)
    x[0, 0, 2] = torch.nan
    y = core(x, core.initial_state(2, DEVICE), torch.zeros(2, 2, dtype=torch.bool, device=DEVICE)).y
    assert bool(y[1:, 0].isnan().all())
    assert bool(y[:, 1].isfinite().all())


@pytest.mark.gpu
@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize("kind", [NTM, DNC])
def test_at_its_real_size_in_float32(kind: type[NTM | DNC], batch: int) -> None:
    torch.manual_seed(0)
    core = kind(9, 100, rows=128).to(DEVICE)
    assert core.kernel() is not None
    x = torch.randn(41, batch, 9, device=DEVICE, requires_grad=True)
    # an empty memory of a DNC has rows that are alike, as above
    state = some_state(core, batch) if kind is DNC else core.initial_state(batch, DEVICE)
    state = tree.map(lambda part: part.detach().requires_grad_() if part.is_floating_point() else part, state)
    check(core, x, state, torch.zeros(41, batch, dtype=torch.bool, device=DEVICE))
