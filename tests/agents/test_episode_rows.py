"""Episodes of a rollout beside each other are what they are one behind the other."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_cores import REMEMBERING, build, ponder_policy
from torch import Tensor

from foveate import tree
from foveate.agents.nn.cores import episode_rows as module
from foveate.agents.nn.cores.episode_rows import episode_rows


def episodes(starts: Tensor) -> list[list[tuple[int, int]]]:
    """The moments (t, b) of each episode, as a loop finds them."""
    found: list[list[tuple[int, int]]] = []
    for b in range(starts.shape[1]):
        for t in range(len(starts)):
            if t == 0 or bool(starts[t, b]):
                found.append([])
            found[-1].append((t, b))
    return found


@given(
    seed=st.integers(0, 10**6), steps=st.integers(2, 30), rows=st.integers(1, 5), share=st.sampled_from([0.05, 0.3, 1])
)
@settings(max_examples=60, deadline=None)
def test_each_episode_is_a_column_of_its_own(seed: int, steps: int, rows: int, share: float) -> None:
    torch.manual_seed(seed)
    starts = torch.rand(steps, rows) < share
    plan = episode_rows(starts)
    if plan is None:
        return
    columns = []
    for source, row, begins in plan.groups:
        for s in range(source.shape[1]):
            at = [divmod(int(m), rows) for m in source[:, s]]
            column = [at[0], *(moment for moment in at[1:] if moment != at[0])]
            assert {b for _, b in at} == {int(row[s])}
            assert bool(begins[s]) == bool(starts[column[0]])
            columns.append(column)
    assert sorted(columns) == sorted(episodes(starts))
    assert len(plan.groups) < 3


@pytest.mark.parametrize("key", REMEMBERING)
@pytest.mark.parametrize("groups", [1, 2])
def test_a_core_says_the_same(key: str, groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEP", 0)
    monkeypatch.setattr(module, "CALL", 10**6 if groups == 1 else 20)
    torch.manual_seed(0)
    core = build(key).double()
    starts = torch.rand(12, 4) < 0.3
    x, state = torch.randn(12, 4, 3).double(), core.initial_state(4)
    for _ in range(3):  # of episodes that are under way
        state = core(torch.randn(1, 4, 3).double(), state, torch.zeros(1, 4, dtype=torch.bool)).state
    state = tree.map(Tensor.detach, state)
    plan = episode_rows(starts)
    assert plan is not None
    assert len(plan.groups) == groups
    found = []
    for run in (lambda x: core(x, state, starts), lambda x: plan.run(core, x, state)):
        here = x.clone().requires_grad_(True)
        y = run(here).y
        weights = torch.cos(torch.arange(y.numel(), dtype=y.dtype)).view_as(y)
        slopes = torch.autograd.grad((y * weights).sum(), [here, *core.parameters()], allow_unused=True)
        found.append([y, *(slope for slope in slopes if slope is not None)])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


def test_a_core_s_own_costs_come_along() -> None:
    policy = ponder_policy()
    starts = torch.zeros(40, 8, dtype=torch.bool)
    for b in range(8):
        starts[b::8, b] = True
    x, state = torch.randn(40, 8, 3), policy.initial_state(8)
    assert episode_rows(starts) is not None
    judged = policy.evaluate(x, {"action": torch.zeros(40, 8).long()}, state, starts)
    torch.testing.assert_close(judged.losses["ponder"], policy(x, state, starts).losses["ponder"])


@pytest.mark.parametrize(("every", "gains"), [(4, True), (16, True), (10**6, False)])
def test_it_is_done_where_something_is_gained(every: int, gains: bool) -> None:
    starts = torch.zeros(64, 8, dtype=torch.bool)
    starts[0] = True
    for b in range(8):
        starts[2 * b + 1 :: every, b] = every < 10**6
    assert (episode_rows(starts) is not None) == gains
