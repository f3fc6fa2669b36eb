"""Names that lie elsewhere now: they go on working for one version, with a warning."""

import importlib
import warnings
from collections.abc import Mapping


def moved(module: str, name: str, homes: Mapping[str, str]) -> object:
    """What a module's ``__getattr__`` returns for a name that it once had.

    Args:
        module: its ``__name__``.
        name: what it is asked for.
        homes: where each name is now: a module of foveate, or a module and a name in it behind a colon.

    Raises:
        AttributeError: the module never had such a name.
    """
    if name not in homes:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    home, _, inside = homes[name].partition(":")
    place = ".".join(["foveate", home, *([inside] if inside else [])])
    warnings.warn(f"{module}.{name} is now {place}.", DeprecationWarning, stacklevel=3)
    found = importlib.import_module(f"foveate.{home}")
    return getattr(found, inside) if inside else found
