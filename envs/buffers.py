"""Memory for large results: what was handed out and is held by nobody any more is handed out again.

Of new memory beyond some hundred kilobytes the system clears every page at its first touch, and takes it back when it
is let go: for a batch of large frames that takes longer than drawing them.
"""

import math
import sys
from functools import cache

import numpy as np
import torch
from torch import Tensor

LEAST = 1 << 17  # bytes: smaller blocks come from a heap that keeps its pages
_ALONE = 3  # references to a block that nobody holds: the list's, the loop's, and the one that counts them


@cache
def _in_numpy(dtype: torch.dtype) -> np.dtype:
    return torch.empty(0, dtype=dtype).numpy().dtype


class Buffers:
    """Blocks of memory, each of which is handed out anew once no tensor or array lies in it.

    A tensor holds the array that it was made of, and an array made of that tensor holds the tensor: so whoever still
    has one of them, or a part of it, shows in the number of references to the block.

    Args:
        most: how many blocks to know: by default what the user holds, what was before it, and the next.
    """

    def __init__(self, most: int = 3):
        self.most = most
        self._blocks: list[np.ndarray] = []

    def __reduce__(self) -> tuple[type["Buffers"], tuple[int]]:
        """For pickle and copy: without the blocks."""
        return Buffers, (self.most,)

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
        """A tensor whose numbers are anything, as that of `torch.empty`.

        Args:
            shape: of the tensor.
            dtype: of the tensor.
            device: where it lives; blocks are kept on a CPU alone, since PyTorch keeps those of other devices itself.
        """
        size = math.prod(shape) * dtype.itemsize
        if device.type != "cpu" or size < LEAST:
            return torch.empty(shape, dtype=dtype, device=device)
        block = self._block(size)
        return torch.from_numpy(np.ndarray(shape, _in_numpy(dtype), block))

    def _block(self, size: int) -> np.ndarray:
        for block in self._blocks:
            if block.nbytes == size and sys.getrefcount(block) == _ALONE:
                return block
        block = np.empty(size, np.uint8)
        self._blocks = [*self._blocks[1 - self.most :], block]
        return block
