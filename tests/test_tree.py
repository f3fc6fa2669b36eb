"""Nested tensors: what each function does against plain loops, and what comes back from what."""

from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from foveate import tree
from foveate.agents.nn.cores import make_core
from foveate.agents.nn.cores.base import NoState
from foveate.agents.policies.numpy_border import BatchedAction
from foveate.errors import FoveateError
from foveate.tree import Tree


class Inner(NamedTuple):
    hidden: Tree
    cell: Tree


class State(NamedTuple):
    memory: Tree
    inner: Tree


class Nothing(NamedTuple):
    pass


B = 3
names = st.text("abcz", min_size=1, max_size=3)


def nodes(parts: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(
        st.dictionaries(names, parts, max_size=3),
        st.builds(Inner, parts, parts),
        st.builds(State, parts, parts),
        st.builds(Nothing),
        st.lists(parts, max_size=2).map(tuple),
    )


shapes = st.lists(st.integers(1, 3), max_size=2).map(tuple)  # of one entry of a batch
structures = st.recursive(st.none() | shapes.map(list), nodes, max_leaves=6)  # a list is a leaf


def filled(structure: Tree, seed: int, numpy: bool = False) -> Tree:
    """The structure with random leaves (B, …)."""
    draws = np.random.default_rng(seed)
    arrays = tree.map(lambda shape: draws.normal(size=(B, *shape)), structure)
    return arrays if numpy else tree.to_tensors(arrays)


def same(a: Tree, b: Tree) -> bool:
    """Equal leaves in equal structures: keys in one order, tuples of one class. A recursion of its own."""
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple):
        return type(a) is type(b) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if a is None:
        return b is None
    return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())


def observation(*lead: int) -> dict[str, Tensor]:
    return {"where": torch.randn(*lead, 2), "image": torch.randn(*lead, 1, 4, 4), "cue": torch.randn(*lead)}


def state(batch: int) -> State:
    return State(torch.randn(batch, 4, 2), Inner(torch.randn(batch, 3), torch.randn(batch, 0)))


# ---- what each function does ----


def test_map_calls_once_a_leaf_and_keeps_the_order():
    seen = []
    made = tree.map(lambda x, y: seen.append(x) or x + y, {"b": 1, "a": (2, None)}, {"a": (20, None), "b": 10})
    assert seen == [1, 2]
    assert made == {"b": 11, "a": (22, None)}
    assert list(made) == ["b", "a"]


def test_map_of_a_bare_leaf():
    x = torch.randn(3)
    assert tree.map(lambda leaf: leaf, x) is x
    assert tree.map(len, [1, 2]) == 2  # a list is a leaf
    assert tree.map(len, None) is None


def test_map_goes_into_subclasses():
    made = tree.map(lambda x: x + 1, BatchedAction(b=torch.zeros(2), a=torch.ones(2)))
    assert type(made) is dict
    assert list(made) == ["b", "a"]
    assert tree.leaves(NoState()) == []
    assert type(tree.map(torch.clone, NoState())) is NoState
    assert tree.map(lambda x, y: x + y, {"a": 1}, MappingProxyType({"a": 2})) == {"a": 3}


@pytest.mark.parametrize("name", ["rnn", "lstm", "ntm", "dnc", "transformer"])
def test_states_of_cores(name: str):
    core = make_core(name, 3, 8)
    fresh, old = core.initial_state(B), tree.map(lambda x: x + 1, core.initial_state(B))
    made = tree.where(torch.tensor([True, False, True]), fresh, old)
    assert type(made) is type(fresh)
    for new, f, o in zip(made, fresh, old, strict=True):
        assert torch.equal(new, torch.stack([f[0], o[1], f[2]]))
    assert list(tree.flatten_names(fresh)) == list(fresh._fields)


def test_leaves_and_first():
    assert tree.leaves({"z": 1, "y": State(2, Inner(None, [3])), "x": ()}) == [1, 2, [3]]
    assert tree.first({"z": None, "y": 5}) == 5
    for empty in (None, {}, Nothing(), {"a": (None,)}):
        with pytest.raises(FoveateError, match="at least one leaf"):
            tree.first(empty)


@pytest.mark.parametrize("i", [1, slice(1, None), torch.tensor([2, 0, 0]), torch.tensor([True, False, True])], ids=str)
@pytest.mark.parametrize("dim", [0, 1])
def test_index(i: int | slice | list, dim: int):
    seen = observation(3, 3)
    expected = {key: value[i] if dim == 0 else value[:, i] for key, value in seen.items()}
    assert same(tree.index(seen, i, dim), expected)


