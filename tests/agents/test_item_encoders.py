"""From items to annotations: what stands behind the end, what is known of the others, and the papers' recursions."""

import gymnasium as gym
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ragged import sources

from foveate.agents import AGENTS
from foveate.agents.nn.encoders import ITEM_ENCODERS, make_item_encoder
from foveate.agents.nn.places import place_code

OF_ITEMS = [name for name, e in ITEM_ENCODERS.items() if not (e.reads_words or e.reads_query)]


@pytest.mark.parametrize("name", OF_ITEMS)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_what_stands_behind_the_end_changes_no_annotation(name: str, seed: int) -> None:
    source = sources(3, seed)
    encoder = make_item_encoder(name, 6, units=8, attention_heads=2, layers=2).double()
    there = source.mask()[..., None]
    one, other = (torch.where(there, source.items, filling) for filling in (0.0, 7.0))
    a, b = encoder(one, source.length), encoder(other, source.length)
    count = -(-5 // encoder.shrink)
    assert a.shape == (3, count, encoder.annotation_size)
    there = there[:, :: encoder.shrink]
    torch.testing.assert_close(torch.where(there, a, 0.0), torch.where(there, b, 0.0))
    # nor how much room there is
    room = torch.cat([one, torch.zeros(3, 4, 6, dtype=torch.float64)], 1)
    wider = encoder(room, source.length)[:, :count]
    torch.testing.assert_close(torch.where(there, a, 0.0), torch.where(there, wider, 0.0))


@pytest.mark.parametrize("name", sorted(set(OF_ITEMS) - {"embedding", "positions", "words"}))
def test_an_annotation_knows_the_items_on_both_sides(name: str) -> None:
    torch.manual_seed(0)
    encoder = make_item_encoder(name, 4, units=8, attention_heads=2).double()
    items = torch.randn(1, 7, 4, dtype=torch.float64, requires_grad=True)
    annotation = encoder(items, torch.tensor([6]))[0, 3 // encoder.shrink]
    (annotation @ torch.randn_like(annotation)).backward()  # a sum alone is always 0 where a layer is normalised
    touched = items.grad[0].abs().sum(-1) > 1e-12
    assert touched.tolist() == [True] * 6 + [False]


@pytest.mark.parametrize(("halvings", "stack"), [(1, 1), (2, 1), (0, 3), (1, 2)])
def test_a_pyramid_is_the_paper_s_recursion(halvings: int, stack: int) -> None:
    torch.manual_seed(0)
    encoder = make_item_encoder("pyramid", 3, units=4, halvings=halvings, stack=stack).double()
    items, length = torch.randn(2, 11, 3, dtype=torch.float64), [11, 6]
    found = encoder(items, torch.tensor(length))
    assert encoder.shrink == stack * 2**halvings
    for b, count in enumerate(length):
        h = list(items[b, :count])
        for layer, together in zip(encoder.layers, [stack, *[2] * halvings], strict=True):
            h += [torch.zeros_like(h[0])] * (-len(h) % together)
            pairs = torch.stack([torch.cat(h[i : i + together]) for i in range(0, len(h), together)])  # (5)
            h = list(layer(pairs[None], torch.tensor([len(pairs)]))[0])
        torch.testing.assert_close(found[b, : len(h)], torch.stack(h))


def test_weights_of_a_pyramid_are_shared_among_the_items_below() -> None:
    env = gym.make("Sequence/Speech-v0", view="whole")
    policy = AGENTS["attend"](env.observation_space, env.action_space, encoder="pyramid", units=4, hidden=4)
    reader = policy.source_encoder
    assert reader.max_length == -(-517 // 4)
    weights = torch.rand(2, 1, reader.max_length)
    length = torch.tensor([517, 10])
    weights[1, :, 3:] = 0
    items = reader.by_item(weights, length)
    for b, count in enumerate(length.tolist()):
        every = items[b, 0, :count]
        for place, part in enumerate(every.split(4)):
            assert (part == part[0]).all()
            assert float(part.sum()) == pytest.approx(float(weights[b, 0, place]), rel=1e-5)


def test_one_direction_knows_what_was_read_before() -> None:
    torch.manual_seed(0)
    encoder = make_item_encoder("gru", 4, units=8, directions=1).double()
    items = torch.randn(1, 6, 4, dtype=torch.float64, requires_grad=True)
    encoder(items, torch.tensor([6]))[0, 3].sum().backward()
    assert (items.grad[0].abs().sum(-1) > 0).tolist() == [True] * 4 + [False] * 2


def test_both_directions_are_those_of_torch_on_packed_sources() -> None:
    source = sources(4, 5)
    items = torch.where(source.mask()[..., None], source.items, 0.0)
    encoder = make_item_encoder("gru", 6, units=5).double()
    both = torch.nn.GRU(6, 5, batch_first=True, bidirectional=True).double()
    weights = dict(encoder.ahead.state_dict())
    weights |= {f"{name}_reverse": value for name, value in encoder.back.state_dict().items()}
    both.load_state_dict(weights)
    packed = torch.nn.utils.rnn.pack_padded_sequence(items, source.length, batch_first=True, enforce_sorted=False)
    wanted, _ = torch.nn.utils.rnn.pad_packed_sequence(both(packed)[0], batch_first=True, total_length=5)
    there = source.mask()[..., None]
    torch.testing.assert_close(torch.where(there, encoder(items, source.length), 0.0), wanted)


def test_the_code_of_places_is_the_paper_s() -> None:
    code = place_code(torch.arange(7), 6, torch.float64)
    for place in range(7):
        for i in range(3):
            angle = torch.tensor(place / 10000 ** (2 * i / 6), dtype=torch.float64)
            torch.testing.assert_close(code[place, 2 * i], angle.sin())
            torch.testing.assert_close(code[place, 2 * i + 1], angle.cos())
