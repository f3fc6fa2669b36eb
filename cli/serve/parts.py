"""What the panels are put together from: pictures, messages, a slider through time, work beside the page."""

import asyncio
import functools
import html
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from nicegui import ui
from nicegui.events import GenericEventArguments

from ...errors import FoveateError, check_range
from ...viz.pages import data_url
from ...viz.pictures import as_png
from .shelf import Agent, Shelf

Result = TypeVar("Result")
WORKING = "Working. What is computed for the first time takes longer."
LOG = logging.getLogger(__name__)
# networks, their modes and the random numbers of PyTorch are everybody's: whoever computes does so alone
_WORKER = ThreadPoolExecutor(1, "foveate")


async def computed(function: Callable[..., Result], *arguments: object) -> Result:
    """What a function returns, worked out beside the page: other browsers are served meanwhile."""
    return await asyncio.get_running_loop().run_in_executor(_WORKER, functools.partial(function, *arguments))


class Picture:
    """A picture of the page.

    Args:
        alt: what it shows, for those who don't see it.
        classes: of its style.
    """

    def __init__(self, alt: str, classes: str = "pixels"):
        self.element = ui.element("img").classes(f"shown {classes}")
        self.element.props["alt"] = alt
        self.element.set_visibility(False)

    def show(self, picture: np.ndarray | bytes, alt: str | None = None, kind: str = "image/png") -> None:
        """Show a picture, uint8 (H, W, 3), or the content of a file of this kind."""
        content = picture if isinstance(picture, bytes) else as_png(picture)
        with self.element.props.suspend_updates():
            if alt is not None:
                self.element.props["alt"] = alt
            self.element.props["src"] = data_url(content, kind)
        self.element.update()
        self.element.set_visibility(True)

    def hide(self) -> None:
        """Show nothing."""
        self.element.set_visibility(False)


class Note:
    """A line that says what happens, what went wrong or what to do; screen readers read it out."""

    def __init__(self) -> None:
        self.label = ui.label("").classes("note").props("role=status aria-live=polite")

        self.failed = False

    def say(self, text: str) -> None:
        """Say something."""
        if self.failed:
            self.label.classes(remove="bad")
        self.failed, self.label.text = False, text

    def fail(self, text: str) -> None:
        """Say what went wrong."""
        self.label.classes(add="bad")
        self.failed, self.label.text = True, text

    def clear(self) -> None:
        """What went wrong before is over."""
        if self.failed:
            self.say("")


Method = TypeVar("Method", bound=Callable[..., Awaitable[None]])


def handled(method: Method) -> Method:
    """A panel's method that answers to a browser: one at a time, and whatever goes wrong is said on the page."""
    return _handled(method, wait=True)


def hasty(method: Method) -> Method:
    """The same for what comes again and again, as from a key that is held: it is left out while another is at work."""
    return _handled(method, wait=False)


def _handled(method: Any, wait: bool) -> Any:
    @functools.wraps(method)
    async def run(panel: "Panel", *arguments: object, **named: object) -> None:
        if panel.client.is_deleted or (not wait and panel.busy.locked()):
            return
        async with panel.busy:
            if panel.client.is_deleted:
                return
            loop = asyncio.get_running_loop()
            waiting = [
                loop.call_later(0.4, panel.spinner.set_visibility, True),
                loop.call_later(4.0, panel.note.say, WORKING),
            ]
            try:
                panel.note.clear()
                await method(panel, *arguments, **named)
            except FoveateError as error:
                panel.note.fail(str(error))
            except Exception:
                if not panel.client.is_deleted:  # who has gone sees nothing of it
                    LOG.exception("a panel failed")
                    panel.note.fail("this went wrong inside foveate: the terminal of the server says how.")
            finally:
                for each in waiting:
                    each.cancel()
                panel.spinner.set_visibility(False)
                if panel.note.label.text == WORKING:
                    panel.note.say("")

    return run


class Panel:
    """A panel of the page, of one browser alone.

    Attributes:
        name: on its tab.
        title: above it.
        about: what it is for, in a few sentences.
        shelf: the agents.
        busy: held while something is worked out for this panel.
    """

    name: str
    title: str
    about: str

    def __init__(self, shelf: Shelf):
        self.shelf, self.busy, self.client = shelf, asyncio.Lock(), ui.context.client
        self._was_opened = False
        with ui.element("div").classes("said"):
            self.spinner = ui.spinner(size="1.5rem").props('aria-label="working"')
            self.spinner.set_visibility(False)
            self.note = Note()
        self.build()

    def build(self) -> None:
        """Make all that the panel has on the page."""
        raise NotImplementedError

    async def begin(self) -> None:
        """Show something, when the panel is opened for the first time."""

    async def opened(self) -> None:
        """The panel's tab was chosen."""
        if not self._was_opened:
            self._was_opened = True
            await self.begin()

    def choose_agent(self, fits: Callable[[Agent], bool], changed: Callable[[], object], first: str = "") -> ui.select:
        """A list of the agents that fit; an empty one where there are none.

        Args:
            fits: which.
            changed: called when another one is chosen.
            first: which one of the zoo is chosen at first, if none was named on the command line.
        """
        names = self.shelf.names(fits)
        own = [name for name in names if self.shelf.agents[name].own]
        value = own[0] if own else first if first in names else next(iter(names), None)
        chosen = ui.select(names, value=value, label="Agent", on_change=lambda: changed()).classes("wide")
        chosen.set_visibility(bool(names))
        return chosen


