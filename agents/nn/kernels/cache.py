"""Where the machine code of kernels is kept, so that they are compiled once for a machine and not once a process."""

import functools
import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any


@functools.cache
def find_numba() -> bool:
    """Whether numba is installed; it isn't imported."""
    return importlib.util.find_spec("numba") is not None


@functools.cache
def cache_folder() -> Path:
    """The folder for this source and this numba: numba itself would not notice that a module it imports has changed."""
    digest = hashlib.sha256(version("numba").encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "foveate" / "kernels" / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # nothing can be written there: compiled anew by the next process, then
        return Path(tempfile.mkdtemp(prefix="foveate-kernels-"))


@contextmanager
def compiled_into_cache() -> Iterator[None]:
    """While modules with kernels are imported: numba keeps their machine code in `cache_folder`."""
    import numba

    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())
    try:
        yield
    finally:
        config.CACHE_DIR = before


@contextmanager
def said_once(kernel: str, dtype: str) -> Iterator[None]:
    """Around the first call of a kernel in a process: says so where it has to be compiled first.

    Args:
        kernel: its name.
        dtype: the type that it is compiled for.
    """
    done = cache_folder() / f"{kernel}-{dtype}.compiled"
    if not done.exists():
        print(f"compiling the kernel of {kernel} for {dtype}, once (some 20 s) …", file=sys.stderr, flush=True)
    yield
    done.touch()
