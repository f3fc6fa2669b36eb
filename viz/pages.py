"""HTML pages that stand alone: style and pictures are inside, nothing is asked for from anywhere."""

import base64
import html
import math
from collections.abc import Mapping, Sequence

NONE = "–"  # in place of a figure where there is none

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #222; --dim: #666; --line: #ddd; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181d; --ink: #e4e6ea; --dim: #a2a6ae; --line: #3a3e46; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: var(--ink);
  background: var(--paper); overflow-wrap: anywhere; }
table { border-collapse: collapse; overflow-wrap: normal; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
.scroll { overflow-x: auto; } img { max-width: 100%; } .best { font-weight: 700; } small { color: var(--dim); }
.figure img { max-width: min(100%, 40rem); }
@media (max-width: 40rem) { body { margin: 1rem auto; } .scroll img { min-width: 40rem; } }
"""


def page(title: str, body: str) -> str:
    """A whole page around a body of HTML; the title is text."""
    head = (
        f"<meta charset=utf-8><meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<link rel=icon href='data:,'><title>{html.escape(title)}</title>"
    )
    return f"<!doctype html><html lang=en><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>"


def heading(text: str, level: int = 1) -> str:
    """A heading, 1 the greatest."""
    return f"<h{level}>{html.escape(text)}</h{level}>"


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{html.escape(text)}</p>"


def number(value: float | None, form: str = ".3f") -> str:
    """A figure for a table; an en dash where there is none (None, or what is not a number)."""
    return NONE if value is None or math.isnan(value) else format(value, form)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], none: str = "") -> str:
    """A table of plain text, which scrolls by itself where the screen is narrow.

    Args:
        head: names of the columns.
        rows: cells, figures as `number` writes them.
        none: why a cell may have no figure; it is said below the table if one has none.
    """
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    note = any(cell == NONE for row in rows for cell in row)
    why = none or "there is nothing to measure here"
    below = f"<p><small>{NONE} no figure: {html.escape(why)}.</small></p>" if note else ""
    return f"<div class=scroll><table><tr>{top}</tr>{body}</table></div>{below}"


def definitions(meanings: Mapping[str, str]) -> str:
    """A list of words and what they mean."""
    items = (f"<li><b>{html.escape(word)}</b>: {html.escape(meaning)}</li>" for word, meaning in meanings.items())
    return f"<ul>{''.join(items)}</ul>"


def figure_tag(light: bytes, dark: bytes, alt: str) -> str:
    """A figure inside the page itself, as PNGs for a bright and a dark page; it is as wide as the screen has room."""
    sources = [data_url(png) for png in (light, dark)]
    other = f'<source media="(prefers-color-scheme: dark)" srcset="{sources[1]}">'
    return f'<div class=figure><picture>{other}<img alt="{html.escape(alt)}" src="{sources[0]}"></picture></div>'


def image_tag(png: bytes, alt: str) -> str:
    """A picture inside the page itself; where the screen is narrow it stays as large as can be read, and scrolls."""
    return f'<div class=scroll><img alt="{html.escape(alt)}" src="{data_url(png)}"></div>'


def data_url(content: bytes, kind: str = "image/png") -> str:
    """Some content as an address that holds it.

    Args:
        content: of a file.
        kind: its media type.
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
