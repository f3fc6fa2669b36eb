"""Typed options of a command line from dataclasses and constructors, read by tyro."""

import contextlib
import dataclasses
import decimal
import inspect
import io
import re
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tyro

from ..errors import FoveateError
from ..introspect import Option

Parsed = TypeVar("Parsed")
_SIMPLE = (int, float, str, bool, Path)


def is_typed(annotation: object) -> bool:
    """Whether a value of this type can be written on a command line."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return all(part is type(None) or is_typed(part) for part in typing.get_args(annotation))
    if origin in (tuple, list):
        return all(part is Ellipsis or is_typed(part) for part in typing.get_args(annotation))
    return origin is Literal or annotation in _SIMPLE


def dataclass_of(name: str, options: Mapping[str, Option], values: Mapping[str, object]) -> type:
    """A dataclass with a field for each option that a command line can hold.

    Args:
        name: of the class.
        options: from `constructor_options`.
        values: defaults that differ from the constructor's.
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


def part(name: str, default: object, about: str) -> tuple:
    """A field for `dataclasses.make_dataclass`: options below one name, as in ``--env.size``.

    Args:
        name: before the dot.
        default: a dataclass with its values; each parse gets a copy.
        about: its help.
    """
    kind = Annotated[type(default), tyro.conf.arg(help=about)]
    return name, kind, dataclasses.field(default_factory=lambda: dataclasses.replace(typing.cast(Any, default)))


@contextlib.contextmanager
def in_one_sentence(what: str) -> Iterator[None]:
    """Within, whatever is wrong with options is a FoveateError that says where, for words that nobody typed just now.

    Args:
        what: whose words they are.

    Raises:
        FoveateError: they can't be used.
    """
    text = io.StringIO()
    try:
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            yield
    except FoveateError as error:
        raise FoveateError(f"{what}: {error}") from error
    except SystemExit as error:  # tyro's: a title, a rule, what is wrong, a rule and help, perhaps in a frame
        lines = [line.strip(" │") for line in text.getvalue().splitlines()]
        rules = [number for number, line in enumerate(lines) if line and not re.search(r"[^─\-╭╮╰╯├┤ ]", line)]
        first = rules[0] if rules and rules[0] > 0 and lines[0][:1] not in "╭" else 0
        end = next((number for number in rules if number > first), len(lines))
        said = " ".join(line for line in lines[first + 1 : end] if line)
        raise FoveateError(f"{what}: {said or 'its options cannot be read'}") from error


_REGISTRY = tyro.constructors.ConstructorRegistry()


@_REGISTRY.primitive_rule
def _whole(info: tyro.constructors.PrimitiveTypeInfo) -> tyro.constructors.PrimitiveConstructorSpec[int] | None:
    """Whole numbers may be written as 1e6 or 1_000_000."""
    if info.type is not int:
        return None

    def read(words: list[str]) -> int:
        try:
            number = decimal.Decimal(words[0])
        except decimal.InvalidOperation as error:
            raise ValueError(f"{words[0]} is no whole number") from error
        if not number.is_finite() or number.adjusted() > 30 or number != number.to_integral_value():
            raise ValueError(f"{words[0]} is no whole number")
        return int(number)

    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT",
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, int),
        str_from_instance=lambda value: [str(value)],
    )


def parse(options_class: type[Parsed], arguments: list[str], prog: str, description: str) -> Parsed:
    """Read the arguments; tyro prints help and errors, with the closest option's name, and exits.

    Args:
        options_class: a dataclass.
        arguments: the words.
        prog: what the usage line begins with.
        description: one line about the command.
    """
    return tyro.cli(options_class, args=arguments, prog=prog, description=description, registry=_REGISTRY)
