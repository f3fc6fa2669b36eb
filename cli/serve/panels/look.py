"""The panel "Look": an agent looks at a test image, or at a drawing, glimpse by glimpse."""

import html
import random
from typing import ClassVar

from nicegui import ui
from nicegui.events import GenericEventArguments

from ....viz.palette import colour_of, hexadecimal
from ..digit import as_digit, checked_strokes
from ..looking import MOST_SEED, Glimpse, Look, look
from ..parts import Panel, Picture, Steps, bars, computed, handled, legend
from ..shelf import looks, nobody

PATCH = 112  # pixels of a patch on the page


class LookPanel(Panel):
    """Draw something and watch an agent look at it."""

    name: ClassVar[str] = "Look"
    title: ClassVar[str] = "An agent that looks at a picture through a small moving window"
    about: ClassVar[str] = (
        "It never sees the whole picture. At each glimpse it sees a few small patches around one place, sharp in the "
        "middle and coarse around it, says which class it believes to see, and chooses where to look next. Draw a "
        "digit in the black square, or take a test picture that it has never seen."
    )

    def build(self) -> None:
        self.look: Look | None = None
        self.drawn: object = None  # strokes; None where a test picture is shown
        self.image = self.place = 0
        with ui.element("div").classes("row"):
            self.agent = self.choose_agent(looks, self.again, "ClutteredDigits-ram")
        with ui.element("div").classes("parts"):
            with ui.element("div").classes("part drawer"):
                ui.html("<h3>Draw here</h3>")
                self.canvas = ui.element("canvas").classes("drawing")
                self.canvas.props("width=280 height=280 tabindex=0 role=img")
                self.canvas.props["aria-label"] = "drawing area; without a pointer take a random test picture instead"
                self.canvas.on("drawn", self.take, js_handler="(e) => emit(e.detail)")
                with ui.element("div").classes("row"):
                    ui.button("Clear", on_click=self.clear).props("outline")
                    ui.button("Random test picture", on_click=self.random).props("outline")
                    ui.button("Look again, from elsewhere", on_click=self.elsewhere).props("outline")
            with ui.element("div").classes("part"):
                ui.html("<h3>Where it looks</h3>")
                with ui.element("div") as stage:
                    self.picture = Picture("the picture with the path of the gaze")
                self.steps = Steps("glimpse", self.show, 0.7)
                self.steps.keys(stage)
                self.said = ui.html("", sanitize=False).props("aria-live=polite")
            with ui.element("div").classes("part grow"):
                ui.html("<h3>What its network sees now</h3>")
                self.patches = ui.element("div").classes("row")
                ui.html("<h3>What it believes</h3>")
                self.odds = ui.html("", sanitize=False)
        legend(
            "The yellow path joins the places that were looked at, numbered; the filled dot is the present one. The "
            "coloured squares are what the patches cover. Keys, with the picture in focus: <kbd>←</kbd> <kbd>→</kbd> "
            "step, <kbd>Space</kbd> plays."
        )

    async def begin(self) -> None:
        if self.agent.value is None:
            self.note.fail(str(nobody("looks at pictures", "python train.py Glimpse/TranslatedDigits-v0 ram")))
            return
        await self.random()

    def clear(self) -> None:
        """Begin a new drawing."""
        self.drawn = None
        ui.run_javascript(f"clearDrawing('{self.canvas.html_id}')")

    async def take(self, event: GenericEventArguments) -> None:
        """A stroke was drawn."""
        self.drawn = event.args
        await self._looked(play=True)

    async def random(self) -> None:
        """Take a test picture."""
        self.clear()
        self.image = random.randrange(MOST_SEED)
        await self._looked(play=True)

    async def elsewhere(self) -> None:
        """The same picture at another place, from another first glimpse."""
        self.place = random.randrange(1_000_000)
        await self._looked(play=True)

    async def again(self) -> None:
        """Another agent was chosen."""
        await self._looked(play=False)

    @handled
    async def _looked(self, play: bool) -> None:
        agent = self.shelf.agent(self.agent.value)
        image = None if self.drawn is None else as_digit(checked_strokes(self.drawn))
        self.look = await computed(lambda: look(agent, self.shelf.learner(agent.name), self.image, self.place, image))
        with self.patches.clear():
            self._frames = [self._patch(scale, side) for scale, side in enumerate(self.look.sides)]
        self.steps.begin(len(self.look.glimpses), 0 if play else len(self.look.glimpses) - 1)
        if play:
            self.steps.toggle()

    @staticmethod
    def _patch(scale: int, side: int) -> Picture:
        with ui.element("div"):
            picture = Picture(f"patch of {side} pixels")
            colour = hexadecimal(colour_of(scale))
            picture.element.style(f"width:{PATCH}px;height:{PATCH}px;border:3px solid {colour}")
            sharp = "sharp" if scale == 0 else f"{2**scale}× coarser"
            ui.html(f"<span class=small>{side}×{side} pixels,<br>{sharp}</span>")
        return picture

    def show(self, moment: int) -> None:
        """Show a glimpse."""
        assert self.look is not None
        glimpse: Glimpse = self.look.glimpses[moment]
        names = self.look.names
        x, y = (f"{100 * (1 + side) / 2:.0f} %" for side in glimpse.place)
        said = names[glimpse.answer]
        where = f"glimpse {moment + 1} at {x} from the left and {y} from the top"
        self.picture.show(glimpse.picture, f"the picture with the path of the gaze: {where}; the agent says {said}")
        for frame, patch in zip(self._frames, glimpse.patches, strict=True):
            frame.show(patch)
        self.odds.content = bars(names, glimpse.odds.tolist())
        self.said.content = f"<p>{self._verdict(said, moment)}</p>"

    def _verdict(self, said: str, moment: int) -> str:
        assert self.look is not None
        text = f"It says <b>{html.escape(said)}</b>"
        if self.look.truth is None:
            return f"{text}. What was drawn, only you know."
        truth = self.look.names[self.look.truth]
        right = said == truth
        verdict = "right" if right else f"wrong: it is {html.escape(truth)}"
        return f"{text}: <span class={'right' if right else 'wrong'}>{verdict}</span>."
