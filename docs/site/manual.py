"""The manual page in a class's docstring, as Markdown."""

import inspect
import re
from collections.abc import Callable
from typing import NamedTuple

from marks import plain

SECTIONS = (
    "Description",
    "Observation space",
    "Action space",
    "Rewards",
    "Starting state",
    "Episode end",
    "Info",
    "Interventions",
    "Source",
    "Version history",
)
_COLUMNS = re.compile(r"(\S+(?: \S+)*)\s{2,}(\S.*)$")
_HEAD = re.compile(r"^([A-Z][A-Za-z ]+):$")


class Section(NamedTuple):
    """A part of a manual page.

    Attributes:
        text: in Markdown.
        home: the class whose docstring it is from.
    """

    text: str
    home: type


class Manual(NamedTuple):
    """What a class's docstring says.

    Attributes:
        summary: its first line.
        about: what follows, up to the first section.
        sections: by name, those of its bases where its own docstring has none.
    """

    summary: str
    about: str
    sections: dict[str, Section]


def manual(cls: type, link: Callable[[str], str | None] = lambda name: None) -> Manual:
    """Read a class's docstring.

    Args:
        cls: the class.
        link: where the site explains a name, None where it doesn't.
    """
    head, own = divided(cls.__doc__ or "")
    sections = {name: Section(as_markdown(text, link), cls) for name, text in own.items()}
    for base in cls.__mro__[1:]:
        for name, text in divided(base.__dict__.get("__doc__") or "")[1].items():
            if name in SECTIONS and name not in sections and name not in ("Source", "Version history"):
                sections[name] = Section(as_markdown(text, link), base)
    summary, _, about = head.partition("\n\n")
    return Manual(as_markdown(summary, link), as_markdown(about, link), sections)


def divided(doc: str) -> tuple[str, dict[str, str]]:
    """A docstring's text before its sections, and its sections by name."""
    head: list[str] = []
    sections: dict[str, list[str]] = {}
    lines = head
    for line in inspect.cleandoc(doc).splitlines():
        if match := _HEAD.match(line):
            lines = sections.setdefault(match[1], [])
        elif line and not line.startswith(" ") and lines is not head:
            head += ["", line]  # a paragraph after a section
        else:
            lines.append(line)
    texts = {name: inspect.cleandoc("\n" + "\n".join(body)) for name, body in sections.items()}
    return "\n".join(head).strip(), texts


def as_markdown(text: str, link: Callable[[str], str | None] = lambda name: None) -> str:
    """A docstring's text in Markdown, its names as links where the site explains them."""

    def linked(match: re.Match) -> str:
        target = link(match[1])
        return f"[{match[0]}]({target})" if target else match[0]

    paragraphs = []
    for paragraph in text.split("\n\n"):
        lines = paragraph.splitlines()
        if all(line.startswith("    ") for line in lines):
            paragraphs.append(paragraph)  # a block of code or of equations
        elif lines and _COLUMNS.match(lines[0]):
            paragraphs.append(plain(as_list(lines)))
        else:
            paragraphs.append(plain(paragraph))
    return re.sub(r"`([^`]+)`", linked, "\n\n".join(paragraphs))


def as_list(lines: list[str]) -> str:
    """Lines of two columns, a word and what it means, as a list."""
    items = []
    for line in lines:
        match = _COLUMNS.match(line)
        items.append(f"- `{match[1].strip('`')}`: {match[2]}" if match else f"  {line.strip()}")
    return "\n".join(items)
