"""One table of the kinds of spaces: whatever is done with a space works for every kind in it."""

import json

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.spaces.utils import flatdim
from gymnasium.spaces.utils import flatten as gymnasium_flatten
from gymnasium.vector.utils import batch_space, iterate
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate import tree
from foveate.agents.nn.heads import make_head
from foveate.envs.counter_rng import CounterRNG
from foveate.envs.spaces import KINDS, action_reader, counts, flat_size, flatten, from_json, kind_of, sample, to_json
from foveate.errors import FoveateError

EXAMPLES = {
    "Box": spaces.Box(np.array([[-1.0, 0.0]], np.float32), np.array([[1.0, 3.0]], np.float32)),
    "Discrete": spaces.Discrete(4, start=-2),
    "MultiDiscrete": spaces.MultiDiscrete(np.array([2, 5, 3]), start=np.array([0, 1, -1])),
    "MultiBinary": spaces.MultiBinary((2, 3)),
    "Dict": spaces.Dict([("b", spaces.Discrete(3)), ("a", spaces.Dict({"x": spaces.Box(0, 1, (2,))}))]),
}
TEXT = st.text(max_size=4)
CPU = torch.device("cpu")


def rng(n: int) -> CounterRNG:
    return CounterRNG(torch.arange(n), torch.zeros(n, dtype=torch.int64), torch.zeros(n, dtype=torch.int64))


def test_every_kind_has_an_example_here() -> None:
    assert EXAMPLES.keys() == KINDS.keys()


@pytest.mark.parametrize("name", KINDS)
def test_samples_are_members_are_read_and_are_flattened_as_gymnasium_does(name: str) -> None:
    space, n = EXAMPLES[name], 200
    values = sample(space, rng(n), "test")
    assert tree.map(lambda x: len(x) == n, values)
    arrays = tree.to_numpy(values)
    for one in tree.unstack(arrays):
        cast = tree.map(lambda part, x: np.asarray(x, part.dtype), tree.of_space(space), one)
        assert space.contains(int(cast) if name == "Discrete" else cast)
    for what in (values, arrays):
        read = action_reader(space, n, CPU)(what)
        assert all(torch.equal(a.double(), b.double()) for a, b in zip(*map(tree.leaves, (read, values)), strict=True))
        pointers = {id(leaf) for leaf in tree.leaves(what)}
        assert not any(id(leaf) in pointers for leaf in tree.leaves(read))  # theirs may be written into
    flat = flatten(space, values)
    assert flat.shape == (n, flat_size(space))
    assert flat_size(space) == flatdim(space)
    for row, one in zip(flat, tree.unstack(arrays), strict=True):
        np.testing.assert_allclose(row, np.asarray(gymnasium_flatten(space, one)), rtol=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_samples_reach_everything(name: str) -> None:
    flat = flatten(EXAMPLES[name], sample(EXAMPLES[name], rng(500), "test"))
    assert (flat.std(0) > 0.1).all()


@pytest.mark.parametrize("name", KINDS)
def test_json_and_back(name: str) -> None:
    space = EXAMPLES[name]
    again = from_json(json.loads(json.dumps(to_json(space))))
    assert again == space
    assert type(again) is type(space)


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=4), lambda x: st.lists(x) | st.dictionaries(st.text(max_size=4), x)
    )
)
def test_no_other_data_is_a_space(data: object) -> None:
    with pytest.raises(FoveateError, match=r"description of a space|type of space"):
        from_json(data)


@pytest.mark.parametrize(
    "data",
    [
        {"type": "Box", "low": 0, "high": 1, "shape": [10**9], "dtype": "float32"},
        {"type": "Box", "low": 0, "high": 1, "shape": [-1], "dtype": "float32"},
        {"type": "Box", "low": 0, "high": 1, "shape": [1], "dtype": "object"},
        {"type": "Discrete", "n": 0, "start": 0},
        {"type": "Discrete", "n": "many", "start": 0},
        {"type": "Dict", "spaces": [1]},
        {"type": "Text"},
    ],
)
def test_spaces_that_can_t_be_are_refused(data: dict) -> None:
    with pytest.raises(FoveateError):
        from_json(data)


def test_counts_are_those_of_the_flat_numbers() -> None:
    assert {name: counts(space) for name, space in EXAMPLES.items()} == {
        "Box": None,
        "Discrete": [4],
        "MultiDiscrete": [2, 5, 3],
        "MultiBinary": [2] * 6,
        "Dict": None,
    }


@pytest.mark.parametrize("name", [name for name in KINDS if name != "Dict"])
def test_there_is_a_head_for_every_kind_of_one_part(name: str) -> None:
    from_zero = {"Discrete": spaces.Discrete(4), "MultiDiscrete": spaces.MultiDiscrete([2, 5, 3])}  # heads want that
    make_head(4, from_zero.get(name, EXAMPLES[name]))


def test_a_kind_that_is_missing_is_named_and_a_subclass_is_of_its_base_s_kind() -> None:
    with pytest.raises(FoveateError, match="action: spaces of type Text are not supported"):
        action_reader(spaces.Text(3), 2, CPU)

    class Flags(spaces.MultiBinary):
        pass

    assert kind_of(Flags(2)) is KINDS["MultiBinary"]
    batch = batch_space(EXAMPLES["MultiBinary"], 3)
    assert len(list(iterate(batch, batch.sample()))) == 3
