"""The controls of an environment, one for each part of its action space, or why a person can't act there."""

from typing import NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from ...envs.batch import BatchWorld
from ...envs.glimpse.gaze import GazeWorld
from ...envs.protocols import world_of
from ...envs.sequence import pen
from ...envs.sequence.passage import Passage
from ...envs.sequence.pen_passage import PenPassage
from ...errors import FoveateError
from .choices import Choices
from .controls import Bits, Control
from .legends import action_names
from .pointing import Pen, Place, Zoom

MOST_VALUES, MOST_NUMBERS, MOST_BITS = 400, 32, 1024  # that can be shown as buttons


class Controls(NamedTuple):
    """What a person acts with.

    Attributes:
        parts: a control for each part of the action, "" where the action is one.
        ready: whether one part says that the answer is final, which is chosen along with it.
    """

    parts: dict[str, Control]
    ready: bool = False

    @property
    def place(self) -> Place | None:
        """The control of where to look, if there is one."""
        return next((part for part in self.parts.values() if isinstance(part, Place)), None)

    @property
    def pen(self) -> Pen | None:
        """The pen, if there is one."""
        return next((part for part in self.parts.values() if isinstance(part, Pen)), None)

    @property
    def letters(self) -> bool:
        """Whether letters are typed, which then are no commands."""
        return any(part.letters for part in self.parts.values())

    def action(self, ready: bool) -> object:
        """The action that was chosen.

        Args:
            ready: the value of the part `ready`, where there is one.
        """
        if "" in self.parts:
            return self.parts[""].value()
        values = {name: part.value() for name, part in self.parts.items()}
        return {**values, "ready": np.int64(ready)} if self.ready else values

    def clear(self) -> None:
        """Forget what was chosen."""
        for part in self.parts.values():
            part.clear()

    def begin(self) -> None:
        """An episode begins."""
        for part in self.parts.values():
            part.begin()


def controls_of(env: gym.Env, env_id: str) -> Controls:
    """The controls of an environment.

    Args:
        env: one environment.
        env_id: for messages.

    Raises:
        FoveateError: a person can't act there.
    """
    world, space = world_of(env), env.action_space
    if not isinstance(space, spaces.Dict):
        return Controls({"": _control(env, env_id, world, "", space)})
    ready = "ready" in space.spaces and isinstance(world, GazeWorld)
    parts = {k: _control(env, env_id, world, k, s) for k, s in space.spaces.items() if not (ready and k == "ready")}
    write = parts.get("write")
    if isinstance(world, Passage) and isinstance(write, Choices):
        write.needed = 0  # where nothing is due, only where to look is chosen
    return Controls(parts, ready)


def _control(env: gym.Env, env_id: str, world: BatchWorld | None, name: str, space: spaces.Space) -> Control:
    if isinstance(world, GazeWorld) and name == "location":
        assert isinstance(space, spaces.Box | spaces.Discrete)
        return Place(space, world.sensor.reach if world.sensor.location == "moves" else None)
    if isinstance(world, GazeWorld) and name == "zoom":
        return Zoom()
    if isinstance(world, PenPassage) and isinstance(space, spaces.Box):
        return Pen(space, world.most_items * pen.widest())
    if isinstance(space, spaces.MultiBinary) and np.prod(space.shape) <= MOST_BITS:
        return Bits(space)
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        titles, names = action_names(env, world, name, space)
        if isinstance(world, Passage) and name and not titles:
            titles = [{"location": "look at item"}.get(name, name)]
        if len(names) <= MOST_NUMBERS and max(map(len, names)) <= MOST_VALUES:
            return Choices(space, names, titles)
    what = f"part {name!r} of its action" if name else "its action"
    raise FoveateError(
        f"{env_id} can't be played by hand: {what} is {' '.join(str(space).split())[:120]}, and a person can choose "
        f"among up to {MOST_VALUES} values, up to {MOST_NUMBERS} times, switch up to {MOST_BITS} bits, look, or write."
    )
