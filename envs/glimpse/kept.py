"""Arrays that take long to read, kept as NumPy files in the user's cache folder; what lies there is never trusted."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np


def cache_folder() -> Path:
    """Where such files lie: ``$XDG_CACHE_HOME/foveate``, or ``~/.cache/foveate``."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "foveate"


def digest(array: np.ndarray) -> str:
    """The SHA-256 of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def kept_array(name: str, shape: tuple[int, ...], sha256: str, read: Callable[[], np.ndarray]) -> np.ndarray:
    """Bytes of known content: from the cache if they are there, else read, and kept for the next time.

    Args:
        name: of the file.
        shape: of the array, uint8.
        sha256: of the content; what differs is neither kept nor taken from the cache.
        read: the slow way.
    """
    try:
        path = cache_folder() / f"{name}.npy"
    except RuntimeError:  # nobody's home
        return read()
    kept = _load(path, shape)
    if kept is not None and digest(kept) == sha256:
        return kept
    array = read()
    if array.shape == shape and array.dtype == np.uint8 and digest(array) == sha256:
        _save(path, array)
    return array


def _load(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The array of a file of the right size; None where there is none."""
    most = int(np.prod(shape)) + 1024  # the header's share
    try:
        if not path.is_file() or path.stat().st_size > most:
            return None
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    right = isinstance(array, np.ndarray) and array.shape == shape and array.dtype == np.uint8
    return array if right else None


def _save(path: Path, array: np.ndarray) -> None:
    """Write a file whole or not at all; a folder that can't be written to costs time, not the data."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npy", delete=False) as file:
            temporary = Path(file.name)
            try:
                np.save(file, array, allow_pickle=False)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise
        os.replace(temporary, path)
    except OSError:
        return
