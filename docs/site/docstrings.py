"""A Sphinx extension: our docstrings as reStructuredText, and types as links to where they are public."""

import importlib
import re
from typing import Any

from api_pages import PACKAGES, public_names
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

_NAME = re.compile(r"(?<![`:\w])`([^`\n]+)`(?!`)")


def as_literals(app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Put names, which stand in single backticks, into double ones, line by line and in place.

    Args:
        app: Sphinx.
        what: the kind of object.
        name: its full name.
        obj: it.
        options: of the directive.
        lines: of the docstring.
    """
    lines[:] = [as_restructured(line) for line in lines]


def as_restructured(line: str) -> str:
    """A line of a docstring in which nothing but code is markup: (B, *shape) and |J| mean themselves."""
    pieces = re.split(r"(``[^`]+``)", _NAME.sub(r"``\1``", line))
    for i in range(0, len(pieces), 2):
        pieces[i] = re.sub(r"(?<![\w*\\])(\*(?=\w)|\|)", r"\\\1", pieces[i])
        if i and re.match(r"\w", pieces[i]):  # a letter that follows at once, as in `Box`es
            pieces[i] = "\\ " + pieces[i]
    return re.sub(r"^(\s*\w+: )([A-Z]\.)$", r"\1\\\2", "".join(pieces))  # "B." alone begins no list


def public_home(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """A link to the public name of a class that an annotation names by the module that defines it.

    Args:
        app: Sphinx.
        env: what it has read.
        node: the reference that leads nowhere.
        content: its text.
    """
    target = PUBLIC.get(node.get("reftarget", ""))
    if target is None or node.get("refdomain") != "py":
        return None
    domain = env.domains["py"]
    return domain.resolve_xref(env, node["refdoc"], app.builder, "class", target, node, content)


def _public() -> dict[str, str]:
    homes = {}
    for name in PACKAGES:
        package = importlib.import_module(name)
        for public in public_names(package):
            value = getattr(package, public)
            if isinstance(value, type) and value.__module__ != name:
                homes.setdefault(f"{value.__module__}.{value.__qualname__}", f"{name}.{public}")
    return homes


PUBLIC = _public()


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to what autodoc reads, and to what isn't found."""
    app.connect("autodoc-process-docstring", as_literals, priority=400)
    app.connect("missing-reference", public_home)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
