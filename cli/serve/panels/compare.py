"""The panel "Compare": two agents side by side."""

import html
import random
from typing import ClassVar

from nicegui import ui

from ....errors import FoveateError
from ..comparing import MOST_FRAMES, Film, curves, facts, film
from ..parts import Panel, Picture, Steps, computed, handled, legend
from ..shelf import Agent


class ComparePanel(Panel):
    """Two agents: their runs, their learning, the same episode."""

    name: ClassVar[str] = "Compare"
    title: ClassVar[str] = "Two agents side by side"
    about: ClassVar[str] = (
        "What their runs say of them, how they learned (where a run folder holds metrics.csv: name yours on the "
        "command line), and the same episode as each plays it, if both live in the same world."
    )

    def build(self) -> None:
        self.films: list[Film] = []
        self.seed = 0
        names = list(self.shelf.agents)
        first, second = self.shelf.pair()
        with ui.element("div").classes("row"):
            self.choices = [
                ui.select(names, value=value, label=label, on_change=self.fresh).classes("wide")
                for label, value in (("First agent", first), ("Second agent", second))
            ]
            ui.button("Another episode", on_click=self.another).props("outline")
        self.steps = Steps("moment", self.show, 0.6)
        with ui.element("div").classes("pair") as stage:
            self.titles, self.pictures = [], []
            for _ in range(2):
                with ui.element("div"):
                    self.titles.append(ui.label("").style("font-weight:700"))
                    self.pictures.append(Picture("an episode", ""))
        self.steps.keys(stage)
        legend("Keys, with the pictures in focus: <kbd>←</kbd> <kbd>→</kbd> step, <kbd>Space</kbd> plays.")
        ui.html("<h3>What their runs say</h3>")
        self.table = ui.html("", sanitize=False).classes("scroll")
        ui.html("<h3 style='margin-top:.8rem'>How they learned</h3>")
        self.none = ui.label("").classes("small dim")
        self.curves = [Picture("learning curves", "in-light"), Picture("learning curves", "in-dark")]

    async def begin(self) -> None:
        await self.fresh()

    async def another(self) -> None:
        """Another episode of the same agents."""
        self.seed = random.randrange(2**31)
        await self.fresh()

    @handled
    async def fresh(self) -> None:
        """Compare the agents that are chosen now."""
        agents = [self.shelf.agent(choice.value) for choice in self.choices]
        self._tell(agents)
        drawn = await computed(curves, agents)
        for picture in self.curves:
            picture.hide()
        self.none.text = "" if drawn else "Neither run keeps a log of its training (the agents of the zoo don't)."
        for picture, png in zip(self.curves, drawn or (), strict=False):
            picture.show(png, "score on the validation split against steps of training, a line for each agent")
        films: list[Film] = []  # those that are shown stay until these are there
        missing: list[str] = []
        for agent in agents:
            try:
                films.append(await computed(lambda agent=agent: film(agent, self.shelf.learner(agent.name), self.seed)))
            except FoveateError as error:
                films.append(Film([], True))
                missing.append(str(error))
        self.films = films
        self.steps.begin(max(len(one.frames) for one in self.films))
        same = agents[0].env_id == agents[1].env_id
        cut = any(not one.whole for one in self.films)
        said = [] if same else ["They live in different worlds: each plays an episode of its own."]
        said += [f"Of long episodes the first {MOST_FRAMES} frames are shown."] if cut else []
        if missing:
            raise FoveateError(" ".join(missing))
        self.note.say(" ".join(said))

    def _tell(self, agents: list[Agent]) -> None:
        head, rows = facts(agents)
        top = "".join(f"<th scope=col>{html.escape(cell)}</th>" for cell in head)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        self.table.content = f"<table class=facts><tr>{top}</tr>{body}</table>"
        for title, agent in zip(self.titles, agents, strict=True):
            title.text = agent.name

    def show(self, moment: int) -> None:
        """Show a moment of both."""
        for picture, one, title in zip(self.pictures, self.films, self.titles, strict=True):
            if one.frames:
                at = min(moment, len(one.frames) - 1)
                picture.show(one.frames[at], f"{title.text}: frame {at + 1} of {len(one.frames)}")
            else:
                picture.hide()
