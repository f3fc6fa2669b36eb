"""The pages that are written by hand: docs/, and the files of the root that the site shows too."""

import re
from pathlib import Path, PurePosixPath

from marks import block

ROOT_PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_LINK = re.compile(r"(\]\()([^)#\s:]+)(#[\w-]+)?(\))")


def written_pages(root: Path) -> dict[str, bytes]:
    """The content of every page and picture, by its path within the site.

    Args:
        root: of the checkout.
    """
    docs = root / "docs"
    files = {
        path.relative_to(docs).as_posix(): path.read_bytes()
        for kind in ("*.md", "*.png")
        for path in sorted(docs.rglob(kind))
    }
    for old, new in ROOT_PAGES.items():
        files[new] = (root / old).read_bytes()
    for name in [name for name in files if name.endswith(".md")]:
        home = PurePosixPath("docs") / name if name not in ROOT_PAGES.values() else PurePosixPath("x")
        files[name] = relinked(files[name].decode(), home, name).encode()
        if any(other.startswith(f"{name.removesuffix('.md')}/") for other in files):
            files[name] += below(name).encode()
    return files


def below(name: str) -> str:
    """What makes the pages of notes/ stand below notes.md in the site's contents.

    Args:
        name: of the page.
    """
    return block("{toctree}", f":hidden:\n:glob:\n\n/{name.removesuffix('.md')}/*")


def relinked(text: str, home: PurePosixPath, name: str) -> str:
    """A page's text with its links as the site has them.

    Args:
        text: in Markdown.
        home: of the page in the repository.
        name: of the page in the site.
    """

    def link(match: re.Match) -> str:
        before, target, anchor, after = match.groups(default="")
        there = place_in_site(str(normal(home.parent / target)))
        up = "../" * (len(PurePosixPath(name).parts) - 1)
        return f"{before}{up}{there}{anchor}{after}"

    return _LINK.sub(link, text)


def place_in_site(path: str) -> str:
    """Where the site has a page or picture of the repository."""
    return ROOT_PAGES.get(path, path.removeprefix("docs/"))


def normal(path: PurePosixPath) -> PurePosixPath:
    """A path without dots in it."""
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return PurePosixPath(*parts)
