"""The panel "Write": a text as an agent writes it by hand, in several styles."""

import random
import re
from typing import ClassVar

from nicegui import ui

from ....agents.policies.policy import Policy
from ....envs.sequence.handwriting import LONGEST
from ....errors import FoveateError, check_range
from ....viz.ink import svg
from ...write import WriteOptions, reads_nothing, written_page
from ..parts import Panel, Picture, computed, handled, legend, whole
from ..shelf import nobody, writes

MOST_STYLES = 10
MOST_BIAS = 5.0


class WritePanel(Panel):
    """Type a text and see it written by hand."""

    name: ClassVar[str] = "Write"
    title: ClassVar[str] = "An agent that writes by hand"
    about: ClassVar[str] = (
        "It learned from many made-up hands, and writes a text point by point: where the pen goes next, and whether "
        "it is lifted. Each line is another sample, in another style."
    )

    def build(self) -> None:
        self.svg = ""
        self.text_written = ""
        with ui.element("div").classes("row"):
            self.agent = self.choose_agent(writes, lambda: None)
            self.text = ui.input("Text", value="attention", placeholder="letters a to z and spaces").classes("long")
            self.text.props["maxlength"] = str(10 * LONGEST)
            self.text.props["hint"] = f"1 to {LONGEST} letters from a to z and spaces"
            self.text.on("keydown.enter", self.fresh)
        with ui.element("div").classes("row"):
            self.styles = ui.number("Styles", value=5, step=1)
            self.styles.props["hint"] = f"1 to {MOST_STYLES} lines"
            self.bias = ui.number("Neatness (bias)", value=1.0, step=0.5)
            self.bias.props["hint"] = f"0 to {MOST_BIAS:g}: more is neater"
            ui.button("Write", on_click=self.fresh)
            self.download = ui.button("Download SVG", on_click=self.save).props("outline")
            self.download.set_visibility(False)
        self.picture = Picture("handwriting", "paper drawn")
        legend(
            "Black ink: what it wrote. The bias draws samples towards what is likely (Graves 2013, “Generating "
            "sequences with recurrent neural networks”, section 5.4)."
        )

    async def begin(self) -> None:
        if self.agent.value is None:
            self.note.fail(str(nobody("writes by hand", "python train.py Sequence/Handwriting-v0 handwriting")))
            return
        await self._written(0)

    async def fresh(self) -> None:
        """Write the text that is typed now."""
        await self._written(random.randrange(2**31))

    @handled
    async def _written(self, seed: int) -> None:
        if self.agent.value is None:
            raise nobody("writes by hand", "python train.py Sequence/Handwriting-v0 handwriting")
        agent = self.shelf.agent(self.agent.value)
        text = str(self.text.value or "")
        if not text.strip():
            raise FoveateError("type a text first: letters from a to z and spaces.")
        if self.bias.value is None:
            raise FoveateError(f"say how neat: a number from 0 to {MOST_BIAS:g}.")
        styles = whole(self.styles, "styles", MOST_STYLES)
        options = WriteOptions(
            styles=styles, bias=check_range("bias", float(self.bias.value), 0.0, MOST_BIAS), seed=seed
        )

        def work() -> tuple[str, bool]:
            policy = self.shelf.learner(agent.name).policy
            assert isinstance(policy, Policy)
            page = written_page(policy, agent.env_id, {**agent.env, "text": text}, options)
            return svg(*page), reads_nothing(policy)

        self.svg, blind = await computed(work)
        self.text_written = text
        self.picture.show(self.svg.encode(), f"“{text}”, written by hand in {styles} styles", "image/svg+xml")
        self.download.set_visibility(True)
        self.note.say("This agent reads no text: it writes the same whatever it is asked for." if blind else "")

    def save(self) -> None:
        """Hand the picture to the browser as a file."""
        name = re.sub(r"[^a-z]+", "-", self.text_written).strip("-") or "handwriting"
        ui.download.content(self.svg, f"{name}.svg", "image/svg+xml")
