"""Every public name can be listed, used and asked about, from ``import foveate`` alone."""

import importlib
import inspect
import pydoc
import subprocess
import sys

import pytest

PACKAGES = [
    "foveate",
    *(f"foveate.{room}" for room in ("agents", "analysis", "envs", "sb3", "viz", "wrappers", "wrappers.saliency")),
    *(f"foveate.envs.{family}" for family in ("glimpse", "memory", "multi", "probe", "sequence")),
    *(f"foveate.agents.nn{part}" for part in ("", ".attention", ".cores", ".heads")),
]


@pytest.mark.parametrize("package", PACKAGES)
def test_help_knows_every_public_name(package: str) -> None:
    module = importlib.import_module(package)
    names = [name for name in dir(module) if not name.startswith("__")]
    assert names
    assert set(getattr(module, "__all__", ())) <= set(names)
    assert pydoc.render_doc(module)
    for name in names:
        value = getattr(module, name)
        text = pydoc.render_doc(value, renderer=pydoc.plaintext)
        if inspect.isclass(value) or inspect.isfunction(value) or inspect.ismodule(value):
            assert value.__name__ in text
            assert inspect.getdoc(value), name


@pytest.mark.parametrize("package", PACKAGES)
def test_a_listing_shows_no_helpers(package: str) -> None:
    module = importlib.import_module(package)
    strangers = {"Any", "TYPE_CHECKING", "annotations", "importlib", "moved", "sys", "partial", "submodule"}
    assert not strangers & set(dir(module))


def test_everything_is_reached_by_dots_from_the_package() -> None:
    code = "import foveate\n" + "\n".join(f"{p}.__doc__; dir({p})" for p in reversed(PACKAGES))
    code += "\nhelp(foveate.envs.memory.Copy); assert 'agents' in dir(foveate)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
