"""Annotations say shapes, the tests check them, and a run does not."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import jaxtyping
import pytest
import torch
from shape_checks import CHECKED
from torch import Tensor

from foveate.agents.nn.attention.content import content_weights
from foveate.agents.nn.cores import GRU
from foveate.agents.nn.cores.addressing import erase_and_add
from foveate.envs.glimpse.retina import boxes

UNCHECKED = "import torch; from foveate.envs.glimpse.retina import tile_centres; tile_centres(torch.zeros(2), 3)"


def modules() -> Iterator[ModuleType]:
    for name in CHECKED:
        module = importlib.import_module(name)
        yield module
        for found in pkgutil.walk_packages(getattr(module, "__path__", []), f"{name}."):
            yield importlib.import_module(found.name)


def test_public_functions_of_tensors_say_their_shapes() -> None:
    bare = [
        f"{module.__name__}.{name}"
        for module in modules()
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if any(hint is Tensor for hint in function.__annotations__.values())
    ]
    assert bare == []


def test_wrong_shapes_and_kinds_are_caught_here() -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        content_weights(torch.zeros(2, 3, 4), torch.zeros(2, 4))
    with pytest.raises(jaxtyping.TypeCheckError):
        erase_and_add(torch.zeros(1, 4, 3), torch.zeros(1, 1, 4), torch.zeros(1, 1, 4), torch.zeros(1, 1, 3))
    with pytest.raises(jaxtyping.TypeCheckError):
        boxes(torch.zeros(2, 2).long(), 8, 2, (9, 9))
    core = GRU(3, 4)
    with pytest.raises(jaxtyping.TypeCheckError):
        core(torch.zeros(5, 2, 3), core.initial_state(2), torch.zeros(5, 3, dtype=torch.bool))


def test_a_run_checks_nothing() -> None:
    """Tiles whose numbers are no integers are refused here, and go through to torch where no hook was set."""
    with pytest.raises(jaxtyping.TypeCheckError):
        exec(UNCHECKED)
    ran = subprocess.run([sys.executable, "-c", UNCHECKED], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
