"""What a public function's docstring must say: its arguments where there are many, and what it raises."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MANY = 4  # from so many parameters on, each has a line under Args:
Function = tuple[ast.FunctionDef, bool]  # and whether it is a method


def public_functions(tree: ast.AST, in_class: bool = False) -> Iterator[Function]:
    """The functions and methods of a module whose names, and whose classes' names, have no underscore before them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node, in_class=True)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node, in_class


def missing(source: str) -> list[str]:
    """What docstrings lack, a line each: name, and Args: or Raises:."""
    lacking = []
    for node, method in public_functions(ast.parse(source)):
        doc = ast.get_docstring(node) or ""
        if method and not doc:  # the base class says it
            continue
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        many = len([a for a in given if a.arg not in ("self", "cls")]) >= MANY
        if many and "Args:" not in doc and "rguments as in" not in doc:
            lacking.append(f"{node.name} (line {node.lineno}): Args:")
        if raises(node) and "Raises:" not in doc and "Raise " not in doc:
            lacking.append(f"{node.name} (line {node.lineno}): Raises:")
    return lacking


def raises(function: ast.FunctionDef) -> bool:
    """Whether an error is raised in a function's own body (one that only says "write me" doesn't count)."""
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and node.exc is not None:
            text = ast.unparse(node.exc)
            if "Error" in text and "NotImplementedError" not in text:
                return True
    return False


def test_docstrings_say_what_is_given_and_what_is_raised(root: Path) -> None:
    rooms = ["viz", "envs", "agents", "wrappers", "analysis", "sb3", "cli", "benchmarks", "docs/site"]
    files = [*root.glob("*.py"), *(file for room in rooms for file in (root / room).rglob("*.py"))]
    # pieces of a kernel are public to each other alone; what they are given are the symbols of their equations
    files = [file for file in files if "kernels" not in file.parts]
    lacking = [f"{file.relative_to(root)}: {line}" for file in files for line in missing(file.read_text())]
    assert not lacking, "\n".join(lacking)


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('def f(a, b, c, d):\n    """Do."""', 1),
        ('def f(a, b, c, d):\n    """Do.\n\n    Args:\n        a: it.\n    """', 0),
        ('def f(a, b, c):\n    """Do."""', 0),
        ('def _f(a, b, c, d):\n    """Do."""', 0),
        ('def f():\n    """Do."""\n    raise FoveateError("no")', 1),
        ('class A:\n    def f(self, a, b, c, *, d):\n        """Do."""', 1),
        ("class A:\n    def f(self, a, b, c, d): ...", 0),
        ('def f():\n    """Do."""\n    raise NotImplementedError', 0),
    ],
)
def test_what_is_missing_is_found(source: str, count: int) -> None:
    assert len(missing(source)) == count
