"""Pieces of Markdown: tables, code, types as a reader would write them."""

import inspect
import re
import types
import typing
from collections.abc import Iterable, Sequence
from typing import Any

from foveate.introspect import Option


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; a bar within a cell stays one."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines) + "\n"


def _cell(content: object) -> str:
    return " ".join(re.sub(r"(?<!\\)\|", r"\\|", str(content)).split())


def block(language: str, code: str) -> str:
    """A block of code."""
    return f"```{language}\n{code.strip()}\n```\n"


def commands(*lines: str) -> str:
    """Lines for a terminal, indented as on the pages that are written by hand."""
    return "".join(f"    {line}\n" for line in lines)


def options_table(options: Iterable[Option], defaults: dict[str, Any] | None = None) -> str:
    """Arguments of a constructor: name, type, default and explanation.

    Args:
        options: as `foveate.introspect.constructor_options` gives them.
        defaults: what a preset sets instead of the constructor's own.
    """
    rows = []
    for option in options:
        value = (defaults or {}).get(option.name, option.default)
        default = "must be given" if value is inspect.Parameter.empty else f"`{value!r}`"
        if option.name in (defaults or {}):
            default = f"**{default}**"
        rows.append([f"`{option.name}`", f"`{type_text(option.type)}`", default, plain(option.help)])
    return table(["argument", "type", "default", "what it is"], rows)


def type_text(hint: Any) -> str:
    """An annotation as it is written."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(type_text(part) for part in parts)
    if origin is typing.Literal:
        return " | ".join(repr(part) for part in parts)
    if origin is typing.Annotated:
        return type_text(parts[0])
    if hint is type(None):
        return "None"
    if parts:
        return f"{origin.__name__}[{', '.join(type_text(part) for part in parts)}]"
    return getattr(hint, "__name__", str(hint).replace("typing.", "")) if hint is not Ellipsis else "…"


def plain(text: str) -> str:
    """A text whose asterisks, underscores and such are no markup; code in backticks stays code."""
    pieces = re.split(r"(``[^`]+``|`[^`]+`)", text)
    return "".join(f"`{p.strip('`')}`" if i % 2 else re.sub(r"([*_<$\[])", r"\\\1", p) for i, p in enumerate(pieces))


def file_name(name: str) -> str:
    """ReverseCopy -> reverse-copy."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def anchor(heading: str) -> str:
    """What a heading's anchor is called, here as on GitHub."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
