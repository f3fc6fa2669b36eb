"""A process that compiles a kernel computes what a process computes that finds it in the cache, bit for bit."""

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from foveate.agents.nn import kernels as of_cores
from foveate.envs import kernels as of_worlds

WHERE = """
import importlib, sys
from numba.core.registry import CPUDispatcher
from foveate.agents.nn import kernels
from foveate.agents.nn.kernels import cache

for name in (sys.argv[1], "ntm", "dnc", "gru", "lstm"):
    importlib.import_module(f"{kernels.__name__}.{name}")
home = str(cache.compiled_into_cache.__self__.sources)
found = {f for name, module in sys.modules.items() if name.startswith(kernels.__name__)
         for f in vars(module).values() if isinstance(f, CPUDispatcher) and f.targetoptions.get("cache", True)}
places = {f.stats.cache_path for f in found if f.stats.cache_path}
assert places and not any(place.startswith(home) for place in places), places
"""
COMPUTE = """
import sys, torch
from foveate.agents.nn.cores import make_core

torch.set_num_threads(1)
torch.manual_seed(0)
core = make_core(sys.argv[1], 9, 16)
x, starts = torch.randn(20, 8, 9, requires_grad=True), torch.zeros(20, 8, dtype=torch.bool)
y = core(x, core.initial_state(8), starts).y
(y * torch.randn_like(y)).sum().backward()
found = [y.detach(), x.grad, *(p.grad for p in core.parameters())]
torch.save(found, sys.argv[2])
"""


def modules(package) -> list:
    return [importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]


@pytest.mark.parametrize("package", [of_cores, of_worlds], ids=lambda package: package.__name__)
def test_functions_that_may_round_freely_become_a_part_of_their_caller(package) -> None:
    """Else the process that compiles them calls each by itself, one that loads their caller what is copied into that.

    Both are right, and round differently, so a run that is resumed would not go on bit for bit.
    """
    from numba.core.registry import CPUDispatcher

    found = {f for module in modules(package) for f in vars(module).values() if isinstance(f, CPUDispatcher)}
    assert found
    for function in found:
        options = function.targetoptions
        free = options.get("fastmath", False)
        assert not free or options.get("forceinline"), function


@pytest.mark.nightly  # compiles for a minute
@pytest.mark.parametrize("core", ["ntm", "dnc"])
def test_kernels_that_were_just_compiled_round_as_those_of_the_cache(core: str, tmp_path: Path) -> None:
    results = []
    for name in ("compiled", "loaded"):
        words = [sys.executable, "-c", COMPUTE, core, str(tmp_path / name)]
        subprocess.run(words, check=True, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")})
        results.append(torch.load(tmp_path / name, weights_only=True))
    for compiled, loaded in zip(*results, strict=True):
        assert torch.equal(compiled, loaded)


@pytest.mark.parametrize("first", ["ntm", "dnc", "gru", "lstm"])
def test_whichever_kernel_is_wanted_first_all_are_kept_in_the_cache_folder(first: str, tmp_path: Path) -> None:
    settings = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", WHERE, first], env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
