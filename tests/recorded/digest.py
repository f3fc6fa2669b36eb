"""What was seen, as a few numbers a quantity: enough to say that it is the same again, bit for bit or nearly.

An entry is ``[kind, sha, *figures]``. The kind is NumPy's short type ("f4"), how many moments and the shape; the SHA is
of all bytes and of the moments at which they came. Numbers that a processor may round in its own way have figures
beside it: the values themselves where they are few, else their mean, their root mean square and a fixed projection.
"""

import hashlib
from collections.abc import Iterator

import numpy as np
import torch

from foveate.tree import Tree

Entry = list[str | float]
Entries = dict[str, Entry]
FEW = 6
RTOL, ATOL = 1e-3, 1e-5


class Record:
    """Collects quantities by name, moment by moment."""

    def __init__(self) -> None:
        self.moment = 0
        self._seen: dict[str, list[tuple[int, np.ndarray]]] = {}

    def add(self, name: str, value: Tree) -> None:
        """Remember a value, or a tree of them, of the present moment."""
        for path, array in leaves(name, value):
            if "/_" in path:  # Gymnasium's masks of what a vector's info tells: all of them together
                path = f"{path.split('/')[0]} masks"
            self._seen.setdefault(path, []).append((self.moment, array))

    def add_moment(self, **values: Tree) -> None:
        """Remember several values, and go on to the next moment."""
        for name, value in values.items():
            self.add(name, value)
        self.moment += 1

    def entries(self) -> Entries:
        """An entry for each name."""
        return {name: entry([t for t, _ in rows], [array for _, array in rows]) for name, rows in self._seen.items()}


def leaves(name: str, value: Tree) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of a tree, each under its path."""
    if isinstance(value, dict):
        for key in sorted(value, key=str):
            yield from leaves(f"{name}/{key}", value[key])
    elif isinstance(value, tuple):
        for number, part in enumerate(value):
            yield from leaves(f"{name}/{number}", part)
    elif isinstance(value, torch.Tensor):
        yield name, value.detach().cpu().numpy()
    else:
        array = np.asarray(value)
        if array.dtype != object:
            yield name, array
            return
        for place, item in enumerate(array.flat):  # Gymnasium's: some worlds' trees, None for the others
            if item is not None:
                yield from leaves(f"{name}/{place}", item)


def entry(moments: list[int], arrays: list[np.ndarray]) -> Entry:
    """The entry of a quantity, from all its moments."""
    shapes = {array.shape for array in arrays}
    shape = "x".join(map(str, shapes.pop())) if len(shapes) == 1 else "?"
    kinds = "|".join(sorted({array.dtype.str[1:] for array in arrays}))
    found = hashlib.sha256(repr((moments, [array.shape for array in arrays])).encode())
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    flat = np.concatenate([array.ravel() for array in arrays])
    return [f"{kinds} {len(arrays)}*({shape})", found.hexdigest()[:8], *figures(flat)]


def figures(flat: np.ndarray) -> list[float]:
    """Numbers to compare nearly; none for what must be the same everywhere (integers but for pictures, words)."""
    if flat.dtype.kind != "f" and flat.dtype != np.uint8:
        return []
    x = flat.astype(np.float64)
    if x.size > FEW:
        projection = np.cos(2.399963 * np.arange(x.size)) @ x / np.sqrt(x.size)
        x = np.array([x.mean(), np.sqrt(np.square(x).mean()), projection])
    return [float(f"{value:.5g}") for value in x]


def difference(was: Entry, now: Entry, exact: bool) -> str | None:
    """How an entry differs from the recorded one, in words, or None."""
    if was[0] != now[0]:
        return f"was {was[0]}, is {now[0]}"
    if was[1] == now[1]:
        return None
    if exact or not was[2:]:
        return f"{was[0]}: other bytes{f', figures {was[2:]} -> {now[2:]}' if was[2:] else ''}"
    old, new = np.array(was[2:]), np.array(now[2:])
    scale = np.nanmax(np.abs(old[np.isfinite(old)]), initial=0)
    if np.allclose(new, old, rtol=0, atol=RTOL * scale + ATOL, equal_nan=True):
        return None
    return f"{was[0]}: figures {was[2:]} -> {now[2:]}"


def differences(was: Entries, now: Entries, exact: bool) -> list[str]:
    """A line for each quantity that is gone, new or other."""
    lines = [f"{name}: is gone" for name in was if name not in now]
    lines += [f"{name}: is new" for name in now if name not in was]
    told = {name: difference(was[name], now[name], exact) for name in was if name in now}
    return lines + [f"{name}: {words}" for name, words in told.items() if words]
