"""Nested tensors: one set of functions for a tensor, an observation of a Dict space, and the state of a core.

A tree is a leaf, or a dict, tuple or NamedTuple of trees, or None, the tree without leaves. Everything else is a leaf:
tensors, arrays, numbers, and lists too, since an action may be written as one. Results keep the order of a dict's keys
and the class of a NamedTuple. `T` in a signature stands for a tree that comes back with the same structure.

    from foveate import tree

    tree.map(torch.zeros_like, observation)
    tree.where(starts, core.initial_state(batch), state)  # new episodes begin with a fresh state
    tree.stack([step.observation for step in episode])  # T trees (B, …) -> one (T, B, …)

Written here rather than taken from optree or torch's own pytree (which cost about as much or more): these sort a
dict's leaves by key, take lists apart, stop at subclasses of dict, or call functions with None.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from .errors import FoveateError

Tree = Any  # Tensor | np.ndarray | number | list | None | dict[str, Tree] | tuple[Tree, ...]
T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")


def map(function: Callable[..., Any], tree: Tree, *rest: Tree) -> Tree:
    """The function's results for each leaf, as a tree of the same structure; None stays None.

        tree.map(lambda x: x.flatten(0, 1), observation)  # each leaf (T, B, …) -> (T·B, …)

    Args:
        function: called with a leaf of `tree` and its counterpart in each of `rest`.
        tree: gives the structure.
        *rest: trees of the same structure; the keys of their dicts may stand in another order.

    Raises:
        FoveateError: if the structures differ.
    """
    if not rest:
        return _map_one(function, tree)
    if isinstance(tree, dict):
        for other in rest:
            if not isinstance(other, (dict, Mapping)) or other.keys() != tree.keys():
                raise _mismatch(tree, other)
        return {key: map(function, part, *[other[key] for other in rest]) for key, part in tree.items()}
    if isinstance(tree, tuple):
        for other in rest:
            if type(other) is not type(tree) or len(other) != len(tree):
                raise _mismatch(tree, other)
        parts = [map(function, *entries) for entries in zip(tree, *rest, strict=True)]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    for other in rest:  # a tuple beside a leaf is let through: it may be an action, as a list may
        if (tree is None) != (other is None) or isinstance(other, dict):
            raise _mismatch(tree, other)
    return None if tree is None else function(tree, *rest)


def _map_one(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """As `map`, without a look at other trees: every step of every environment does this."""
    if isinstance(tree, dict):
        return {key: _map_one(function, part) for key, part in tree.items()}
    if isinstance(tree, tuple):
        parts = [_map_one(function, part) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return None if tree is None else function(tree)


def leaves(tree: Tree) -> list[Any]:
    """All leaves, in the order of dict keys and fields."""
    found: list[Any] = []
    map(found.append, tree)
    return found


def first(tree: Tree) -> Any:
    """The first leaf, to ask for what all share: ``len(tree.first(observation))`` is the size of a batch.

    Raises:
        FoveateError: the tree has no leaves.
    """
    found = leaves(tree)
    if not found:
        raise FoveateError(f"a tree with at least one leaf is needed, got {tree!r}.")
    return found[0]


def index(tree: T, i: Any, dim: int = 0) -> T:
    """``leaf[i]`` of each leaf; with `dim`, ``leaf[:, i]`` and so on.

        tree.index(rollout.observation, worlds, dim=1)  # each leaf (T, B, …) -> (T, len(worlds), …)

    Args:
        tree: leaves that can be indexed.
        i: a number, a slice, indices or a mask.
        dim: the dimension that `i` indexes, counted from the first.
    """
    if dim == 0:
        return map(lambda x: x[i], tree)
    at = (*(slice(None),) * dim, i)
    return map(lambda x: x[at], tree)


def unsqueeze(tree: T, dim: int = 0) -> T:
    """Each leaf with a new dimension of size 1 at `dim`; numbers and lists become arrays."""
    return map(lambda x: x.unsqueeze(dim) if isinstance(x, Tensor) else np.expand_dims(x, dim), tree)


def stack(trees: Sequence[T], dim: int = 0) -> T:
    """Trees of one structure as one: n leaves (…) -> (n, …), the new dimension at `dim`; numbers become arrays."""
    return map(lambda *x: torch.stack(x, dim) if isinstance(x[0], Tensor) else np.stack(x, dim), *trees)


def unstack(tree: T, dim: int = 0) -> list[T]:
    """The inverse of `stack`: a tree for each entry of dimension `dim`, which must be as large in every leaf.

    Raises:
        FoveateError: the leaves differ in size along `dim`, or there are none.
    """
    parts = map(lambda x: list(x.unbind(dim) if isinstance(x, Tensor) else np.moveaxis(x, dim, 0) if dim else x), tree)
    sizes = [len(part) for part in leaves(parts)]
    if len(set(sizes)) != 1:
        raise FoveateError(f"leaves of one size in dimension {dim} are needed to unstack, got sizes {sizes}.")
    return list(_entries(parts, sizes[0]))


def cat(trees: Sequence[T], dim: int = 0) -> T:
    """Trees of one structure, one behind the other along `dim`: leaves (b_1, …), (b_2, …) -> (b_1 + b_2, …)."""
    return map(lambda *x: torch.cat(x, dim) if isinstance(x[0], Tensor) else np.concatenate(x, dim), *trees)


def where(mask: Tensor | np.ndarray, a: T, b: T) -> T:
    """`a` where the mask holds, else `b`; what was not chosen has no influence, not even NaN.

    Args:
        mask: bool, (B,) or more leading dimensions that all leaves share.
        a: leaves (B, …), tensors or arrays as the mask is.
        b: leaves (B, …).
    """

    def choose(x: Any, y: Any) -> Any:
        aligned: Any = mask.reshape(*mask.shape, *(1,) * (x.ndim - mask.ndim))  # (B, 1, …)
        return torch.where(aligned, x, y) if isinstance(x, Tensor) else np.where(aligned, x, y)

    return map(choose, a, b)


def to_numpy(tree: Tree) -> Tree:
    """Tensors as arrays without gradient, those on the CPU without a copy; other leaves as they are."""
    return map(lambda x: x.numpy(force=True) if isinstance(x, Tensor) else x, tree)


def to_tensors(tree: Tree, device: torch.device | str = "cpu") -> Tree:
    """All leaves as tensors on a device; arrays go to the CPU, and tensors where they are already, without a copy."""
    return map(lambda x: torch.as_tensor(x, device=device), tree)


def ordinary(tree: T) -> T:
    """The same tree, its inference tensors copied: those that `torch.inference_mode` bore can't be differentiated or
    written into outside of it. Call it where that mode was left.
    """
    return map(lambda x: x.clone() if isinstance(x, Tensor) and x.is_inference() else x, tree)


def outside_inference(function: Callable[P, R]) -> Callable[P, R]:
    """A function that leaves `torch.inference_mode` while it runs, so that tensors which it makes and which outlive it
    (a world's state, a cached constant) are ordinary ones. It records no gradients there, as that mode doesn't.
    """

    @functools.wraps(function)
    def left(*args: P.args, **kwargs: P.kwargs) -> R:
        if not torch.is_inference_mode_enabled():
            return function(*args, **kwargs)
        with torch.inference_mode(False), torch.no_grad():
            return function(*args, **kwargs)

    return left


@functools.cache
@outside_inference
def constant(numbers: tuple, device: torch.device) -> Tensor:
    """Whole numbers that never change, as an int64 tensor that is copied to its device once; nobody may write into it.

    Args:
        numbers: (nested) tuples of them.
        device: where they are wanted.
    """
    return torch.tensor(numbers, device=device, dtype=torch.int64)


def flatten_names(tree: Tree) -> dict[str, Any]:
    """Leaves by name: keys, fields and the places of plain tuples, joined by dots; a bare leaf's name is empty.

    tree.flatten_names(State(memory, inner=LSTMState(h, c)))  # {"memory": …, "inner.h": …, "inner.c": …}

    Raises:
        FoveateError: two leaves would have the same name, as in ``{"a.b": …, "a": {"b": …}}``.
    """
    if tree is None:
        return {}
    if not isinstance(tree, (dict, tuple)):
        return {"": tree}
    names = tree.keys() if isinstance(tree, dict) else getattr(tree, "_fields", range(len(tree)))
    parts = tree.values() if isinstance(tree, dict) else tree
    found: dict[str, Any] = {}
    for name, part in zip(names, parts, strict=True):
        for inner, leaf in flatten_names(part).items():
            whole = f"{name}.{inner}" if inner else str(name)
            if whole in found:
                raise FoveateError(f"two leaves have the name {whole!r}.")
            found[whole] = leaf
    return found


def unflatten_names(named: Mapping[str, Any], like: T) -> T:
    """The inverse of `flatten_names`.

    Args:
        named: the new leaves; exactly the names of `like`, in any order.
        like: a tree of the structure that is wanted.

    Raises:
        FoveateError: the names aren't those of `like`.
    """
    names = flatten_names(like)
    if names.keys() != named.keys():
        raise FoveateError(
            f"names that don't fit: missing {sorted(names.keys() - named.keys())}, "
            f"unexpected {sorted(named.keys() - names.keys())}."
        )
    values = iter([named[name] for name in names])
    return map(lambda _: next(values), like)


def of_space(space: spaces.Space) -> Tree:
    """A Dict space as a dict of its parts, at any depth; any other space is a leaf.

    As the first tree of a `map`, it says where a value's leaves are, even where the value's parts are lists or tuples:

        tree.map(lambda space, x: np.asarray(x, space.dtype), tree.of_space(action_space), action)
    """
    return {key: of_space(part) for key, part in space.spaces.items()} if isinstance(space, spaces.Dict) else space


def _mismatch(tree: Tree, other: Tree) -> FoveateError:
    return FoveateError(f"trees of one structure are needed, got {_kind(tree)} beside {_kind(other)}.")


def _kind(tree: Tree) -> str:
    if isinstance(tree, Mapping):
        return f"{type(tree).__name__} with the keys {list(tree)}"
    parts = f" of {len(tree)}" if isinstance(tree, tuple) else ""
    return "None" if tree is None else f"{type(tree).__name__}{parts}"


def _entries(parts: Tree, count: int) -> Iterable[Tree]:
    """The trees that a tree of lists stands for, built at once: vector environments do this every step."""
    if isinstance(parts, dict):
        rows = zip(*(_entries(part, count) for part in parts.values()), strict=True)
        return (dict(zip(parts, row, strict=True)) for row in rows) if parts else ({} for _ in range(count))
    if isinstance(parts, tuple):
        rows = zip(*(_entries(part, count) for part in parts), strict=True) if parts else (() for _ in range(count))
        return (type(parts)(*row) for row in rows) if hasattr(parts, "_fields") else (type(parts)(row) for row in rows)
    return itertools.repeat(None, count) if parts is None else parts
