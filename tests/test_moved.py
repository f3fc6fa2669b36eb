"""What 0.1 called things goes on working for one version, with a warning."""

import importlib
import warnings

import pytest

import foveate
from foveate.moved import MODULES, NAMES


@pytest.mark.parametrize("old", MODULES)
def test_a_module_is_found_by_its_old_name(old: str) -> None:
    name = f"foveate.{old}"
    with pytest.warns(DeprecationWarning, match=f"{name} is now foveate.{MODULES[old]}"):
        module = importlib.reload(importlib.import_module(name))
    now = importlib.import_module(f"foveate.{MODULES[old]}")
    assert all(getattr(module, name) is getattr(now, name) for name in dir(now) if not name.startswith("__"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_found_where_its_module_was(name: str) -> None:
    import foveate.envs.face as old

    assert getattr(old, name) is not None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_module_inside_a_moved_package_is_the_one_that_is_there_now() -> None:
    import foveate.agents.cores.ntm as old
    from foveate.agents.nn.cores import ntm

    assert old.NTM is ntm.NTM


def test_what_never_was_is_not_found() -> None:
    for name in ("foveate.agents.coresx", "foveate.agents.cores.nothing", "foveate.nothing"):
        with pytest.raises(ModuleNotFoundError, match=name):
            importlib.import_module(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not hasattr(foveate, "nothing")
