"""A game of a person: from events to steps, without a window, and what the window shows of it."""

import time
from collections.abc import Callable, Mapping

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from ...envs.glimpse.gaze import GazeWorld
from ...envs.protocols import HasGaze, find_layer, world_of
from ...envs.scale import ScoreScale
from ...envs.sequence.passage import Passage
from ...viz.canvas import as_picture, scaled
from ...viz.window import Closed, Event, Key, Pointer
from .choices import Choices
from .parts import controls_of
from .played import Played, main_figures
from .screen import Screen, manual_page, screen
from .sight import WIDTH, Sight, drawn, field_of, retina

HOLD = 0.25  # seconds that a pressed key acts; a key that is held comes again and again
LIVE = 8  # frames a second from which on a game without due answers goes on by itself
FASTEST = 15.0


class Game:
    """Episodes that are played by events.

    Args:
        env: where.
        env_id: its id.
        seed: of the first episode; the next one has the next.
        episodes: how many.
        fps: steps a second of a world that goes on by itself; 0 waits for each action, None leaves it to the world.
        whole: show the whole world, and not only what an agent sees of it.

    Attributes:
        played: the finished episodes.
        restarts: how often an episode was begun again.
        done: whether the game is over.
        beside: how others do in the episode of a seed, by their names; None where nobody else plays.
    """

    def __init__(
        self, env: gym.Env, env_id: str, seed: int, episodes: int, fps: float | None = None, whole: bool = False
    ):
        self.env, self.env_id, self.seed, self.episodes, self.whole = env, env_id, seed, episodes, whole
        self.world = world_of(env)
        self.controls = controls_of(env, env_id)
        self.played: list[Played] = []
        self.restarts, self.done, self.helping = 0, False, False
        self.beside: Callable[[int], Mapping[str, Played]] | None = None
        self._others = ""
        self._room, self._note = 0, ""
        self._frame: Sight | None = None
        self._held: dict[str, float] = {}  # keys, and until when they act
        self._clicked: tuple[int | None, float] = (None, 0.0)  # a button's value, and until when it acts
        self.fps = 0.0
        self._begin()
        live = "target_mask" not in self.info and float(env.metadata.get("render_fps") or 0) >= LIVE
        self.fps = fps if fps is not None else min(FASTEST, float(env.metadata["render_fps"])) if live else 0.0
        self.waiting = self.fps > 0

    def _begin(self) -> None:
        self.observation, self.info = self.env.reset(seed=self.seed + len(self.played))
        self.controls.begin()
        self.steps, self.mean_return, self.over, self.path = 0, 0.0, False, []
        # an answer that counts from the first glimpse on stays until it is changed
        self._sticky = self.controls.place is not None and not self.controls.ready and bool(self.due)
        self.waiting, self._next = self.fps > 0, 0.0
        self._held.clear()
        self._look()

    @property
    def due(self) -> bool | None:
        """Whether an answer is due now; None where the world doesn't say."""
        mask = self.info.get("target_mask")
        return None if mask is None else bool(np.any(mask))

    def _look(self) -> None:
        """What follows from a new observation."""
        self._frame = None
        for control in self.controls.parts.values():
            control.due = self.due is not False
        place = self.controls.place
        if place is not None and isinstance(self.observation, dict):
            place.gaze = np.asarray(self.observation["location"])
            self.path.append(place.gaze.copy())

    # ---- events ----

    def handle(self, event: Event, shown: Screen, now: float | None = None) -> None:
        """Something was done with the keys or the mouse.

        Args:
            event: what.
            shown: the frame that it was done on.
            now: the time in seconds; None is the clock's.
        """
        now = time.monotonic() if now is None else now
        self._note = ""
        if isinstance(event, Closed) or (isinstance(event, Key) and self._is_command(event.name, "escape", "q")):
            self.done = True
        elif isinstance(event, Key) and self._is_command(event.name, "f1", "h"):
            self.helping = not self.helping
        elif isinstance(event, Key) and self._is_command(event.name, "f5", "r"):
            self.restarts += not self.over
            self._begin()
        elif self.helping:
            self.helping = not isinstance(event, Key) and not (isinstance(event, Pointer) and event.kind == "press")
        elif self.over:
            if (isinstance(event, Key) and event.name in ("space", "enter")) or (
                isinstance(event, Pointer) and event.kind == "press"
            ):
                self._next_episode()
        elif isinstance(event, Key):
            self._on_key(event.name, now)
        elif isinstance(event, Pointer):
            self._on_pointer(event, shown, now)

    def _is_command(self, name: str, always: str, letter: str) -> bool:
        return name == always or (name == letter and not self.controls.letters)

    def _next_episode(self) -> None:
        if len(self.played) >= self.episodes:
            self.done = True
        else:
            self._begin()

    def _on_key(self, name: str, now: float) -> None:
        if self.fps:
            self._wake(now)
            if name == "p" and not self.controls.letters:
                self.waiting = True
            self._held[name] = now + HOLD
            return
        nothing_due = self.due is False and not isinstance(self.env.action_space, spaces.Dict)
        if name in ("space", "enter") and nothing_due:
            self.controls.clear()
            self.step()
            return
        # what is chosen already comes last
        order = sorted(self.controls.parts.items(), key=lambda each: isinstance(each[1], Choices) and each[1].complete)
        for part, control in order:
            chosen = control.key(name)
            if chosen is not None:
                self._chose(part, chosen)
                return
        if name in ("space", "enter"):
            if self.controls.place is not None and not self.due:
                self.step()
            else:
                self._note = "An answer is due now."

    def _on_pointer(self, event: Pointer, shown: Screen, now: float) -> None:
        pen, place = self.controls.pen, self.controls.place
        if pen is not None and shown.paper is not None and shown.paper.holds(event.x, event.y):
            if event.kind == "press" and not pen.due:
                self._note = "The text is still being read: Space goes on."
            elif pen.pointer(event.kind, event.x - shown.paper.left, event.y - shown.paper.top):
                self.step()
            return
        inside = place is not None and shown.field is not None and shown.field.holds(event.x, event.y)
        if inside and shown.field is not None and place is not None and (event.kind == "press" or self.fps):
            field = shown.field
            x, y = (event.x - field.left + 0.5) / field.width, (event.y - field.top + 0.5) / field.height
            place.point(2 * x - 1, 2 * y - 1)
        if event.kind != "press":
            return
        if self.fps:
            self._wake(now)
        elif inside:
            self._pointed()
        for hot in shown.hot:
            if hot.area.holds(event.x, event.y):
                control = self.controls.parts[hot.part]
                chosen = control.push(hot.number)
                if self.fps and isinstance(control, Choices):
                    self._clicked = (control.chosen[0], now + HOLD)
                    control.clear()
                else:
                    self._chose(hot.part, chosen)

    def _wake(self, now: float) -> None:
        if self.waiting:
            self.waiting, self._next = False, now + 1 / self.fps

    def _chose(self, part: str, chosen: bool) -> None:
        """Part of an action was chosen, or only begun."""
        place = self.controls.place
        if not chosen or self._sticky:
            return
        if self.due is False and place is not None and not self.controls.ready:
            self.controls.parts[part].clear()
            self._note = "No answer is due yet: click where to look next."
        elif self.due is False and not isinstance(self.env.action_space, spaces.Dict):
            self.controls.clear()
            self._note = "Nothing is due yet: Space goes on."
        elif all(c.complete for c in self.controls.parts.values() if isinstance(c, Choices)):
            self.step(ready=True)

    def _pointed(self) -> None:
        """A place was pointed at."""
        asked = self.due and not self.controls.ready and not self._sticky
        if asked:
            self._note = "An answer is due now: which is it?"
        else:
            self.step()

    # ---- time ----

    def tick(self, now: float | None = None) -> None:
        """Let time go by: a world that goes on by itself makes the step that is due.

        Args:
            now: the time in seconds; None is the clock's.
        """
        now = time.monotonic() if now is None else now
        if not self.fps or self.waiting or self.over or self.helping or now < self._next:
            return
        self._next = max(self._next + 1 / self.fps, now)
        held = sorted((name for name, until in self._held.items() if until > now), key=lambda name: self._held[name])
        clicked, until = self._clicked
        for control in self.controls.parts.values():
            if isinstance(control, Choices):
                control.live(held)
                if clicked is not None and until > now and not held:
                    control.chosen[0] = clicked
        self.step(keep_place=True)

    def step(self, ready: bool = False, keep_place: bool = False) -> None:
        """Make the step that was chosen.

        Args:
            ready: whether the answer is final, where that is a part of the action.
            keep_place: whether the place that is pointed at stays, as that of a mouse does.
        """
        action, place = self.controls.action(ready), self.controls.place
        pointed = None if place is None else place.at
        self.observation, reward, terminated, truncated, self.info = self.env.step(action)
        if not self._sticky:
            self.controls.clear()
        elif place is not None:
            place.clear()
        if keep_place and place is not None:
            place.at = pointed
        self.steps += 1
        self.mean_return += float(reward)
        self.over = bool(terminated or truncated)
        self._look()
        if self.over:
            score = float(np.asarray(self.info.get("score", np.nan)).mean())
            seed = self.seed + len(self.played)
            self.played.append(Played(seed, self.steps, self.mean_return, score))
            others = self.beside(seed) if self.beside is not None else {}
            figures = [f"{name} {main_figures([one])[0]:.3g}" for name, one in others.items()]
            scale = None if self.world is None else self.world.scale
            if isinstance(scale, ScoreScale):
                figures += [f"oracle {scale.oracle.mean:.3g}, never looks {scale.blind.mean:.3g} (means)"]
            self._others = f"Beside you: {', '.join(figures)}." if figures else ""

    # ---- what is shown ----

    def screen(self) -> Screen:
        """The frame of the window, and where the mouse does what."""
        if self._frame is None:
            self._frame = self._whole() if self.whole or self.over else self._seen()
            self._room = max(self._room, self._frame.picture.shape[0])
        if self.helping:
            about = type(self.world) if self.world is not None else None
            page = Sight(manual_page(about, [*self.keys(), "any key: back to the game"]))
            return Screen(page.picture, [], None, None)
        lines = [self.standing(), *([self._others] if self.over and self._others else []), *self.keys()]
        return screen(self._frame, self.controls, lines, self.note(), self._room)

    def _seen(self) -> Sight:
        layer = find_layer(self.env, HasGaze)
        gaze = None if layer is None else layer.gaze()
        if gaze is not None and isinstance(self.observation, dict):
            size = (int(gaze.pictures.shape[1]), int(gaze.pictures.shape[2]))
            caption = f"glimpse {len(self.path)}   (blue: not seen)"
            return retina(self.observation, gaze.outlines[0].numpy(), size, np.array(self.path), caption)
        return drawn(self.observation, self.env.observation_space, self.world)

    def _whole(self) -> Sight:
        picture = self.env.render()
        if picture is None:
            return self._seen()
        picture = as_picture(picture)
        if picture.shape[1] > WIDTH:
            picture = scaled(picture, WIDTH / picture.shape[1])
        sees = isinstance(self.world, GazeWorld) and self.controls.place is not None
        return Sight(picture, field_of(self.world.picture_size) if sees else None)  # type: ignore[union-attr]

    def note(self) -> str:
        """The line that stands out: what is to be done now, or what was wrong."""
        if self._note:
            return self._note
        if self.over:
            last = self.played[-1]
            figure = f"return {last.mean_return:.3g}"
            if not np.isnan(last.score):
                figure = f"score {last.score:.3g}, {figure}"
            more = len(self.played) < self.episodes
            return f"The episode is over: {figure}. Space: {'next episode' if more else 'end'}."
        if self.waiting:
            return "Ready? Press a key or click to begin."
        if self.fps:
            return ""
        place, typed = self.controls.place, next((c.typed for c in self.controls.parts.values() if c.typed), "")
        if typed:
            return f"typed: {typed}"
        if self.controls.ready:
            return "Click where to look next, or give the answer, which ends the episode."
        if self._sticky:
            return "Choose an answer, then click where to look next: each answer counts."
        if self.due is False:
            return "No answer is due yet: click where to look." if place else "Nothing is due yet: Space goes on."
        return "Answer now." if self.due else "Choose what to do."

    def standing(self) -> str:
        """How it stands, in a line."""
        number = min(len(self.played) + (not self.over), self.episodes)
        length = getattr(self.world, "episode_length", None)
        text = f"{self.env_id}   episode {number} of {self.episodes}   step {self.steps}"
        text += f" of {length}" if length else ""
        text += f"   return so far {self.mean_return:.3g}" if self.fps else ""
        if self.played:
            figures = main_figures(self.played)
            text += f"   you: {np.mean(figures):.3g} on average"
        return text

    def keys(self) -> list[str]:
        """Lines that say which keys do what."""
        letters = self.controls.letters
        parts = self.controls.parts.items()
        own = ".  ".join(f"{name}: {part.help()}" if name else part.help() for name, part in parts)
        common = "F1 help, F5 again, Esc end" if letters else "H help, R again, Esc or Q end"
        if self.fps and not letters:
            common += ", P pause"
        if isinstance(self.world, Passage) and self.world.view == "stream":
            common += ".  --env.view whole shows all that is read at once"
        return [own, common]
