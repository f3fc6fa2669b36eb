"""foveate: reinforcement-learning environments and agents for attention and memory.

Importing this package registers every environment with Gymnasium; agents and wrappers load on first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

from . import envs  # importing it registers them
from .errors import FoveateError

__version__ = "0.1.0"
__all__ = ["FoveateError", "agents", "envs", "wrappers"]

if TYPE_CHECKING:
    from . import agents, wrappers


def __getattr__(name: str) -> Any:
    if name in ("agents", "wrappers"):  # they bring torch's and Stable-Baselines3's weight with them
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
