"""Where the machine code of numba's kernels lies: each is compiled once for a machine and not once a process."""

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
def cache_folder(sources: Path) -> Path:
    """The folder for these sources and this numba: numba itself would not notice that a module it imports has changed.

    Args:
        sources: the folder of the kernels' modules.
    """
    digest = hashlib.sha256(version("numba").encode())
    for source in sorted(sources.glob("*.py")):
        digest.update(source.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "foveate" / "kernels" / digest.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # nothing can be written there: compiled anew by the next process, then
        return Path(tempfile.mkdtemp(prefix="foveate-kernels-"))


class KernelCache:
    """The machine code of the kernels of one package.

    Args:
        sources: the folder of their modules.
    """

    def __init__(self, sources: Path):
        self.sources = sources

    @contextmanager
    def imports(self) -> Iterator[None]:
        """While modules with kernels are imported: numba keeps their machine code in `cache_folder`."""
        import numba

        config: Any = numba.config
        before = config.CACHE_DIR
        config.CACHE_DIR = str(cache_folder(self.sources))
        try:
            yield
        finally:
            config.CACHE_DIR = before

    @contextmanager
    def said_once(self, kernel: str, dtype: str) -> Iterator[None]:
        """Around the first call of a kernel in a process: says so where it has to be compiled first.

        Processes that begin together wait for the one that compiles, instead of compiling all the same.

        Args:
            kernel: its name.
            dtype: the type that it is compiled for.
        """
        done = cache_folder(self.sources) / f"{kernel}-{dtype}.compiled"
        if done.exists():
            yield
            return
        from filelock import FileLock  # only where something is compiled

        print(f"compiling the kernel of {kernel} for {dtype}, once (up to a minute) …", file=sys.stderr, flush=True)
        with FileLock(done.with_suffix(".lock")):
            yield
        done.touch()
