"""Fast weights: against the paper's loops, as attention to the past, their gradients, and episodes side by side."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate.agents.nn.cores import FastWeights
from foveate.errors import FoveateError


def core_of(seed: int = 0, **options: Any) -> FastWeights:
    torch.manual_seed(seed)
    core = FastWeights(3, 4, **options).double()
    for weight in core.parameters():
        torch.nn.init.normal_(weight)
    return core


def slow(core: FastWeights, x: Tensor) -> list[Tensor]:
    """One row from the beginning, x (T, D), as the paper writes it: every h_t."""
    w, c, b = core.from_past.weight, core.from_input.weight, core.from_input.bias
    h = torch.zeros(4, dtype=x.dtype)
    past: list[Tensor] = [h]
    said = []
    for x_t in x:
        sustained = w @ past[-1] + c @ x_t + b
        h = torch.relu(core.norm(sustained))
        for _ in range(core.steps):
            ages = range(len(past) - 1, -1, -1)
            memory = [
                core.rate * core.decay**age * then * (then @ h) for age, then in zip(ages, past, strict=True)
            ]  # (4)
            h = torch.relu(core.norm(sustained + torch.stack(memory).sum(0)))
        past.append(h)
        said.append(h)
    return said


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    steps=st.integers(0, 3),
    decay=st.floats(0, 1),
    rate=st.floats(0, 2),
    moments=st.integers(1, 6),
)
def test_a_moment_attends_to_the_past_as_the_paper_says(
    seed: int, steps: int, decay: float, rate: float, moments: int
) -> None:
    core = core_of(seed, steps=steps, decay=decay, rate=rate)
    x, starts = torch.randn(moments, 2, 3).double(), torch.zeros(moments, 2, dtype=torch.bool)
    starts[0] = True
    with torch.no_grad():
        y = core(x, core.initial_state(2), starts).y
        for row in range(2):
            torch.testing.assert_close(y[:, row], torch.stack(slow(core, x[:, row])), rtol=1e-9, atol=1e-9)


def test_the_weights_are_those_of_all_states_so_far() -> None:
    core = core_of(steps=1, decay=0.9, rate=0.5)
    x, starts = torch.randn(5, 1, 3).double(), torch.zeros(5, 1, dtype=torch.bool)
    said = core(x, core.initial_state(1), starts)
    expected = torch.zeros(4, 4, dtype=torch.float64)
    for h in said.y[:-1, 0]:  # the last is written at the next moment
        expected = 0.9 * expected + 0.5 * torch.outer(h, h)
    torch.testing.assert_close(said.state.weights[0], expected)


def test_gradients() -> None:
    core = core_of(3, steps=2)
    starts = torch.tensor([[True, True], [False, True], [False, False]])
    x = torch.randn(3, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: core(x, core.initial_state(2), starts).y, (x,))


@pytest.mark.parametrize(
    ("options", "says"), [({"steps": -1}, "steps=-1"), ({"decay": 1.5}, "decay=1.5"), ({"rate": -0.1}, "rate")]
)
def test_what_cannot_be_is_refused(options: dict, says: str) -> None:
    with pytest.raises(FoveateError, match=says):
        FastWeights(3, 4, **options)
