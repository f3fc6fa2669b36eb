"""The page: its head, its tabs, and a panel behind each, made anew for every browser."""

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from .assets import SCRIPT, STYLE
from .panels.compare import ComparePanel
from .panels.drive import DrivePanel
from .panels.look import LookPanel
from .panels.memory import MemoryPanel
from .panels.translate import TranslatePanel
from .panels.write import WritePanel
from .parts import Panel
from .shelf import Shelf

PANELS: tuple[type[Panel], ...] = (LookPanel, MemoryPanel, WritePanel, TranslatePanel, DrivePanel, ComparePanel)
LIGHTS = {"system": None, "light": False, "dark": True}


def build_page(shelf: Shelf) -> None:
    """Make the page of one browser.

    Args:
        shelf: the agents.
    """
    ui.add_head_html(f"<style>{STYLE}</style><script>{SCRIPT}</script>")
    dark = ui.dark_mode(None)
    with ui.element("div").classes("all"):
        with ui.element("header").classes("head"):
            ui.html("<h1>foveate: agents at work</h1>")
            lights = ui.toggle(list(LIGHTS), value="system").props('dense no-caps aria-label="light or dark"')
            lights.on_value_change(lambda e: dark.set_value(LIGHTS[e.value]))
        with ui.tabs().props('align=left no-caps aria-label="panels"') as tabs:
            for kind in PANELS:
                ui.tab(kind.name)
        panels, boxes = {}, {}
        for kind in PANELS:
            with ui.element("main").props(f'role=tabpanel aria-label="{kind.name}"') as box:
                ui.html(f"<h2>{kind.title}</h2><p class=dim>{kind.about}</p>")
                panels[kind.name], boxes[kind.name] = kind(shelf), box
                box.set_visibility(False)

    async def chosen(event: ValueChangeEventArguments) -> None:
        for name, box in boxes.items():
            box.set_visibility(name == event.value)
        await panels[event.value].opened()

    tabs.on_value_change(chosen)

    def begin() -> None:
        if tabs.value is None:  # else somebody was faster
            tabs.set_value(PANELS[0].name)

    ui.timer(0.05, begin, once=True)
