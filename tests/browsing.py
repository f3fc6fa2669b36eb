"""A person with a browser on the page of `evaluate.py serve`."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui", reason='no NiceGUI: pip install "foveate[serve]"')
playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright")
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)

PANELS = ("Look", "Memory", "Write", "Translate", "Drive", "Compare")
THREE = [(0.3, 0.2), (0.6, 0.2), (0.45, 0.45), (0.65, 0.6), (0.6, 0.8), (0.3, 0.8)]
WAIT = 60_000  # milliseconds at most: what is compiled or read for the first time takes its time


playwright.expect.set_options(timeout=WAIT)


class Server:
    """``evaluate.py serve`` in a process of its own."""

    def __init__(self, root: Path, runs: list[Path], errors: Path):
        words = [sys.executable, str(root / "evaluate.py"), "serve", *map(str, runs), "--port", "0", "--no-open"]
        self.errors = errors
        with errors.open("w") as handle:
            self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=handle, text=True, cwd=errors.parent)
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", said)
        assert found, said + errors.read_text()
        self.address = found[0]

    def end(self) -> int:
        """As Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


class Visit:
    """A browser window of its own on the page, which notes what it asks for and what its console says."""

    def __init__(self, browser: Any, server: Server, width: int = 1280, dark: bool = False):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            has_touch=width < 500,
        )
        self.context.set_default_timeout(WAIT)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("websocket", lambda socket: self.asked.append(socket.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.address = server.address
        self.page.goto(server.address)
        playwright.expect(self.page.get_by_role("tabpanel", name="Look")).to_be_visible()  # it is connected

    def open(self, name: str) -> Any:
        """Choose a panel's tab; returns the panel."""
        self.page.get_by_role("tab", name=name).click()
        panel = self.page.get_by_role("tabpanel", name=name)
        playwright.expect(panel).to_be_visible()
        return panel

    def end(self) -> None:
        """Close it; nothing was asked of anybody else, and the console has no errors."""
        self.context.close()
        own = (self.address, self.address.replace("http", "ws"), "data:", "blob:")
        assert [url for url in self.asked if not url.startswith(own)] == []
        assert self.complaints == []


def shown(panel: Any, alt: str) -> Any:
    """The picture of a panel whose description begins so, when it is there."""
    picture = panel.locator(f'img[alt^="{alt}"]')
    playwright.expect(picture.first).to_be_visible(timeout=WAIT)
    return picture.first


def source(picture: Any) -> str:
    return str(picture.get_attribute("src"))


def choose(visit: Visit, panel: Any, label: str, name: str) -> None:
    """Choose from a list, and wait until it is closed."""
    panel.get_by_role("combobox", name=label).click()
    visit.page.get_by_role("option", name=name, exact=True).click()
    playwright.expect(visit.page.get_by_role("option")).to_have_count(0)


def draw(page: Any, panel: Any) -> None:
    """Draw a 3 with the mouse."""
    box = panel.locator("canvas.drawing").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in THREE]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()
