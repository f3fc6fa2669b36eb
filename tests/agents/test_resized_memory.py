"""A memory that gets more rows after training: the controller stays, and what is new is as blank as the rest."""

from typing import Any

import pytest
import torch

from foveate.agents.nn.cores import make_core
from foveate.cli.score import resize
from foveate.errors import FoveateError

CORES: dict[str, tuple[str, dict[str, Any]]] = {
    "ntm": ("ntm", {}),
    "ntm-heads": ("ntm", {"read_heads": 2, "write_heads": 2, "controller": "feedforward"}),
    "ntm-content": ("ntm", {"addressing": "content"}),
    "dnc": ("dnc", {"read_heads": 2}),
    "dnc-sparse": ("dnc", {"sparse_links": 2}),
}


def core_of(name: str, rows: int, **more: Any) -> Any:
    kind, options = CORES[name]
    torch.manual_seed(0)
    return make_core(kind, 4, 6, rows=rows, width=3, **options, **more)


def said(core: Any, steps: int = 7) -> torch.Tensor:
    torch.manual_seed(1)
    x, starts = torch.randn(steps, 2, 4), torch.zeros(steps, 2, dtype=torch.bool)
    starts[0] = True
    with torch.no_grad():
        return core(x, core.initial_state(2), starts).y


@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize("fast", ["auto", "off"])
def test_it_equals_a_core_that_was_built_so(name: str, fast: str) -> None:
    built, grown = core_of(name, 9, fast=fast), core_of(name, 5, fast=fast)
    grown.resize(9)
    weights = {
        key: value for key, value in grown.state_dict().items() if key not in ("initial_address", "blank_memory")
    }
    built.load_state_dict(weights, strict=False)
    torch.testing.assert_close(said(grown), said(built))
    grown.resize(5)  # and back
    torch.testing.assert_close(said(grown), said(core_of(name, 5, fast=fast)))


def test_no_head_begins_on_a_new_row() -> None:
    core = core_of("ntm-heads", 6)
    torch.nn.init.normal_(core.initial_address, std=3.0)
    before = core.initial_state(1).weights[0]
    core.resize(20)
    after = core.initial_state(1).weights[0]
    assert after.shape == (4, 20)
    assert bool((after[:, 6:] <= after[:, :6].min(1, keepdim=True).values + 1e-6).all())
    ratio = after[:, :6] / before  # among the old ones nothing changed
    torch.testing.assert_close(ratio, ratio[:, :1].expand_as(ratio))


def test_what_cannot_be_is_refused() -> None:
    for name, options, rows, message in (
        ("ntm", {}, 0, "rows"),
        ("ntm", {}, 2, "3 shifts"),
        ("ntm", {"blank": "random"}, 6, "random"),
        ("dnc-sparse", {}, 1, "sparse_links"),
    ):
        with pytest.raises(FoveateError, match=message):
            core_of(name, 5, **options).resize(rows)
    core_of("ntm", 5, blank="random").resize(4)  # fewer are all known

    class Other:
        core = make_core("gru", 3, 4)

    other: Any = Other()
    with pytest.raises(FoveateError, match="not of a core GRU"):
        resize(other, 9)
