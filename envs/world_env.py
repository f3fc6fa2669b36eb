"""What all environments around a batch of worlds share: Gymnasium's single and vector ones, and PettingZoo's."""

from collections.abc import Callable
from typing import ClassVar

import gymnasium as gym
import numpy as np
import torch
from gymnasium.error import ResetNeeded
from torch import Tensor

from ..errors import FoveateError, check_choice, check_range, shortened
from ..introspect import plain, plain_arguments
from ..tree import Tree, outside_inference
from ..viz.window import Window, check_display
from .batch import BatchWorld, State
from .info import Masked
from .later import Later
from .protocols import Gaze, RetinaWorld, TakesInterventions, TellsRelevance, TellsScore, TellsValueRelevance

RENDER_MODES = ["human", "rgb_array"]


def usable_device(device: object) -> torch.device:
    """The device of a name.

    Raises:
        FoveateError: there is none, here.
    """
    if not isinstance(device, (str, torch.device)):
        raise FoveateError(f"device={shortened(device)} is not allowed: it must be a name such as 'cpu' or 'cuda'.")
    try:
        found = torch.device(device)
        torch.zeros(1, device=found).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise FoveateError(f"device={shortened(device)} can't be used here: {reason}") from error
    return found


class WorldEnv:
    """What all environments around a batch of worlds share: the worlds, their `info`, pictures and interventions."""

    world_class: ClassVar[type[BatchWorld]]
    world: BatchWorld
    _window: Window | None = None  # here, since one that couldn't be built is closed, too (by Gymnasium's `__del__`)

    def _open(
        self,
        num_worlds: int,
        render_mode: str | None,
        relevance: bool,
        device: str | torch.device,
        arguments: dict[str, object],
        max_episode_steps: int | None = None,
    ) -> None:
        """Build the worlds.

        Args:
            num_worlds: how many.
            render_mode: None, "rgb_array" or "human".
            relevance: whether `info` holds what matters.
            device: where the worlds' tensors live.
            arguments: of the world class.
            max_episode_steps: where to cut episodes, if the worlds don't end them before.

        Raises:
            FoveateError: an argument is unknown or impossible, or the worlds would not fit into the memory.
        """
        arguments = plain_arguments(self.world_class, arguments, self.world_class.__name__)
        num_worlds = check_range("num_envs", num_worlds, 1)
        relevance = plain("relevance", relevance, bool)
        place = usable_device(device)
        if render_mode is not None:
            check_choice("render_mode", render_mode, RENDER_MODES)
        if render_mode == "human":
            check_display()
        self.render_mode = render_mode
        self.world = self.world_class(**arguments)
        if max_episode_steps is not None:
            self.world.limit_episodes(check_range("max_episode_steps", max_episode_steps, 1))
        self.world.build(num_worlds, place, keep_trail=render_mode is not None)
        self._relevance = self._relevances() if relevance else {}
        self._score = self.world.score if isinstance(self.world, TellsScore) else None

    def _relevances(self) -> dict[str, Callable[[State], Tensor]]:
        """What `info` says of what matters, by name."""
        world = self.world
        if not isinstance(world, TellsRelevance):
            raise FoveateError(f"{type(world).__name__} declares no relevance.")
        known = {"relevance": world.relevance}
        return {**known, "relevance_value": world.relevance_value} if isinstance(world, TellsValueRelevance) else known

    @outside_inference
    def gaze(self) -> Gaze | None:
        """Where the agent looks, in a world that is seen through a retina; None in any other."""
        return self.world.gaze(self.world.state) if isinstance(self.world, RetinaWorld) else None

    @outside_inference
    def intervene(self, kind: str, name: str, amount: float | None = None) -> Tree:
        """Do something to one of the world's objects, now and in all frames still seen; returns the observation.

        Args:
            kind: "remove", "move", "shift" or "set", whichever the world knows for the object.
            name: the object, for example "near cars".
            amount: how far, or to what; None takes the usual amount.

        Raises:
            FoveateError: the world has no interventions, or not this one.
            ResetNeeded: no episode has begun.
        """
        if not isinstance(self.world, TakesInterventions):
            raise FoveateError(
                f"{type(self.world).__name__} has no interventions; the Probe worlds and Glimpse/Fur have."
            )
        if not self.world.begun:
            raise ResetNeeded("no episode has begun: call reset() before intervene().")
        self.world.replace(self.world.intervene(self.world.state, kind, name, amount))
        return self._observation()

    def _observation(self) -> Tree:
        """The observation of the present."""
        raise NotImplementedError

    def _later_info(self) -> Later[Masked]:
        """`info` of the present, for whoever will ask for it."""
        world = self.world
        state, over = world.state, world.over
        return world.waiting.add(Later(lambda: self._info_of(state, over)))

    def _masked_info(self) -> Masked:
        """`info` of the present, each value with a mask of the worlds that have one."""
        return self._info_of(self.world.state, self.world.over)

    def _info_of(self, state: State, over: Tensor) -> Masked:
        """The same of a moment.

        Args:
            state: of the worlds.
            over: bool, (B,), where the episode has ended.
        """
        world, playing = self.world, ~over
        info = {name: (value, playing) for name, value in world.annotate(state).items()}
        info |= {name: (relevance(state), playing) for name, relevance in self._relevance.items()}
        if self._score is not None:
            info["score"] = (self._score(state), state["clock"] > 0)
        return info

    def _check_begun(self) -> None:
        if not self.world.begun:
            raise ResetNeeded("no episode has begun: call reset() before render().")

    def _render_one(self, title: str) -> np.ndarray | None:
        """The picture of the only world, or a window with this title that shows it."""
        if self.render_mode is None:
            gym.logger.warn('render() without a render_mode: pass render_mode="rgb_array".')
            return None
        self._check_begun()
        if self.render_mode == "rgb_array":
            return self.world.frame(0)
        self._show(title)
        return None

    def _show(self, title: str) -> None:
        """Show the first world in a window."""
        self._window = self._window or Window(title)
        self._window.show(self.world.frame(0), self.world.render_fps)

    def _close_window(self) -> None:
        if self._window is not None:
            self._window.close()
