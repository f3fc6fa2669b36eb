"""The documentation site: built without a warning, whole by itself, and every link in it leads somewhere."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from foveate.agents import presets
from foveate.envs import IDS, MULTI_IDS
from foveate.envs.registry import world_class
from foveate.introspect import constructor_options

LOADS = {"src", "srcset", "data", "poster"}  # attributes by which a page loads what it names; so does <link href=…>


class Page(HTMLParser):
    """What one HTML page names: its anchors, what it links to, and what it loads."""

    def __init__(self, text: str):
        super().__init__()
        self.anchors: set[str] = {""}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and given["rel"] in ("index", "search", "next", "prev"):
            self.links.append(given["href"])
        elif tag == "link":
            self.loaded.append(given["href"])
        self.loaded += [given[name] for name in LOADS if name in given and tag not in ("a", "meta")]


@cache
def page_at(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def pages(site: Path) -> dict[Path, Page]:
    found = {path: page_at(path) for path in sorted((site / "html").rglob("*.html"))}
    assert len(found) > len(IDS) + len(presets.names())
    return found


def test_every_link_and_anchor_leads_somewhere(site: Path) -> None:
    lost, followed = [], 0
    for path, page in pages(site).items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            followed += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                lost.append(f"{path.name}: {link}")
            elif target.suffix == ".html" and unquote(parts.fragment) not in page_at(target).anchors:
                lost.append(f"{path.name}: {link} (anchor)")
    assert lost == []
    assert followed > 1000


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for path, page in pages(site).items():
        for asset in page.loaded:
            assert not urlsplit(asset).netloc, f"{path.name}: {asset}"
            if not asset.startswith("data:"):
                assert (path.parent / unquote(urlsplit(asset).path)).is_file(), f"{path.name}: {asset}"
    for style in (site / "html").rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", style.read_text(encoding="utf-8")), style.name


def test_search_knows_environments_and_agents_without_a_network(site: Path) -> None:
    index = (site / "html" / "searchindex.js").read_text(encoding="utf-8")
    assert index.startswith("Search.setIndex(")
    for title in [*IDS, *MULTI_IDS, *presets.names()]:
        assert f'"{title}"' in index, title
    loaded = page_at(site / "html" / "search.html").loaded
    assert any(asset.startswith("searchindex.js") for asset in loaded)


@pytest.mark.parametrize("env_id", [*IDS, *MULTI_IDS])
def test_an_environment_s_page_says_what_its_class_says(env_id: str, site: Path) -> None:
    texts = (page.read_text(encoding="utf-8") for page in (site / "source" / "environments").rglob("*.md"))
    (text,) = [text for text in texts if text.startswith(f"# {env_id}\n")]
    world = world_class(env_id)
    assert "``" not in text.replace("```", "")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    for option in constructor_options(world).values():
        (row,) = [row for row in rows if row.startswith(f"| `{option.name}` |")]
        assert f"`{option.default!r}`" in row
        assert not row.endswith("|  |"), f"{option.name} is not explained"
    assert f"| {world.scale.oracle.mean:.4g} |" in text
    for name in getattr(world, "splits", ()):
        assert f"`{name}`" in text


def test_each_preset_has_equations(root: Path) -> None:
    text = (root / "docs" / "equations.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    named = [
        re.findall(r"`([\w-]+)`", line) for s in sections for line in re.findall(r"^Presets: (.*)$", s, re.MULTILINE)
    ]
    assert len(named) == len(sections), "a section lacks the line that names its presets"
    assert {name for names in named for name in names} == set(presets.names())
    for file in re.findall(r"`(agents/[\w/]+\.py)`", text):
        assert (root / file).is_file(), file


def test_what_a_page_names_is_found() -> None:
    page = Page('<a href="#x">a</a><img src="https://x.org/y.png"><link rel="icon" href="//x.org/z.ico"><p id="here">')
    assert page.links == ["#x"]
    assert page.anchors == {"", "here"}
    assert [urlsplit(asset).netloc for asset in page.loaded] == ["x.org", "x.org"]
