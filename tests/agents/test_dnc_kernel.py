"""The fused DNC gives what the plain path gives, under all switches: full and sparse links, masks, ties of usage."""

import pytest
import torch
from fused import INPUTS, check, core_of, difference, gradients, outcome, some_state
from hypothesis import example, given, settings
from hypothesis import strategies as st

from foveate import tree
from foveate.agents.nn import kernels
from foveate.agents.nn.cores.dnc import DNC

pytestmark = [
    pytest.mark.skipif(not kernels.find_numba(), reason="numba is missing"),
    pytest.mark.compiles,
]
OPTIONS = st.fixed_dictionaries(
    {
        "rows": st.integers(1, 20),  # sorted by insertion alone, and merged
        "width": st.integers(2, 5),
        "read_heads": st.integers(1, 5),
        "controller": st.sampled_from(["lstm", "feedforward"]),
        "mask_keys": st.booleans(),
        "deallocate": st.booleans(),
        "sharpen_links": st.booleans(),
        "max_strength": st.sampled_from([1.3, 2.0, 21.0]),
    }
)
LINKS = st.sampled_from([0, 0, 1, 2, 4, 20])


DTYPES = st.sampled_from([torch.float64, torch.float32])


# rounded inputs alone cost its gradients as many digits as the kernel does; the plain path is lucky
UNLUCKY = {
    "rows": 4, "width": 2, "read_heads": 1, "controller": "feedforward", "mask_keys": True, "deallocate": True,
    "sharpen_links": True,
}  # fmt: skip


@given(DTYPES, OPTIONS, LINKS, st.integers(1, 8), st.integers(1, 9), st.integers(0, 10**6))
@example(torch.float32, UNLUCKY, 2, 7, 4, 4)
@settings(max_examples=50, deadline=None)
def test_the_kernel_of_a_dnc_is_the_plain_path(
    dtype: torch.dtype, options: dict, links: int, steps: int, batch: int, seed: int
) -> None:
    core = core_of(DNC, dtype, seed, sparse_links=min(links, options["rows"]), **options)
    check(core, torch.randn(steps, batch, INPUTS, dtype=dtype, requires_grad=True), some_state(core, batch))


@pytest.mark.parametrize("links", [0, 3])
def test_two_pieces_are_one(links: int) -> None:
    """Outputs and gradients, the state carried over, whatever is carried."""
    core = core_of(DNC, sparse_links=links, mask_keys=True, deallocate=True, sharpen_links=True)
    x, state = torch.randn(7, 3, INPUTS, dtype=torch.float64, requires_grad=True), some_state(core, 3)
    whole = outcome(core, "off", x, state)
    core.fast = "auto"
    starts = torch.zeros(7, 3, dtype=torch.bool)
    first = core(x[:4], state, starts[:4])
    second = core(x[4:], first.state, starts[4:])
    y = torch.cat([first.y, second.y])
    cut = gradients(core, {"y": y, **tree.flatten_names(second.state)}, x, state)
    for name, error in difference(cut, whole).items():
        assert error < 1e-10, (name, error)


@pytest.mark.parametrize("links", [0, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_from_an_empty_memory_the_outputs_are_the_same(links: int, dtype: torch.dtype) -> None:
    """Untouched rows are alike, so which of them is written first is left to rounding: outputs don't depend on it."""
    core = core_of(DNC, dtype, rows=12, sparse_links=links)
    x = torch.randn(9, 4, INPUTS, dtype=dtype)
    starts = torch.rand(9, 4) < 0.2
    found = []
    for fast in ("off", "auto"):
        core.fast = fast  # type: ignore[assignment]
        found.append(core(x, core.initial_state(4), starts).y)
    assert torch.allclose(*found, atol=1e-10 if dtype == torch.float64 else 1e-4)
