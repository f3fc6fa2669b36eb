"""The panel "Drive": a game, played by keys or by the agent, with what its value and advantage depend on."""

import random
from typing import ClassVar

from nicegui import ui
from nicegui.events import GenericEventArguments

from ..driving import KEYS, METHODS, Game, Map, View
from ..looking import MOST_SEED
from ..parts import Panel, Picture, bars, computed, handled, hasty, legend, small_button
from ..shelf import drives, nobody

METHOD_NAMES = {
    "jacobian": "pixel by pixel (jacobian)",
    "perturbation": "by blurred spots (perturbation)",
    "random": "noise, to compare (random)",
}
KEYS_ONLY = f"(e) => {{ if ({[*KEYS, ' ']}.includes(e.key)) {{ e.preventDefault(); emit(e.key, e.repeat); }} }}"
SECONDS = 0.15  # from step to step, where the agent plays


class MapFrame:
    """A map with its legend.

    Args:
        title: above it.
    """

    def __init__(self, title: str):
        with ui.element("div"):
            self.title = ui.html(f"<h3>{title}</h3>")
            self.picture = Picture(title)
            self.legend = ui.html("", sanitize=False)

    def show(self, one: Map, title: str = "") -> None:
        """Show a map."""
        if title:
            self.title.content = f"<h3>{title}</h3>"
        self.picture.show(one.picture, f"what the {one.label} depends on, in red")
        self.legend.content = f"<span class='small dim'>0 <span class=ramp></span> {one.top:.3g} per pixel</span>"


