"""Graph attention: the papers' loops, what the static order can't do and the dynamic one can, and dictionaries."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from foveate.agents.nn.attention import make_item_attention
from foveate.agents.nn.attention.graph import GraphItems
from foveate.agents.nn.cores.base import Source
from foveate.envs.counter_rng import CounterRNG
from foveate.envs.sequence import Dictionary


def model_of(seed: int, **options: object) -> GraphItems:
    torch.manual_seed(seed)
    made = make_item_attention("graph", 5, 4, graph_units=6, **options).double()
    assert isinstance(made, GraphItems)
    return made


@pytest.mark.parametrize("dynamic", [True, False])
def test_it_is_the_paper_s_loop(dynamic: bool) -> None:
    model = model_of(0, dynamic=dynamic, heads=2)
    items, length, h = torch.randn(3, 4, 5).double(), torch.tensor([4, 1, 3]), torch.randn(3, 5).double()
    found = model.look(model.prepare(Source(items, length)), h)
    leaky = nn.LeakyReLU(0.2)
    for b in range(3):
        for k in range(2):
            part = slice(6 * k, 6 * k + 6)
            w = model.other.weight[part]
            e = []
            for j in range(length[b]):
                if dynamic:
                    w_both = torch.cat([model.own.weight[part], w], 1)  # W [h_i || h_j]
                    e.append(model.a[k] @ leaky(w_both @ torch.cat([h[b], items[b, j]])))
                else:
                    a = torch.cat([model.a_own[k], model.a[k]])
                    e.append(leaky(a @ torch.cat([w @ h[b], w @ items[b, j]])))
            alpha = torch.stack(e).softmax(0)
            torch.testing.assert_close(found.weights[b, k, : length[b]], alpha)
            wanted = sum(share * (w @ item) for share, item in zip(alpha, items[b], strict=False))
            torch.testing.assert_close(found.what[b, part], wanted)


def orders(model: GraphItems, seed: int) -> Tensor:
    """Which of the neighbours each of many nodes listens to most."""
    torch.manual_seed(seed)
    items = 3 * torch.randn(1, 7, 5).double().expand(50, -1, -1)
    return model.look(
        model.prepare(Source(items, torch.full((50,), 7))), 3 * torch.randn(50, 5).double()
    ).weights.argmax(-1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_in_the_static_order_all_nodes_listen_to_the_same_neighbour(seed: int) -> None:
    """Theorem 1 of Brody et al. 2022."""
    assert len(orders(model_of(seed, dynamic=False), seed).unique()) == 1


def test_in_the_dynamic_order_they_need_not() -> None:
    assert sum(len(orders(model_of(seed, dynamic=True), seed).unique()) > 1 for seed in range(10)) >= 4


def test_dictionaries_are_looked_up_in_the_dynamic_order_alone() -> None:
    world, right = Dictionary(), {}
    for dynamic in (True, False):
        torch.manual_seed(0)
        symbols, model = nn.Embedding(len(world.source_names), 32), GraphItems(32, 0, 64, dynamic=dynamic)
        answer = nn.Linear(64, len(world.written_names))
        optimizer = torch.optim.Adam([*symbols.parameters(), *model.parameters(), *answer.parameters()], 1e-2)
        for step in range(300):
            many = torch.arange(128) + 128 * step
            known = world.passage(CounterRNG(many, 0 * many, 0 * many))
            source = Source(symbols(known.items).sum(2), known.length)
            logits = answer(model.look(model.prepare(source), symbols(known.query)[:, 0]).what)
            optimizer.zero_grad()
            nn.functional.cross_entropy(logits, known.targets[:, 0]).backward()
            optimizer.step()
        right[dynamic] = float((logits.argmax(-1) == known.targets[:, 0]).float().mean())
    assert right[True] >= 0.99, right
    assert right[False] <= 0.6, right


def test_a_dictionary_has_each_key_and_value_once_and_the_answer_beside_the_key() -> None:
    for options in ({}, {"split": "test-5"}, {"min_length": 1, "max_length": 12}):
        world, many = Dictionary(**options), torch.arange(200)
        known = world.passage(CounterRNG(many, 0 * many, 0 * many))
        for row, length in enumerate(known.length.tolist()):
            keys, values = known.items[row, :length].T.tolist()
            assert len(set(keys)) == len(set(values)) == length
            assert not known.items[row, length:].any()
            place = keys.index(int(known.query[row, 0]))
            assert values[place] - world.room == int(known.targets[row, 0])
            assert known.aligned[row, 0].nonzero()[:, 0].tolist() == [place]
        assert set(known.targets[:, 0].tolist()) == set(range(1, world.room + 1))