def test_unsqueeze():
    x = torch.randn(2, 3)
    made = tree.unsqueeze({"x": x, "array": x.numpy(), "number": 3, "list": [1.0, 2.0]})
    assert torch.equal(made["x"], x[None])
    assert made["array"].shape == (1, 2, 3)
    assert made["number"].tolist() == [3]
    assert made["list"].tolist() == [[1.0, 2.0]]
    assert tree.unsqueeze(x, 1).shape == (2, 1, 3)


@pytest.mark.parametrize("dim", [0, 1])
def test_stack_and_cat(dim: int):
    parts = [{"seen": observation(2, 3), "state": (torch.randn(2, 3),), "none": None} for _ in range(4)]
    for join, single in ((tree.stack, torch.stack), (tree.cat, torch.cat)):
        expected = {
            "seen": {key: single([part["seen"][key] for part in parts], dim) for key in parts[0]["seen"]},
            "state": (single([part["state"][0] for part in parts], dim),),
            "none": None,
        }
        assert same(join(parts, dim), expected)


def test_stack_takes_numbers_and_other_orders():
    made = tree.stack([{"b": 1, "a": 2.5}, {"a": 3.5, "b": 4}])
    assert same(made, {"b": np.array([1, 4]), "a": np.array([2.5, 3.5])})
    assert tree.cat([np.zeros(2), np.ones(1)]).tolist() == [0, 0, 1]


def test_unstack_refuses_what_has_no_common_size():
    with pytest.raises(FoveateError, match=r"sizes \[2, 3\]"):
        tree.unstack({"a": torch.zeros(2), "b": torch.zeros(3)})
    with pytest.raises(FoveateError, match=r"sizes \[\]"):
        tree.unstack(None)


@pytest.mark.parametrize("numpy", [False, True])
def test_where_takes_rows(numpy: bool):
    a, b, mask = observation(3, 2), observation(3, 2), torch.tensor([[True, False], [False, False], [True, True]])
    for leading in (mask[:, 0], mask):
        given = tree.to_numpy((leading, a, b)) if numpy else (leading, a, b)
        made = tree.to_tensors(tree.where(*given))
        for key in a:
            for place in np.ndindex(leading.shape):
                assert torch.equal(made[key][place], (a if leading[place] else b)[key][place])


def test_where_keeps_nan_out():
    a, b = torch.full((2, 3), torch.nan), torch.ones(2, 3)
    assert tree.where(torch.tensor([False, False]), {"x": a}, {"x": b})["x"].isfinite().all()


def test_to_numpy_and_to_tensors():
    x = torch.arange(3.0, requires_grad=True)
    there = tree.to_numpy({"x": x, "name": "left", "none": None})
    assert there["name"] == "left"
    assert there["none"] is None
    assert np.shares_memory(there["x"], x.detach().numpy())
    back = tree.to_tensors({"x": there["x"], "n": 3, "kept": x, "list": [1, 2]}, "cpu")
    assert back["x"].data_ptr() == x.data_ptr()
    assert back["kept"] is x
    assert back["n"].dtype == torch.int64
    assert back["list"].tolist() == [1, 2]


def test_names():
    named = tree.flatten_names({"core": State(1, Inner(2, None)), "pair": (3, {"x": 4})})
    assert named == {"core.memory": 1, "core.inner.hidden": 2, "pair.0": 3, "pair.1.x": 4}
    assert tree.flatten_names(5) == {"": 5}
    assert tree.flatten_names(None) == {}
    with pytest.raises(FoveateError, match=r"two leaves have the name 'a\.b'"):
        tree.flatten_names({"a.b": 1, "a": {"b": 2}})


def test_names_that_do_not_fit_are_told():
    with pytest.raises(FoveateError, match=r"missing \['cell'\], unexpected \['reads'\]"):
        tree.unflatten_names({"hidden": 1, "reads": 2}, Inner(0, 0))


def test_of_space_says_where_the_leaves_are():
    space = spaces.Dict({"look": spaces.Box(-1, 1, (2,)), "say": spaces.Dict({"n": spaces.Discrete(3)})})
    parts = tree.of_space(space)
    assert parts == {"look": space["look"], "say": {"n": space["say"]["n"]}}
    read = lambda part, x: np.asarray(x, part.dtype)  # noqa: E731
    for written in ([0.5, 1.0], (0.5, 1.0), np.array([0.5, 1.0])):
        made = tree.map(read, parts, {"say": {"n": 2}, "look": written})
        assert same(made, {"look": np.array([0.5, 1.0], np.float32), "say": {"n": np.asarray(2)}})
    assert tree.of_space(space["look"]) is space["look"]


