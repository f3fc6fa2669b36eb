"""The kernels of a GPU give what the plain path gives: on a GPU where there is one, else in Triton's interpreter."""

import os
from collections.abc import Iterator
from importlib.metadata import version
from unittest import mock

import pytest
import torch
from fused import INPUTS, check, core_of, some_state

from foveate import tree
from foveate.agents.nn import kernels
from foveate.agents.nn.cores.ntm import NTM

GPU = torch.cuda.is_available()
DEVICE = "cuda" if GPU else "cpu"
# before 3.7 the interpreter asks NumPy for what it no longer does
RUNS = kernels.find_triton() and (GPU or tuple(map(int, version("triton").split(".")[:2])) >= (3, 7))
pytestmark = pytest.mark.skipif(not RUNS, reason="Triton, or one whose interpreter runs with this NumPy, is missing")


@pytest.fixture(autouse=True)
def kernels_of_a_gpu() -> Iterator[None]:
    """They serve on any device; the interpreter runs them where Triton is first imported under its variable."""
    with mock.patch.dict(os.environ, {} if GPU else {"TRITON_INTERPRET": "1"}):
        from foveate.agents.nn.kernels.gpu import ntm

        assert ntm.fits(128, 20)
        if GPU:
            yield
            return
        serves = lambda fast, _, device="cpu": fast == "auto" and device == "cuda"  # noqa: E731
        with mock.patch("foveate.agents.nn.cores.ntm.serves", serves):
            yield


@pytest.mark.parametrize(
    "options",
    [
        {"read_heads": 2, "write_heads": 2, "reach": 2},
        {"controller": "feedforward", "addressing": "content", "read_heads": 1},
        {"addressing": "location", "read_heads": 1, "rows": 5},
    ],
    ids=lambda options: ", ".join(map(str, options.values())),
)
def test_the_kernel_of_an_ntm_is_the_plain_path(options: dict) -> None:
    core = core_of(NTM, torch.float64, **options).to(DEVICE)
    x, state = torch.randn(3, 2, INPUTS, dtype=torch.float64, device=DEVICE, requires_grad=True), some_state(core, 2)
    starts = torch.tensor([[False, False], [False, True], [False, False]], device=DEVICE)
    check(core, x, state, starts)


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
