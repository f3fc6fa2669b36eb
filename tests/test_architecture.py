"""The arrows between the rooms, read off the imports: each room knows those below it, and no one else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

GROUND = ["compiled", "errors", "files", "introspect", "moved", "tree", "viz"]
# from the ground up: a room may import the rooms before it
ROOMS = [
    *GROUND,
    "envs",
    "agents/nn",
    "agents/policies",
    "agents/learning",
    "agents",
    "wrappers",
    "analysis",
    "sb3",
    "cli",
]
BESIDE = {("sb3", "analysis")}  # two rooms on one floor


def room_of(path: str) -> str | None:
    """The room of a module, given as a path from the root without its suffix; None for the package itself."""
    inside = [room for room in ROOMS if path == room or path.startswith(f"{room}/")]
    return max(inside, key=len, default=None)


def imported(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and path of everything of foveate's that a module imports, wherever in the file it does so.

    ``from .. import wrappers`` counts as an import of wrappers, and so does one within a function or for types only.
    """
    package = module.split("/") if is_package else module.split("/")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name.split(".")[0] == "foveate":
                    yield node.lineno, "/".join(name.name.split(".")[1:])
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1]
            elif node.module and node.module.split(".")[0] == "foveate":
                base, node.module = [], ".".join(node.module.split(".")[1:])
            else:
                continue
            base = [*base, *(node.module.split(".") if node.module else [])]
            for name in node.names:
                yield node.lineno, "/".join([*base, name.name])


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    """The imports of a module that go up."""
    room = room_of(module)
    assert room is not None
    wrong = []
    for line, target in imported(source, module, is_package):
        other = room_of(target)
        if other is None or other == room:
            continue
        if ROOMS.index(other) > ROOMS.index(room) or (room, other) in BESIDE:
            wrong.append(f"{module}.py:{line} imports {target}: {room} must not know {other}")
    return wrong


def modules(root: Path) -> Iterator[tuple[Path, str]]:
    """Every module of the package that lies in a room."""
    for room in ROOMS:
        files = [root / f"{room}.py"] if (root / f"{room}.py").is_file() else sorted((root / room).rglob("*.py"))
        for file in files:
            path = file.relative_to(root).with_suffix("").as_posix().removesuffix("/__init__")
            if room_of(path) == room:
                yield file, path


def test_arrows_point_one_way(root: Path) -> None:
    wrong = []
    for file, path in modules(root):
        wrong += violations(file.read_text(), path, file.name == "__init__.py")
    assert not wrong, "\n".join(wrong)


def test_every_room_is_there(root: Path) -> None:
    assert {room_of(path) for _, path in modules(root)} == set(ROOMS)


@pytest.mark.parametrize(
    "line",
    [
        "from .. import wrappers",
        "from ..wrappers import Saliency",
        "from ..wrappers.saliency import METHODS",
        "import foveate.wrappers",
        "from foveate import wrappers",
        "from foveate.wrappers import Saliency",
        "def f():\n    from .. import wrappers",
        "if TYPE_CHECKING:\n    from ..wrappers import Saliency",
    ],
)
def test_an_arrow_that_goes_up_is_found_in_every_form(line: str) -> None:
    assert violations(line, "envs/example")
    assert violations(line.replace("..", "..."), "agents/nn/example")
    assert not violations(line.replace("..", "..."), "cli/wrappers/example")
    assert not violations(line.replace("wrappers", "envs").replace("..", "..."), "agents/nn/example")