# ---- what holds for every tree ----


@given(structures, st.integers(0, 9), st.booleans())
def test_map_of_the_identity(structure: Tree, seed: int, numpy: bool):
    whole = filled(structure, seed, numpy)
    assert same(tree.map(lambda x: x, whole), whole)
    assert same(tree.map(lambda x, y: y, whole, whole), whole)


@given(structures, st.integers(0, 9), st.booleans(), st.integers(0, 1))
def test_stack_is_undone_by_index_and_unstack(structure: Tree, seed: int, numpy: bool, dim: int):
    parts = [filled(structure, seed + i, numpy) for i in range(4)]
    whole = tree.stack(parts, dim)
    for i, part in enumerate(parts):
        assert same(tree.index(whole, i, dim), part)
    if tree.leaves(whole):
        assert all(same(a, b) for a, b in zip(tree.unstack(whole, dim), parts, strict=True))


@given(structures, st.integers(0, 9), st.booleans(), st.integers(1, B - 1))
def test_cat_is_undone_by_slices(structure: Tree, seed: int, numpy: bool, cut: int):
    whole = filled(structure, seed, numpy)
    assert same(tree.cat([tree.index(whole, slice(cut)), tree.index(whole, slice(cut, None))]), whole)
    assert same(tree.index(tree.unsqueeze(whole), 0), whole)


@given(structures, st.integers(0, 9), st.booleans(), st.lists(st.booleans(), min_size=B, max_size=B))
def test_where_picks_rows(structure: Tree, seed: int, numpy: bool, chosen: list[bool]):
    a, b = filled(structure, seed, numpy), filled(structure, seed + 1, numpy)
    mask = np.array(chosen) if numpy else torch.tensor(chosen)
    made = tree.where(mask, a, b)
    for i in range(B):
        rows = slice(i, i + 1)
        assert same(tree.index(made, rows), tree.index(a if chosen[i] else b, rows))


@given(structures, st.integers(0, 9))
def test_names_come_back(structure: Tree, seed: int):
    whole = filled(structure, seed)
    named = tree.flatten_names(whole)
    assert [id(x) for x in named.values()] == [id(x) for x in tree.leaves(whole)]
    turned = dict(reversed(named.items()))
    assert same(tree.unflatten_names(turned, tree.map(lambda x: 0, whole)), whole)


@given(structures, st.integers(0, 9))
def test_numpy_and_back(structure: Tree, seed: int):
    whole = filled(structure, seed)
    assert same(tree.to_tensors(tree.to_numpy(whole)), whole)


# ---- mistakes, gradients ----


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        ({"a": 1}, {"b": 1}, r"dict with the keys \['a'\] beside dict with the keys \['b'\]"),
        ({"a": 1}, {"a": 1, "b": 1}, "beside dict with the keys"),
        ({"a": {"x": 1}}, {"a": 1}, r"dict with the keys \['x'\] beside int"),
        ({"a": 1}, {"a": {"x": 1}}, r"int beside dict with the keys \['x'\]"),
        ({"a": 1}, {"a": None}, "int beside None"),
        ({"a": None}, {"a": 1}, "None beside int"),
        (Inner(1, 2), State(1, 2), "Inner of 2 beside State of 2"),
        (Inner(1, 2), (1, 2), "Inner of 2 beside tuple of 2"),
        ((1, 2), (1, 2, 3), "tuple of 2 beside tuple of 3"),
        ((1, 2), [1, 2], "tuple of 2 beside list"),
    ],
)
def test_other_structures_are_refused(a: Tree, b: Tree, told: str):
    with pytest.raises(FoveateError, match=f"^trees of one structure are needed, got .*{told}"):
        tree.map(lambda x, y: x, a, b)


def test_gradients_flow():
    whole = tree.map(lambda x: x.double().requires_grad_(), {"seen": observation(2), "state": state(2)})
    mask = torch.tensor([True, False])
    paired = tree.stack([whole, tree.where(mask, whole, tree.map(torch.zeros_like, whole))])
    made = tree.cat([tree.index(paired, slice(0, 1)), tree.unsqueeze(tree.index(paired, 1))])
    sum(x.sum() for x in tree.leaves(made)).backward()
    for x in tree.leaves(whole):  # once as it is, and once where the mask holds
        assert torch.equal(x.grad, torch.stack([torch.full_like(x[0], 2.0), torch.full_like(x[0], 1.0)]))