class DrivePanel(Panel):
    """Drive, and see what value and advantage depend on."""

    name: ClassVar[str] = "Drive"
    title: ClassVar[str] = "A driver, and what its judgement depends on"
    about: ClassVar[str] = (
        "Overtake cars before night falls. The agent has two opinions at each moment: the value, how much it expects "
        "still to win, and the advantage, how much better its best action is than the others. In red: the pixels that "
        "each depends on. Drive yourself, let the agent drive, or remove cars from its view and compare."
    )

    def build(self) -> None:
        self.game: Game | None = None
        self.now: View | None = None
        self.seed = 11  # of the first episode, in which cars come soon
        with ui.element("div").classes("row"):
            self.agent = self.choose_agent(drives, self.fresh, "Driving-dueling")
            self.method = ui.select(
                {name: METHOD_NAMES[name] for name in METHODS}, value=METHODS[0], label="Maps", on_change=self.fresh
            ).classes("wide")
            ui.button("Begin anew", on_click=self.fresh).props("outline")
        with ui.element("div").classes("row"):
            self.change = ui.select([], label="Change").classes("wide")
            ui.button("Change the world", on_click=self.intervene)
        with ui.element("div").classes("row"):
            self.actions = ui.element("div").classes("row").props('role=group aria-label="drive"')
            small_button("Let the agent make a step", lambda: self.step(None))
            self.play = small_button("Let it drive", self.toggle)
        self.caption = ui.label("").props("aria-live=polite")
        with ui.element("div").classes("tiles"):
            with ui.element("div"):
                ui.html("<h3>What it sees</h3>")
                with ui.element("div") as stage:
                    self.picture = Picture("the road")
                stage.classes("stage").props("tabindex=0").on("keydown", self.key, js_handler=KEYS_ONLY)
                legend("In focus: <kbd>↑ ↓ ← →</kbd> drive, <kbd>Space</kbd> the agent.")
            self.maps = [MapFrame("value"), MapFrame("advantage")]
            with ui.element("div"):
                ui.html("<h3>What it would do</h3>")
                self.odds = ui.html("", sanitize=False)
        with ui.element("div") as self.before:
            self.compared = ui.html("", sanitize=False).style("margin-top:1rem").props("aria-live=polite")
            with ui.element("div").classes("tiles"):
                with ui.element("div"):
                    ui.html("<h3>What it saw before the change</h3>")
                    self.picture_before = Picture("the road before the change")
                self.maps_before = [MapFrame("value, before"), MapFrame("advantage, before")]
        self.before.set_visibility(False)
        legend(
            "Full red is the greatest amount so far in this episode, so that maps can be compared. The agent sees the "
            "last four frames; a change is made in all of them, as if the world had always been so."
        )
        self.timer = ui.timer(SECONDS, self._tick, active=False)

    async def begin(self) -> None:
        if self.agent.value is None:
            self.note.fail(str(nobody("drives", "python train.py Probe/Driving-v0 dueling")))
            return
        await self.fresh()

    @handled
    async def fresh(self) -> None:
        """Begin an episode."""
        self.pause()
        agent, method = self.shelf.agent(self.agent.value), str(self.method.value)
        seed, self.seed = self.seed, random.randrange(MOST_SEED)
        self.game = game = await computed(lambda: Game(agent, self.shelf.learner(agent.name), seed, method))
        with self.actions.clear():
            for number, name in enumerate(game.actions):
                small_button(name, lambda number=number: self.step(number))
        names = list(game.interventions)
        self.change.set_options(names, value=names[0])
        self.before.set_visibility(False)
        await self._shown()

    async def key(self, event: GenericEventArguments) -> None:
        """A key was pressed on the picture."""
        key, repeated = event.args
        if self.game is None:
            return
        if key == " ":
            await (self.repeated if repeated else self.step)(None)
        elif key in KEYS and KEYS[key] in self.game.actions:
            await (self.repeated if repeated else self.step)(self.game.actions.index(KEYS[key]))

    async def _shown(self) -> None:
        assert self.game is not None
        self.now = now = await computed(self.game.view)
        self.picture.show(now.frame, f"the road: {now.caption}")
        said = [f"step {self.game.steps}: {now.caption}"]
        said += [] if now.value is None else [f"value {now.value:.3f}"]
        self.caption.text = ", ".join([*said, *(["the episode is over"] if now.over else [])])
        for frame, one in zip(self.maps, now.maps, strict=False):
            frame.show(one, one.label)
        self.odds.content = bars([bar.name for bar in now.bars], [bar.share or 0.0 for bar in now.bars])

    @handled
    async def step(self, action: int | None) -> None:
        """Make a step: an action of one's own, or with None the agent's."""
        self.pause()
        await self._stepped(action)

    @hasty
    async def repeated(self, action: int | None) -> None:
        """The same by a key that is held."""
        await self._stepped(action)

    async def _stepped(self, action: int | None) -> None:
        if self.game is None:
            return
        self.before.set_visibility(False)
        await computed(self.game.step, action)
        await self._shown()

    @handled
    async def intervene(self) -> None:
        """Change the world, and show the maps before and after."""
        self.pause()
        if self.game is None or self.now is None:
            return
        before = self.now
        await computed(self.game.intervene, self.change.value)
        await self._shown()
        self.picture_before.show(before.frame, f"the road before: {before.caption}")
        for frame, one in zip(self.maps_before, before.maps, strict=False):
            frame.show(one, f"{one.label}, before")
        self.compared.content = f"<p><b>{self._difference(before).capitalize()}.</b></p>"
        self.before.set_visibility(True)

    def _difference(self, before: View) -> str:
        assert self.now is not None
        moved = []
        if before.value is not None and self.now.value is not None:
            moved.append(f"its value went from {before.value:.3f} to {self.now.value:.3f}")
        for old, new in zip(before.maps, self.now.maps, strict=False):
            name = "value" if old.label == "value" else "advantage"
            moved.append(f"the map of the {name} changed by {100 * old.change(new):.0f} %")
        if (before.frame == self.now.frame).all():
            moved.insert(0, "nothing of that kind is in sight: the picture is the same")
        return ", ".join(moved)

    def toggle(self) -> None:
        """Let the agent drive, or stop it."""
        if self.timer.active:
            self.pause()
        else:
            self.timer.activate()
            self.play.text = "Stop"

    def pause(self) -> None:
        """Stop the agent."""
        self.timer.deactivate()
        self.play.text = "Let it drive"

    @hasty
    async def _tick(self) -> None:
        if self.game is None or self.game.over:
            self.pause()
        else:
            await self._stepped(None)
