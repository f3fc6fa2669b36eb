"""What all probe worlds share: a screen of known objects, a stack of its last frames, and interventions on both."""

import abc
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import check_range
from ...viz.glimpses import glimpse_frame
from ..batch import BatchWorld, State
from ..beginnings import any_of
from ..buffers import Buffers
from ..counter_rng import CounterRNG
from ..protocols import Intervention, chosen_intervention

SIZE = 84  # pixels of a frame's side, the size that Atari agents are used to
PAST, FRAME = "past.", "frame."
MOST_FRAMES = 16


class GameWorld(BatchWorld):
    """A game drawn as grey frames, of which it is known what matters.

    A subclass writes the game's rules (`begin`, `play`), how to draw its visible state (`draw`), where its objects are
    (`masks`), and how they are changed (`change`). What an intervention changes is changed in all frames of the stack,
    as if the world had always been so.

    Observation space:
        ``Box(0, 255, (stack, 84, 84), uint8)``: the last frames, the newest last; at the start the first is repeated.

    Info:
        relevance (on request): bool (84, 84), the pixels of the newest frame that decide which action is best now;
        relevance_value (on request): those that decide the value, the rewards still to come.

    Args:
        stack: how many frames are seen at once.

    Attributes:
        action_names: what each action does, for people.
        visible: names of the state's entries that are drawn.
        interventions: what `intervene` can do, with the usual amounts.
        pictures: memory to draw in.
        kept: whether the state holds the frames; where drawing takes less time than copying, they are drawn when seen.
    """

    kept = True

    render_fps: ClassVar[int] = 15
    derived = frozenset(FRAME + str(i) for i in range(MOST_FRAMES))  # each apart: then a step moves none of them
    action_names: ClassVar[tuple[str, ...]]
    visible: ClassVar[tuple[str, ...]]
    interventions: ClassVar[tuple[Intervention, ...]]

    def __init__(self, *, stack: int = 4):
        check_range("stack", stack, 1, MOST_FRAMES)
        self.stack = stack
        self._frames = [FRAME + str(i) for i in range(stack)]  # the oldest first
        self._observed, self.pictures = Buffers(), Buffers(stack + 2)
        self.observation_space = spaces.Box(0, 255, (stack, SIZE, SIZE), np.uint8)
        self.action_space = spaces.Discrete(len(self.action_names))

    # ---- what a subclass writes ----

    @abc.abstractmethod
    def begin(self, rng: CounterRNG) -> State:
        """The state of the game at the start of an episode."""

    @abc.abstractmethod
    def play(self, state: State, action: Tensor, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        """The game's rules, as `BatchWorld.advance`."""

    @abc.abstractmethod
    def draw(self, scene: State) -> Tensor:
        """The picture of a visible state whose entries are (N, …), uint8 (N, 84, 84)."""

    @abc.abstractmethod
    def masks(self, scene: State) -> dict[str, Tensor]:
        """Where each object is in that picture, bool (N, 84, 84) by name."""

    @abc.abstractmethod
    def change(self, scene: State, now: State, intervention: Intervention) -> State:
        """The entries of a visible state that an intervention changes, changed.

        Args:
            scene: the visible state to change, of the present or of an earlier frame, entries (N, …).
            now: the present one, which says what is meant (near cars are those that are near now), (N, …).
            intervention: what to do.
        """

    @abc.abstractmethod
    def relevance(self, state: State) -> Tensor:
        """The pixels that decide which action is best now, bool (B, 84, 84)."""

    @abc.abstractmethod
    def relevance_value(self, state: State) -> Tensor:
        """The pixels that decide how much is still to be won, bool (B, 84, 84)."""

    @abc.abstractmethod
    def caption(self, state: State, index: int) -> str:
        """One line about a world, for its picture."""

    def _any(self, mask: Tensor) -> bool:
        """Whether what holds for some worlds must be computed: always on a device that one would have to wait for."""
        return self.device.type != "cpu" or any_of(mask)

    # ---- the stack of frames ----

    def scene(self, state: State) -> State:
        """What is drawn of a state."""
        return {name: state[name] for name in self.visible}

    def start(self, rng: CounterRNG) -> State:
        state = self.begin(rng)
        past = {PAST + n: torch.stack([state[n]] * self.stack, 1) for n in self.visible}  # (B, S, …)
        return {**state, **past}

    def derive(self, state: State) -> State:
        """All frames of the stack, drawn from the visible states they show."""
        if not self.kept:
            return {}
        past = {name: state[PAST + name] for name in self.visible}
        frames = self.draw({name: value.transpose(0, 1).flatten(0, 1) for name, value in past.items()})  # (S·B, 84, 84)
        return dict(zip(self._frames, frames.view(self.stack, -1, SIZE, SIZE).unbind(), strict=True))

    def advance(self, state: State, action: Any, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        after, reward, terminated = self.play(state, action, rng)
        past = {PAST + name: torch.cat([state[PAST + name][:, 1:], after[name][:, None]], 1) for name in self.visible}
        after = {**state, **after, **past}
        if self.kept:
            frames = [*(state[name] for name in self._frames[1:]), self.draw(self.scene(after))]  # (B, 84, 84) each
            after |= zip(self._frames, frames, strict=True)
        return after, reward, terminated

    def observe(self, state: State) -> Tensor:
        if not self.kept:
            past = {name: state[PAST + name].flatten(0, 1) for name in self.visible}  # (B·S, …)
            return self.draw(past).unflatten(0, (-1, self.stack))
        frames = [state[name] for name in self._frames]
        shape = (len(frames[0]), self.stack, SIZE, SIZE)
        return torch.stack(frames, 1, out=self._observed.empty(shape, torch.uint8, frames[0].device))

    # ---- the truth ----

    def objects(self, state: State) -> dict[str, Tensor]:
        """Where each object is in the newest frame, bool (B, 84, 84) by name; empty where there is none."""
        return self.masks(self.scene(state))

    def intervene(self, state: State, kind: str, name: str, amount: float | None = None) -> State:
        """The state after an intervention on an object: the game's, and all frames that are seen.

        Args:
            state: the worlds' state; it stays as it is.
            kind: one of the kinds in `interventions`.
            name: the object.
            amount: how far, or to what; None takes the usual amount.

        Raises:
            FoveateError: there is no such object or intervention, or the amount is not finite.
        """
        chosen = chosen_intervention(self.interventions, kind, name, amount)
        now = self.scene(state)
        changed = self.change(now, now, chosen)
        past = {n: state[PAST + n].flatten(0, 1) for n in self.visible}  # (B·S, …)
        flat = self.change(past, {n: v.repeat_interleave(self.stack, 0) for n, v in now.items()}, chosen)
        before = {PAST + n: value.unflatten(0, (-1, self.stack)) for n, value in flat.items()}
        after = {**state, **changed, **before}
        return {**after, **self.derive(after)}

    def frame(self, index: int) -> np.ndarray:
        picture = self.draw({name: value[index : index + 1] for name, value in self.scene(self.state).items()})[0]
        return glimpse_frame(picture.cpu().numpy(), self.caption(self.state, index))


def boxes(left: Tensor, top: Tensor, width: Tensor | int, height: Tensor | int) -> Tensor:
    """Rectangles in pixels, (N, K, 4): left, top, width and height of each.

    Args:
        left: first column, (N, K).
        top: first row, (N, K).
        width: (N, K) or less, or one for all.
        height: the same.
    """
    sizes = (size if isinstance(size, Tensor) else torch.full_like(left, size) for size in (width, height))
    return torch.stack([left, top, *(size.expand_as(left) for size in sizes)], -1)


def covered(rectangles: Tensor) -> tuple[Tensor, Tensor]:
    """Which rows and columns each rectangle covers, bool (N, K, 84) each.

    Args:
        rectangles: from `boxes`.
    """
    left, top, width, height = rectangles[..., None].unbind(-2)  # (N, K, 1) each
    pixel = torch.arange(SIZE, device=left.device)
    return (pixel >= top) & (pixel < top + height), (pixel >= left) & (pixel < left + width)


def cover(rows: Tensor, columns: Tensor) -> Tensor:
    """The union of the rectangles of each picture, bool (N, 84, 84)."""
    return torch.bmm(rows.float().transpose(1, 2), columns.float()) > 0


def paint(rows: Tensor, columns: Tensor, grey: Tensor) -> Tensor:
    """The sum of the rectangles' grey values (N, K) at each pixel, float (N, 84, 84)."""
    return torch.bmm((rows.float() * grey[..., None]).transpose(1, 2), columns.float())
