"""foveate: reinforcement-learning environments and agents for attention and memory.

Importing this package registers every environment with Gymnasium; agents and wrappers load on first use.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from . import envs  # importing it registers them
from .errors import FoveateError

__version__ = "0.1.0"
__all__ = ["FoveateError", "agents", "analysis", "envs", "sb3", "viz", "wrappers"]

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    from . import agents, analysis, sb3, viz, wrappers


class _MovedModules:
    """Finds modules by the names that they had in 0.1; asked where there is none of the name."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        if not name.startswith(f"{__name__}."):
            return None
        from . import moved

        return moved.find_spec(name)


if not any(getattr(finder, "__qualname__", "") == "_MovedModules" for finder in sys.meta_path):
    sys.meta_path.append(_MovedModules)


def __getattr__(name: str) -> Any:
    if name in __all__:  # the rooms bring Stable-Baselines3's and Matplotlib's weight with them
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
