"""Shuffled and erased weights: a slow loop, weights that can't matter, and what is left when all but one are gone."""

from typing import Any

import gymnasium as gym
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate import tree
from foveate.agents import AGENTS, Policy
from foveate.agents.nn.attention import make_item_attention
from foveate.agents.nn.attention.items import Reading
from foveate.agents.nn.cores.base import Source
from foveate.analysis.explanation import ORDERS, Explanation, explanation, kept_in, shuffled, without
from foveate.wrappers.alignment import implicit_alignment
from foveate.wrappers.saliency import view_of

ID, SHORT = "Sequence/Translation-v0", {"view": "whole", "min_length": 4, "max_length": 6}


def policy_of(env_id: str = ID, agent: str = "attend", scale: float = 3.0, **options: Any) -> Policy:
    env = gym.make(env_id, view="whole")
    torch.manual_seed(0)
    policy = AGENTS[agent](env.observation_space, env.action_space, hidden=8, **options)
    with torch.no_grad():  # so that decisions differ
        for parameter in policy.parameters():
            parameter *= scale
    return policy


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 7), st.integers(1, 3), st.integers(0, 1000))
def test_changed_weights_sum_to_what_they_did(length: int, heads: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(1, heads, length, generator=generator, dtype=torch.float64)
    order = torch.randperm(length, generator=generator)
    moved = shuffled(weights, order[None])
    torch.testing.assert_close(moved.sort(-1).values, weights.sort(-1).values)
    kept = kept_in(order[None])[0]
    assert kept.sum(1).tolist() == list(range(length - 1, 0, -1))
    for erased, row in enumerate(kept, 1):
        assert not row[order[:erased]].any()
    left = without(weights.expand(length - 1, -1, -1), kept)
    torch.testing.assert_close(left.sum(-1), weights.sum(-1).expand(length - 1, -1))
    assert not left[~kept[:, None].expand_as(left)].any()
    ratio = left / weights
    for row, there in zip(ratio, kept, strict=True):
        for head in row:
            torch.testing.assert_close(head[there], head[there][:1].expand(int(there.sum())))


def test_what_had_no_weight_shares_it_when_alone() -> None:
    weights, kept = torch.tensor([[[0.0, 0.0, 1.0]]]), torch.tensor([[True, True, False]])
    assert without(weights, kept).tolist() == [[[0.5, 0.5, 0.0]]]


@pytest.mark.parametrize("name", ["content", "uniform", "last"])
def test_all_but_one_erased_leaves_that_one_s_value(name: str) -> None:
    attention = make_item_attention(name, 5, 5, key=0, score="dot").eval()
    items = torch.randn(1, 4, 5)
    for kept in range(4):
        mask = torch.arange(4)[None] == kept
        with attention.reweighing(lambda w, mask=mask: without(w, mask)):
            read = attention.look(attention.prepare(Source(items, torch.tensor([4]))), torch.randn(1, 5))
        torch.testing.assert_close(read.what, items[:, kept])
    after = attention.look(attention.prepare(Source(items, torch.tensor([4]))), torch.ones(1, 5))
    assert attention._change is None
    assert after.weights.sum() == pytest.approx(1.0)
    with pytest.raises(ZeroDivisionError), attention.reweighing(lambda w: w / (1 // 0)):
        attention.look(attention.prepare(Source(items, torch.tensor([4]))), torch.ones(1, 5))
    assert attention._change is None


def test_shuffling_uniform_weights_changes_nothing() -> None:
    found = explanation(policy_of(attention="uniform"), ID, SHORT, 6, 0, permutations=4)
    assert found is not None
    assert found.moved < 1e-5
    assert found.flips == 0.0
    assert found.writings > 6 * 4


@pytest.mark.parametrize(
    "options", [{"heads": 2}, {"key": 0, "score": "additive"}, {"attention": "hops", "encoder": "positions", "hops": 2}]
)
def test_other_attention_is_changed_and_nothing_else(options: dict[str, Any]) -> None:
    policy = policy_of(**options, **({"embedding": 3} if "hops" in options else {}))
    torch.manual_seed(7)
    drawn = torch.rand(1)
    torch.manual_seed(7)
    found = explanation(policy, ID, SHORT, 3, 0, permutations=3)
    assert torch.equal(torch.rand(1), drawn)
    assert policy.training
    assert all(parameter.grad is None for parameter in policy.parameters())
    assert found is not None
    assert 0 < found.moved < 1
    assert set(found.erased) == set(ORDERS)


@pytest.mark.parametrize(
    ("env_id", "agent", "options"),
    [
        ("Sequence/Handwriting-v0", "attend", {"attention": "window"}),
        ("Sequence/ConvexHull-v0", "pointer", {"units": 8}),
    ],
)
def test_who_writes_numbers_or_points_has_none(env_id: str, agent: str, options: dict[str, Any]) -> None:
    assert explanation(policy_of(env_id, agent, 1.0, **options), env_id, {"view": "whole"}, 2, 0) is None


def test_figures_are_those_of_a_slow_loop() -> None:
    """One variant at a time: the episode is played again, and at one moment another reading takes the place of its."""
    policy = policy_of(key=0, score="additive").eval()
    count, permutations = 3, 3
    found = explanation(policy, ID, SHORT, count, 5, permutations)
    assert isinstance(found, Explanation)
    generator = torch.Generator().manual_seed(5)
    plays = [_played(seed) for seed in range(5, 5 + count)]
    view, attention = view_of(policy), policy.core.attention
    moved, flips, counts = [], [], {order: [] for order in ORDERS}
    for t in range(max(map(len, plays))):
        for play in (play for play in plays if t < len(play)):
            seen = tree.stack([view.prepare(tree.unsqueeze(each)) for each in play])
            slopes = implicit_alignment(view, seen, [t])[0, 0]
            p, weights = _said(policy, seen, t, None)
            length = int((seen["source"][0, 0] != 0).sum())
            lots = torch.rand(permutations + 1, length, generator=generator).argsort(dim=1)
            away = []
            for lot in lots[:-1].tolist():
                q, _ = _said(policy, seen, t, [float(weights[i]) for i in lot])
                away.append(sum(abs(float(a - b)) for a, b in zip(p, q, strict=True)) / 2)
                flips.append(int(q.argmax()) != int(p.argmax()))
            moved.append(sorted(away)[(permutations - 1) // 2])
            orders = [sorted(range(length), key=lambda i, by=by: -float(by[i])) for by in (weights, slopes)]
            for name, order in zip(ORDERS, [*orders, lots[-1].tolist()], strict=True):
                first, never = 1.0, True
                for gone in range(1, length):
                    left = [0.0 if i in order[:gone] else float(weights[i]) for i in range(length)]
                    q, _ = _said(policy, seen, t, [each / sum(left) for each in left])
                    if int(q.argmax()) != int(p.argmax()):
                        first, never = gone / length, False
                        break
                counts[name].append((first, never))
    assert attention._change is None
    assert found.writings == len(moved)
    assert found.moved == pytest.approx(sum(moved) / len(moved), abs=1e-4)
    assert found.flips == pytest.approx(sum(flips) / len(flips))
    for name, rows in counts.items():
        wanted = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        assert list(found.erased[name]) == pytest.approx(wanted)
    assert 0 < found.flips < 1


def _played(seed: int) -> list[dict]:
    """What is observed while the right text is written."""
    env = gym.make(ID, **SHORT)
    seen, info = env.reset(seed=seed)
    every, over = [seen], False
    while not over:
        seen, _, over, _, info = env.step(info["target"])
        every.append(seen)
    return every[:-1]


def _said(policy: Policy, seen: Any, moment: int, weights: list[float] | None) -> tuple[Tensor, Tensor]:
    """The distribution at a moment, where reading is by these weights then; and the weights."""
    attention, state = policy.core.attention, policy.initial_state(1)
    look = type(attention).look
    with torch.no_grad():
        for t in range(moment + 1):

            def other(prepared: Any, emitted: Tensor, t: int = t) -> Reading:
                read = look(attention, prepared, emitted)
                if t < moment or weights is None:
                    return read
                what = sum(w * prepared.values[0, 0, i] for i, w in enumerate(weights))
                return Reading(what[None], torch.tensor([[weights]]))

            attention.look = other
            starts = torch.tensor([t == 0])
            said = policy.step(tree.index(seen, t), state, starts, deterministic=True, record=True)
            state = said.state
            del attention.look
    return said.parameters["action"][0].softmax(-1), said.records["source_weights"][0, 0]
