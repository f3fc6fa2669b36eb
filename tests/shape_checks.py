"""The shapes in annotations, checked while the tests run: an import hook wraps the annotated functions.

Outside the tests the annotations are only read, never checked. Only tensors are checked; that the other types fit is
pyright's business.
"""

import types
import typing
from collections.abc import Callable
from pathlib import Path

from beartype import beartype
from jaxtyping import AbstractArray, install_import_hook

NN = Path(__file__).resolve().parents[1] / "agents" / "nn"
# all of nn but the kernels, which numba compiles from their plain functions
ROOMS = sorted(
    path.stem for path in NN.iterdir() if path.suffix in ("", ".py") and path.stem not in ("__pycache__", "kernels")
)
CHECKED = [*(f"foveate.agents.nn.{room}" for room in ROOMS if room != "__init__"), "foveate.envs.glimpse.retina"]


def install() -> None:
    """Check what is imported from now on."""
    install_import_hook(CHECKED, f"{__name__}.checker")


def checker(function: Callable) -> Callable:
    """The function with those of its arguments and results checked whose annotations give shapes."""
    shaped = {name: hint for name, hint in function.__annotations__.items() if _has_shape(hint)}
    if not shaped or not isinstance(function, types.FunctionType):
        return function
    copy = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__, copy.__annotations__ = function.__kwdefaults__, shaped
    copy.__module__, copy.__qualname__, copy.__doc__ = function.__module__, function.__qualname__, function.__doc__
    return beartype(copy)


def _has_shape(hint: object) -> bool:
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return True
    return any(_has_shape(part) for part in typing.get_args(hint))