def legend(text: str) -> None:
    """A paragraph in small letters that says what is to be seen.

    Args:
        text: HTML.
    """
    ui.html(f"<p class='small dim'>{text}</p>", sanitize=False)


def whole(field: ui.number, name: str, most: int) -> int:
    """The whole number from 1 on in a field.

    Fields have neither limits nor a format of their own: NiceGUI would change what is typed when the field is left, and
    nobody would be told.

    Args:
        field: where it was typed.
        name: what a message calls it.
        most: that is allowed.

    Raises:
        FoveateError: nothing is there, or something else.
    """
    value = field.value
    if value is None:
        raise FoveateError(f"say {name}: a whole number from 1 to {most}.")
    return int(check_range(name, int(value) if isinstance(value, float) and value.is_integer() else value, 1, most))


def small_button(text: str, press: Callable[[], object]) -> ui.button:
    """A button of which several stand beside each other.

    Args:
        text: on it.
        press: called when it is pressed.
    """
    return ui.button(text, on_click=press).props("outline dense padding='xs md'")


class Steps:
    """Buttons and a slider through the moments of an episode.

    Args:
        what: a moment is called, as in "glimpse".
        show: called with a moment, counted from 0.
        seconds: from moment to moment, played by itself.
    """

    def __init__(self, what: str, show: Callable[[int], object], seconds: float):
        self.what, self._show, self.count, self.at = what, show, 0, 0
        self.box = ui.element("div")
        with self.box:
            with ui.element("div").classes("row"):
                self.back = small_button("Back", lambda: self.go(self.at - 1))
                self.forth = small_button("Step", lambda: self.go(self.at + 1))
                self.play = small_button("Play", self.toggle)
                self.label = ui.label("").props("aria-live=polite")
            self.slider = ui.element("input").props("type=range min=1 max=1 value=1").classes("through")
            self.slider.props["aria-label"] = f"{what} (arrow keys)"
            self.slider.on("input", self._slid, js_handler="(e) => emit(Number(e.target.value))")
        self.timer = ui.timer(seconds, self._tick, active=False)
        self.box.set_visibility(False)

    def begin(self, count: int, at: int = 0) -> None:
        """Another episode, of so many moments."""
        self.pause()
        self.count, self.at = count, -1
        self.slider.props["max"] = max(count, 1)
        self.box.set_visibility(count > 0)
        self.go(at)

    def go(self, moment: int) -> None:
        """Show a moment, if there is one."""
        if not 0 <= moment < self.count or moment == self.at:
            return
        self.at = moment
        self.label.text = f"{self.what} {moment + 1} of {self.count}"
        self.slider.props["value"] = moment + 1
        self._show(moment)

    def _slid(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, int):
            self.go(event.args - 1)

    def toggle(self) -> None:
        """Play, from the beginning if this is the end; or stop."""
        if self.timer.active:
            self.pause()
            return
        if self.at >= self.count - 1:
            self.go(0)
        self.timer.activate()
        self.play.text = "Stop"

    def pause(self) -> None:
        """Stop playing."""
        self.timer.deactivate()
        self.play.text = "Play"

    def _tick(self) -> None:
        if self.at >= self.count - 1:
            self.pause()
        else:
            self.go(self.at + 1)

    def keys(self, stage: ui.element) -> None:
        """Let an element take the focus, and its arrow keys and space bar go through the moments."""
        stage.classes("stage").props("tabindex=0")
        stage.on("keydown.left.prevent", lambda: self.go(self.at - 1))
        stage.on("keydown.right.prevent", lambda: self.go(self.at + 1))
        stage.on("keydown.home.prevent", lambda: self.go(0))
        stage.on("keydown.end.prevent", lambda: self.go(self.count - 1))
        stage.on("keydown.space.prevent", self.toggle)


def bars(names: Sequence[str], shares: Sequence[float], marks: Sequence[str] | None = None) -> str:
    """Bars below one another as HTML, the longest in another colour.

    Args:
        names: of the bars; text.
        shares: how long each is, in [0, 1].
        marks: behind each, text; its percentage if None.
    """
    best = int(np.argmax(shares)) if len(shares) else -1
    cells = []
    for row, (name, share) in enumerate(zip(names, shares, strict=True)):
        kind = " class=best" if row == best else ""
        mark = f"{100 * share:.1f} %" if marks is None else marks[row]
        width = f"{100 * min(max(share, 0), 1):.1f}%"
        cells.append(f"<span{kind}>{html.escape(name)}</span><i{kind} style='width:{width}'></i>")
        cells.append(f"<span{kind}>{html.escape(mark)}</span>")
    return f"<div class=bars>{''.join(cells)}</div>"
