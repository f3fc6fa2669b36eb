"""Where hostile files are tried, and the memory that this may take."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

MOST_MEMORY = 700 * 2**20  # that all cases together may add: a single one took up to 11 GB


@pytest.fixture(scope="module")
def little_memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST_MEMORY


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A working directory with what no file may reach: a module that tells of its import, and a folder outside."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "evil.py").write_text("open('exploded', 'w')")
    outside = tmp_path / "outside"
    outside.mkdir()
    for stem in ("train-images-idx3-ubyte", "keep"):
        (outside / stem).write_bytes(b"\0\0\x08\1\0\0\0\1\1")
    return here
