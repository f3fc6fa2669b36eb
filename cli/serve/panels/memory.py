"""The panel "Memory": what an agent writes into its external memory and reads from it, moment by moment."""

import html
import random
from typing import ClassVar

from nicegui import ui

from ..parts import Panel, Picture, Steps, computed, handled, legend, whole
from ..remembering import WIDTHS, Memory, size_of
from ..shelf import nobody, remembers


class MemoryPanel(Panel):
    """Step the memory of an NTM or a DNC."""

    name: ClassVar[str] = "Memory"
    title: ClassVar[str] = "An agent that writes into a memory and reads from it"
    about: ClassVar[str] = (
        "A neural Turing machine (NTM) or a differentiable neural computer (DNC) has a table of numbers beside its "
        "network. At each moment it is shown something, writes to some rows of the table and reads from some. Step "
        "through an episode and watch where: time goes from left to right."
    )

    def build(self) -> None:
        self.memory: Memory | None = None
        self.width = 900
        self.seed = 0
        with ui.element("div").classes("row"):
            self.agent = self.choose_agent(remembers, self.other_agent, "Copy-ntm")
            self.size = ui.number("Length", value=10, step=1).classes("size")
            ui.button("Begin an episode", on_click=self.fresh)
        self.hint = ui.label("").classes("small dim")
        self.steps = Steps("moment", self.show, 0.25)
        self.said = ui.html("", sanitize=False).props("aria-live=polite")
        with ui.element("div") as stage:
            self.picture = Picture("the trace of the memory", "paper")
        self.steps.keys(stage)
        legend(
            "Input: what it is shown (black is 1). Output and target: what it says, and what is right; grey where "
            "nothing is asked for. Write and read weights: a line for each row of the memory that is used, bright "
            "where the agent writes or reads now. Gates: dark is open. On the right all numbers of these rows as they "
            "are now: 0 is pale, numbers below it are blue, above it red, and great ones dark. Keys, with the picture "
            "in focus: <kbd>←</kbd> <kbd>→</kbd> step, <kbd>Home</kbd> <kbd>End</kbd> jump, <kbd>Space</kbd> plays."
        )

    async def begin(self) -> None:
        if self.agent.value is None:
            self.note.fail(str(nobody("has an external memory", "python train.py Memory/Copy-v0 ntm")))
            return
        width = await ui.run_javascript("document.documentElement.clientWidth", timeout=10.0)
        if isinstance(width, (int, float)):
            self.width = int(min(max(width - 32, WIDTHS[0]), 1000))
        await self.other_agent()

    async def other_agent(self) -> None:
        """Another agent was chosen."""
        size = size_of(self.shelf.agent(self.agent.value))
        self.size.set_visibility(size is not None)
        if size is None:
            self.hint.text = ""
        else:
            self.size.label = name = size.name.replace("_", " ").capitalize()
            self.size.value = min(10, size.high)
            trained = f"{size.low}" if size.low == size.high else f"{size.low} to {size.high}"
            self.hint.text = f"{name}: it was trained with {trained}; here 1 to {size.most} can be tried."
        await self._begun(first=True)

    async def fresh(self) -> None:
        """Another episode."""
        self.seed = random.randrange(2**31)
        await self._begun(first=False)

    @handled
    async def _begun(self, first: bool) -> None:
        agent = self.shelf.agent(self.agent.value)
        known = size_of(agent)
        size = None if known is None else whole(self.size, known.name, known.most)
        self.memory = await computed(lambda: Memory(agent, self.shelf.learner(agent.name), self.seed, size, self.width))
        self.steps.begin(len(self.memory), len(self.memory) - 1 if first else 0)

    def show(self, moment: int) -> None:
        """Show a moment."""
        assert self.memory is not None
        self.picture.show(self.memory.picture(moment), f"the trace of the memory up to moment {moment + 1}")
        at = self.memory.moment(moment)
        if not at.right:
            self.said.content = "<p>Nothing is asked for at this moment: what it says doesn't count.</p>"
            return
        kind, verdict = ("right", "right") if not at.wrong else ("wrong", f"{at.wrong} wrong")
        said, right = (html.escape(text) for text in (at.said, at.right))
        self.said.content = (
            f"<p>It says <code>{said}</code>, right is <code>{right}</code>: <span class={kind}>{verdict}</span>. "
            f"So far {at.wrong_so_far} of {at.due_so_far} numbers are wrong.</p>"
        )
