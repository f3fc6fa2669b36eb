"""Command-line options from dataclasses and constructors, read by tyro."""

import dataclasses
import inspect
import types
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ..errors import FoveateError
from ..introspect import Option

_SIMPLE = (int, float, str, bool, Path)


def is_typed(annotation: Any) -> bool:
    """Whether a value of this type can be written on a command line."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return all(part is type(None) or is_typed(part) for part in typing.get_args(annotation))
    if origin in (tuple, list):
        return all(part is Ellipsis or is_typed(part) for part in typing.get_args(annotation))
    return origin is Literal or annotation in _SIMPLE


def dataclass_of(name: str, options: dict[str, Option], values: dict[str, Any]) -> type:
    """A dataclass with a field for each option that a command line can hold.

    Args:
        name: of the class.
        options: from `constructor_options`.
        values: defaults that differ from the constructor's; a name that isn't an option is an error.
    """
    fields: list[tuple] = []
    for option in options.values():
        kind = option.type
        default = values.get(option.name, option.default)
        if kind is Any and default is not inspect.Parameter.empty:
            kind = type(default)
        if not is_typed(kind) or default is inspect.Parameter.empty:
            continue
        if isinstance(default, list):
            default = tuple(default)
        # tyro reads % as its own formatting in no place, but argparse's help does
        help_text = option.help.replace("%", "%%")
        fields.append((option.name, Annotated[kind, tyro.conf.arg(help=help_text)], dataclasses.field(default=default)))
    return dataclasses.make_dataclass(name, fields)


def parse(options_class: type, arguments: list[str], prog: str, description: str) -> Any:
    """Read the arguments; tyro prints help and errors, with the closest option's name, and exits."""
    return tyro.cli(options_class, args=arguments, prog=prog, description=description)


def take(arguments: list[str], flag: str, many: bool = False) -> tuple[list[str], list[str]]:
    """Take ``--flag VALUE`` (or ``--flag=VALUE``) out of a list of arguments, before the rest is read.

    Returns:
        The values found, and the arguments without them.
    """
    values, rest, i = [], [], 0
    while i < len(arguments):
        word = arguments[i]
        if word == flag:
            if i + 1 >= len(arguments) or arguments[i + 1].startswith("--"):
                raise FoveateError(f"{flag} needs a value.")
            values.append(arguments[i + 1])
            i += 2
            continue
        if word.startswith(f"{flag}="):
            values.append(word.partition("=")[2])
        else:
            rest.append(word)
        i += 1
    if len(values) > 1 and not many:
        raise FoveateError(f"{flag} is given {len(values)} times: {', '.join(values)}.")
    return values, rest
