"""Where the machine code of the cores' kernels is kept: see `foveate.compiled`."""

from pathlib import Path

from ....compiled import KernelCache, find_numba

__all__ = ["compiled_into_cache", "find_numba", "said_once"]

_CACHE = KernelCache(Path(__file__).parent)
compiled_into_cache, said_once = _CACHE.imports, _CACHE.said_once
