"""What a class can be configured with: its constructor's keyword arguments, types, defaults and texts."""

import functools
import inspect
import operator
import types
import typing
from collections.abc import Container, Mapping
from typing import Any, NamedTuple

import docstring_parser
import numpy as np

from .errors import FoveateError, check_choice, plain_number, shortened, unknown


class Option(NamedTuple):
    """One keyword argument of a constructor."""

    name: str
    type: Any
    default: Any  # inspect.Parameter.empty where it must be given
    help: str


def constructor_options(cls: type) -> dict[str, Option]:
    """The keyword arguments of a class, in order, those that it hands on to its base by ``**kwargs`` included.

    A class may name others that it hands its ``**kwargs`` to in `configures` (a registry stands for all that is in it);
    of those, arguments with a default count, but for those named in `withheld`. One that has another default in another
    of these classes is None by default, which is each class's own (see `own_arguments`).

    The texts come from the ``Args:`` or ``Arguments:`` of the docstrings of the class and of its constructor.
    """
    options = _constructor_options(cls, configured_classes(cls))
    return {name: option._replace(type=_named_now(option.type)) for name, option in options.items()}


class OneOf:
    """An option's values are the names in a registry, those that are added later, too: ``Annotated[str, OneOf(X)]``.

    Args:
        registry: whose names are allowed.
        without: but for this one.
    """

    def __init__(self, registry: Mapping[str, object], without: str = ""):
        self.registry, self.without = registry, without

    def names(self) -> tuple[str, ...]:
        """The names that are allowed now."""
        return tuple(name for name in self.registry if name != self.without)


def _named_now(hint: Any) -> Any:
    """An annotation with the names of today instead of `OneOf`."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return functools.reduce(operator.or_, map(_named_now, typing.get_args(hint)))
    if typing.get_origin(hint) is typing.Annotated:
        for each in hint.__metadata__:
            if isinstance(each, OneOf):
                return typing.Literal[each.names()]
    return hint


def configured_classes(cls: type) -> tuple[type, ...]:
    """The classes that a class hands its ``**kwargs`` to, by its `configures`: classes, and registries of them."""
    found: list[type] = []
    for each in getattr(cls, "configures", ()):
        found += each.values() if isinstance(each, Mapping) else [each]
    return tuple(found)


@functools.cache  # parsing the docstrings takes longer than making a small environment
def _constructor_options(cls: type, configured: tuple[type, ...]) -> Mapping[str, Option]:
    options: dict[str, Option] = {}
    for base in cls.__mro__:
        init = base.__dict__.get("__init__")
        if init is None:
            continue
        hints = typing.get_type_hints(init, include_extras=True)
        texts = {**_parameter_texts(base.__doc__), **_parameter_texts(init.__doc__)}
        parameters = list(inspect.signature(init).parameters.values())[1:]
        for p in parameters:
            if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in options:
                options[p.name] = Option(p.name, hints.get(p.name, Any), p.default, texts.get(p.name, ""))
            elif p.name in options and not options[p.name].help:
                options[p.name] = options[p.name]._replace(help=texts.get(p.name, ""))
        elsewhere = "configures" in base.__dict__ and configured
        if not any(p.kind is p.VAR_KEYWORD for p in parameters) or elsewhere:
            break  # what it takes beyond its own goes to no base, or to the classes in `configures`
    options |= _configured(configured, {*options, *getattr(cls, "withheld", ())})
    # a subclass, or who configures another class, may change a default and need not repeat the text
    for base in (*cls.__mro__, *(base for other in configured for base in other.__mro__)):
        texts = _parameter_texts(base.__doc__)
        for name, option in options.items():
            if not option.help and name in texts:
                options[name] = option._replace(help=texts[name])
    return options


def _configured(classes: tuple[type, ...], hidden: Container[str]) -> dict[str, Option]:
    """The options of configured classes, but for hidden ones."""
    options: dict[str, Option] = {}
    for other in classes:
        for name, option in _constructor_options(other, configured_classes(other)).items():
            if name in hidden or option.default is inspect.Parameter.empty:
                continue
            known = options.setdefault(name, option)
            if known.default != option.default:
                options[name] = known._replace(type=known.type | None, default=None)
    return options


def own_arguments(cls: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of several classes' arguments that are this one's; None, where the class's own default is another, is that.

    Args:
        cls: one of the classes in some `configures`.
        given: arguments of all of them.
    """
    known = constructor_options(cls)
    mine = {name: value for name, value in given.items() if name in known}
    return {name: value for name, value in mine.items() if value is not None or known[name].default is None}


def _parameter_texts(doc: str | None) -> dict[str, str]:
    if not doc:
        return {}
    doc = inspect.cleandoc(doc).replace("\nArguments:\n", "\nArgs:\n")
    parsed = docstring_parser.parse(doc, docstring_parser.DocstringStyle.GOOGLE)
    return {p.arg_name: " ".join((p.description or "").split()) for p in parsed.params}


def divide_options(given: Mapping[str, Any], kind: str, *classes: type) -> list[dict[str, Any]]:
    """The keyword arguments for the constructor of each class.

    Args:
        given: arguments of all of them.
        kind: what errors call the receiver.
        *classes: no two of which may have an option in common.

    Raises:
        FoveateError: no class has an option of that name.
    """
    known = [constructor_options(cls) for cls in classes]
    for name in given:
        if not any(name in options for options in known):
            raise unknown(f"{kind} option", name, [name for options in known for name in options])
    return [{name: value for name, value in given.items() if name in options} for options in known]


def check_options(cls: type, given: Mapping[str, Any], kind: str) -> None:
    """Raise a FoveateError, with a hint, where `given` has a name that the class's constructor lacks."""
    allowed = constructor_options(cls)
    for name in given:
        if name not in allowed:
            raise unknown(f"{kind} option", name, allowed)


def plain_arguments(cls: type, given: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Arguments for a class's constructor as its annotations want them: numbers, flags and words as Python's own.

    Here pass the arguments of all worlds, so a number of NumPy's is told apart from one of Python's nowhere else.

    Args:
        cls: whose constructor takes them.
        given: the arguments by name.
        kind: what errors call the receiver.

    Raises:
        FoveateError: the constructor has no argument of a name, or a value is of another type.
    """
    check_options(cls, given, kind)
    allowed = constructor_options(cls)
    return {name: plain(name, value, allowed[name].type) for name, value in given.items()}


def plain(name: str, value: Any, hint: Any) -> Any:
    """A value as an annotation wants it; where it says more than a plain type, the value itself.

    Args:
        name: what the message calls it.
        value: what was given.
        hint: the annotation, such as ``int``, ``float | None`` or ``Literal["a", "b"]``.

    Raises:
        FoveateError: the value is of another type.
    """
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    hints = typing.get_args(hint) if is_union else (hint,)
    if value is None and type(None) in hints:
        return None
    hints = [each for each in hints if each is not type(None)]
    if len(hints) != 1:
        return value
    (hint,) = hints
    words = typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()
    if words and all(isinstance(word, str) for word in words):
        return check_choice(name, value, words)
    if hint in (int, float):
        return plain_number(name, value, whole=hint is int)
    if hint is bool:
        if not isinstance(value, (bool, np.bool_)):
            raise FoveateError(f"{name}={shortened(value)} is not allowed: it must be True or False.")
        return bool(value)
    if hint is str:
        if not isinstance(value, str):
            raise FoveateError(f"{name}={shortened(value)} is not allowed: it must be a string.")
        return str(value)
    return value
