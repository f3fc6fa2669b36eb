"""A Sphinx extension: our docstrings, whose names stand in single backticks, as reStructuredText."""

import re
from typing import Any

from sphinx.application import Sphinx

_NAME = re.compile(r"(?<![`:\w])`([^`\n]+)`(?!`)")


def as_literals(app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Put names into double backticks, line by line, in place.

    Args:
        app: Sphinx.
        what: the kind of object.
        name: its full name.
        obj: it.
        options: of the directive.
        lines: of the docstring.
    """
    # a letter may follow a name at once, as in `Box`es, which needs a break that isn't seen
    lines[:] = [_NAME.sub(r"``\1``\\ ", line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to what autodoc reads."""
    app.connect("autodoc-process-docstring", as_literals, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
