"""What a class can be configured with: its constructor's keyword arguments, types, defaults and texts."""

import functools
import inspect
import typing
from collections.abc import Mapping
from typing import Any, NamedTuple

import docstring_parser

from .errors import unknown


class Option(NamedTuple):
    """One keyword argument of a constructor."""

    name: str
    type: Any
    default: Any  # inspect.Parameter.empty where it must be given
    help: str


def constructor_options(cls: type) -> dict[str, Option]:
    """The keyword arguments of a class, in order, those that it hands on to its base by ``**kwargs`` included.

    A class may name others that it hands its ``**kwargs`` to in `configures`; of those, arguments with a default count,
    but for those named in `withheld`.

    The texts come from the ``Args:`` or ``Arguments:`` of the docstrings of the class and of its constructor.
    """
    return dict(_constructor_options(cls))


@functools.cache  # parsing the docstrings takes longer than making a small environment
def _constructor_options(cls: type) -> Mapping[str, Option]:
    options: dict[str, Option] = {}
    for base in cls.__mro__:
        init = base.__dict__.get("__init__")
        if init is None:
            continue
        hints = typing.get_type_hints(init)
        texts = {**_parameter_texts(base.__doc__), **_parameter_texts(init.__doc__)}
        parameters = list(inspect.signature(init).parameters.values())[1:]
        for p in parameters:
            if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in options:
                options[p.name] = Option(p.name, hints.get(p.name, Any), p.default, texts.get(p.name, ""))
            elif p.name in options and not options[p.name].help:
                options[p.name] = options[p.name]._replace(help=texts.get(p.name, ""))
        elsewhere = "configures" in base.__dict__ and getattr(cls, "configures", ())
        if not any(p.kind is p.VAR_KEYWORD for p in parameters) or elsewhere:
            break  # what it takes beyond its own goes to no base, or to the classes in `configures`
    for other in getattr(cls, "configures", ()):
        known = constructor_options(other)
        hidden = {*options, *getattr(cls, "withheld", ())}
        options |= {k: o for k, o in known.items() if k not in hidden and o.default is not inspect.Parameter.empty}
    # a subclass, or who configures another class, may change a default and need not repeat the text
    for base in (*cls.__mro__, *(base for other in getattr(cls, "configures", ()) for base in other.__mro__)):
        texts = _parameter_texts(base.__doc__)
        for name, option in options.items():
            if not option.help and name in texts:
                options[name] = option._replace(help=texts[name])
    return options


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


def check_options(cls: type, given: dict[str, Any], kind: str) -> None:
    """Raise a FoveateError, with a hint, where `given` has a name that the class's constructor lacks."""
    allowed = constructor_options(cls)
    for name in given:
        if name not in allowed:
            raise unknown(f"{kind} option", name, allowed)
