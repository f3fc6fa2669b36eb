"""What is computed when it is first asked for: much of what a step could tell is asked for by nobody."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from ..tree import outside_inference

T = TypeVar("T")
L = TypeVar("L", bound="Later")


class Later(Generic[T]):
    """A value that is made at the first call, and kept.

    Args:
        make: makes it.
    """

    def __init__(self, make: Callable[[], T]):
        self._make: Callable[[], T] | None = make

    def __call__(self) -> T:
        """The value."""
        if self._make is not None:
            make, self._make = self._make, None  # and lets go of what it holds
            self._value = _made(make)
        return self._value


@outside_inference
def _made(make: Callable[[], T]) -> T:
    return make()


class Waiting:
    """Values that are yet to be made of something that will change."""

    def __init__(self) -> None:
        self._values: WeakSet[Later] = WeakSet()

    def __reduce__(self) -> tuple[type["Waiting"], tuple[()]]:
        """For pickle and copy: whoever asks stays here."""
        return Waiting, ()

    def add(self, later: L) -> L:
        """One more, for as long as somebody holds it; returns it."""
        self._values.add(later)
        return later

    def settle(self) -> None:
        """Make all that somebody still holds, before the change."""
        while self._values:
            self._values.pop()()


class LaterDict(dict[str, object]):
    """A dict whose entries are made when somebody first asks it anything.

    Then it is a dict like any other: it can be read, written and unpacked; copies and pickles of it are plain ones.

    Args:
        make: makes the entries.
    """

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[], dict[str, object]]):
        super().__init__({"": None})  # not empty, for those in C who look at the number of entries without asking
        self._make: Callable[[], dict[str, object]] | None = make

    def fill(self) -> None:
        """Make the entries, unless they are there."""
        if self._make is not None:
            make, self._make = self._make, None
            dict.clear(self)
            dict.update(self, make())

    def __reduce_ex__(self, _protocol: object) -> tuple[type[dict], tuple[dict[str, object]]]:
        return dict, (self.copy(),)


def _asking(name: str) -> Callable[..., Any]:
    """A dict's method that makes the entries first."""
    method = getattr(dict, name)

    def asked(self: LaterDict, *arguments: Any, **more: Any) -> Any:
        self.fill()
        return method(self, *arguments, **more)

    asked.__name__, asked.__doc__ = name, method.__doc__
    return asked


_SILENT = {"__init__", "__new__", "__getattribute__", "__class_getitem__", "fromkeys", "__hash__", "__doc__"}
for _name in set(vars(dict)) - _SILENT:
    setattr(LaterDict, _name, _asking(_name))
