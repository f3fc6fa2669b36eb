"""States whose entries lie in one block of memory, so that a kernel can write whole rows of all of them."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from .kernels import kernel

LINE = 64  # bytes: entries begin at multiples of it


class Packed(dict[str, Tensor]):
    """Entries (n, …) on the CPU, copied into one block.

    Args:
        entries: tensors, or arrays whose numbers don't matter.
        count: n, if not that of the entries; then their numbers aren't copied.

    Attributes:
        arrays: the entries as arrays.
        block: uint8, flat.
        begins: int64, where in the block each entry begins.
        sizes: int64, bytes of each entry's rows.
        width: bytes of a row of all of them.
        layout: what two blocks must share so that rows of one can be written to the other.
    """

    def __init__(self, entries: Mapping[str, Tensor], count: int | None = None):
        super().__init__()
        self.arrays: dict[str, np.ndarray] = {}
        rows = {name: value.numpy() for name, value in entries.items()}
        self.sizes = np.array([row[:1].nbytes for row in rows.values()], np.int64)
        n = len(next(iter(rows.values()))) if count is None else count
        self.width = int(self.sizes.sum())
        ends = np.cumsum(-(-self.sizes * n // LINE) * LINE)
        self.begins = np.concatenate([ends[:1] * 0, ends[:-1]])
        self.block = np.empty(int(ends[-1]), np.uint8)
        for begin, size, (name, row) in zip(self.begins.tolist(), self.sizes.tolist(), rows.items(), strict=True):
            mine = self.block[begin : begin + size * n].view(row.dtype).reshape(n, *row.shape[1:])
            if count is None:
                mine[:] = row
            self[name], self.arrays[name] = torch.from_numpy(mine), mine
        self.layout = tuple((name, row.dtype, row.shape[1:]) for name, row in rows.items())

    def __reduce__(self) -> tuple[type["Packed"], tuple[dict[str, Tensor]]]:
        """For pickle and copy, whose tensors would no longer lie in the block."""
        return Packed, (dict(self),)

    def rows(self, mask: np.ndarray, count: int) -> np.ndarray:
        """What some rows hold now, for `parts`.

        Args:
            mask: bool, (n,), which.
            count: how many.
        """
        taken = np.empty((count, self.width), np.uint8)
        kernel("taken_rows")(mask, self.sizes, self.begins, self.block, taken)
        return taken

    def parts(self, taken: np.ndarray) -> dict[str, np.ndarray]:
        """What `rows` took, by entry."""
        ends = np.cumsum(self.sizes).tolist()
        pieces = zip(self.layout, [0, *ends], ends, strict=False)
        return {
            name: np.ascontiguousarray(taken[:, begin:end]).view(dtype).reshape(-1, *shape)
            for (name, dtype, shape), begin, end in pieces
        }


def with_rows(state: Mapping[str, Tensor], where: np.ndarray, rows: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """A state with other rows, as fresh tensors.

    Args:
        state: entries (n, …) on the CPU.
        where: int64, (k,), which rows.
        rows: of each entry, (k, …).
    """
    other = {name: value.clone() for name, value in state.items()}
    for name, value in other.items():
        value.numpy()[where] = rows[name]
    return other
