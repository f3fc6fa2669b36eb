"""Modules by the names of parts, whatever a user called these, and modules that count updates."""

from collections.abc import ItemsView, Iterator, KeysView, Mapping
from typing import Protocol, runtime_checkable
from urllib.parse import unquote

from torch import nn

_RESERVED = frozenset(vars(nn.Module()))  # what every module sets on itself, such as "training"


@runtime_checkable
class CountsUpdates(Protocol):
    """A module that is another after so many updates."""

    def count_update(self) -> None:
        """Called by who trains it, behind each step of the optimiser."""
        ...


class Parts(nn.ModuleDict):
    """A ModuleDict that takes any name.

    PyTorch's own refuses the names of its attributes ("type", "to", "values"), names with a dot and the empty one.
    Weights are called after their part; only where a name can't be a module's, as one with a dot, some letters are
    written as in an address ("arm.left" is "arm%2Eleft").

    Args:
        modules: by name.
    """

    def __init__(self, modules: Mapping[str, nn.Module]):
        super().__init__()
        for name, module in modules.items():
            self[name] = module

    def __getitem__(self, key: str) -> nn.Module:
        module = self._modules[_stored(key)]
        assert module is not None
        return module

    def __setitem__(self, key: str, module: nn.Module) -> None:
        self._modules[_stored(key)] = module  # as ModuleDict does, after it has refused a name

    def __delitem__(self, key: str) -> None:
        del self._modules[_stored(key)]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and _stored(key) in self._modules

    def __iter__(self) -> Iterator[str]:
        return map(unquote, self._modules)

    def keys(self) -> KeysView[str]:
        return dict.fromkeys(self).keys()

    def items(self) -> ItemsView[str, nn.Module]:
        return {name: self[name] for name in self}.items()


def _stored(name: str) -> str:
    """The name of the module that stands for a part."""
    if name in _RESERVED:
        return f"%{ord(name[0]):02X}{name[1:]}"
    return name.replace("%", "%25").replace(".", "%2E")
