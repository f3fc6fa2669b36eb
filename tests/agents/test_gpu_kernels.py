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
from fused import INPUTS, check, core_of, some_state

from foveate import tree
from foveate.agents.nn import kernels
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
    settings = os.environ | {"TRITON_INTERPRET": "1"}
    done = subprocess.run([sys.executable, *words], cwd=root, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


@pytest.fixture
def kernels_of_a_gpu() -> Iterator[None]:
    """They serve on any device."""
    if GPU:
        yield
        return

    def serves(fast: str, _: object, device: str = "cpu") -> bool:
        return fast == "auto" and device == "cuda"

    with mock.patch("foveate.agents.nn.cores.ntm.serves", serves):
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
def test_without_gradients_nothing_is_kept_and_nothing_changes() -> None:
    core = core_of(NTM, torch.float64).to(DEVICE)
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
def test_what_is_no_number_stays_none() -> None:
    core = core_of(NTM, torch.float32).to(DEVICE)
    x = torch.randn(2, 2, INPUTS, device=DEVICE)
    x[0, 0, 2] = torch.nan
    y = core(x, core.initial_state(2, DEVICE), torch.zeros(2, 2, dtype=torch.bool, device=DEVICE)).y
    assert bool(y[1:, 0].isnan().all())
    assert bool(y[:, 1].isfinite().all())


@pytest.mark.gpu
@pytest.mark.parametrize("batch", [1, 16])
def test_at_its_real_size_in_float32(batch: int) -> None:
    torch.manual_seed(0)
    core = NTM(9, 100).to(DEVICE)
    x = torch.randn(41, batch, 9, device=DEVICE, requires_grad=True)
    state = tree.map(lambda part: part.detach().clone().requires_grad_(), core.initial_state(batch, DEVICE))
    check(core, x, state, torch.zeros(41, batch, dtype=torch.bool, device=DEVICE))
