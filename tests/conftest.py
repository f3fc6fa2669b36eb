"""What all tests share: one thread, no display, our ids."""

import os
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))  # the helper modules beside this file

import shape_checks

shape_checks.install()

import foveate  # noqa: E402

torch.set_num_threads(1)
os.environ.pop("FOVEATE_DATA", None)

ROOT = Path(__file__).resolve().parent.parent
assert foveate.__version__


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `gpu` need a GPU; those marked `compiles` come first."""
    items.sort(key=lambda item: item.get_closest_marker("compiles") is None)
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return ROOT
