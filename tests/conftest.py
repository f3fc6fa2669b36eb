"""What all tests share: one thread, no display, our ids."""

import importlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import gymnasium as gym
import pytest
import torch
from filelock import FileLock

sys.path.insert(0, str(Path(__file__).parent))  # the helper modules beside this file

import shape_checks
from idx_files import write_data_set

shape_checks.install()

import foveate  # noqa: E402
from foveate.agents.nn.attention import ATTENTIONS  # noqa: E402
from foveate.agents.nn.cores import CORES  # noqa: E402
from foveate.envs.glimpse import data  # noqa: E402

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


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the user's own; their modules, and what they register, are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    modules = set(sys.modules)
    registries: list[dict] = [foveate.agents.AGENTS, ATTENTIONS, CORES]
    before = [set(registry) for registry in registries]
    yield tmp_path
    for name in [name for name in gym.registry if name.startswith(("Mine/", "Their/"))]:
        del gym.registry[name]
    for registry, known in zip(registries, before, strict=True):
        for name in set(registry) - known:
            del registry[name]
    for name in set(sys.modules) - modules:
        # of another test's folder, too, which a command left on the path
        if tmp_path.parent in Path(str(getattr(sys.modules[name], "__file__", None))).parents:
            del sys.modules[name]


@pytest.fixture(scope="session")
def with_fashion(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the environment lacks for Fashion-MNIST to be found: nothing, or where noise stands in for it."""
    if data.DEBIAN_FASHION.exists():
        return {}
    root = tmp_path_factory.mktemp("data")
    (root / "fashion-mnist").mkdir()
    write_data_set(root / "fashion-mnist", train=200, test=100, size=28, classes=10)
    return {"FOVEATE_DATA": str(root)}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, with_fashion: dict[str, str]) -> Path:
    """The documentation site, built once for all workers: its pages in source/, and html/."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with FileLock(f"{shared}.lock"):
        if not (shared / "built").exists():
            build = [sys.executable, str(ROOT / "docs" / "site" / "build.py"), "--out", str(shared)]
            env = {**os.environ, **with_fashion, "OMP_NUM_THREADS": "1"}
            done = subprocess.run(build, capture_output=True, text=True, env=env)
            assert done.returncode == 0, done.stderr
            (shared / "built").touch()
    return shared


@pytest.fixture
def display() -> Iterator[str]:
    """A screen of its own (Xvfb), as DISPLAY names it."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    read, write = os.pipe()
    process = subprocess.Popen(
        # without -noreset it starts anew when its last client leaves, and turns away who comes just then
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24", "-noreset"],
        pass_fds=[write], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    number = os.read(read, 16).decode().strip()
    time.sleep(0.2)
    yield f":{number}"
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def bench() -> Iterator[SimpleNamespace]:
    """The modules of benchmarks/, which find each other as they do when one of them is run."""
    names = (
        "aims",
        "turns",
        "performance",
        "curves",
        "peers",
        "peers_install",
        "growth",
        "rows_peers",
        "rows_growth",
        "run_jobs",
        "gpu",
        "hopfield",
        "learning",
        "scores",
        "settings",
        "flares",
        "paths",
        "wiring",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        before = set(sys.modules)
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(ROOT / "benchmarks")):
                del sys.modules[name]
