"""A game that a person or an agent plays, with what the agent's value and advantage depend on."""

from typing import NamedTuple

import numpy as np

from ...agents import Algorithm
from ...envs.probe.game import GameWorld
from ...envs.protocols import Intervention, world_of
from ...envs.registry import make_one
from ...errors import FoveateError, check_range
from ...viz.canvas import enlarge
from ...viz.panels import Bar, reddened
from ...wrappers import Saliency
from ...wrappers.saliency.pictures import backdrop, bars_of
from .looking import MOST_SEED
from .shelf import Agent

SCALE = 4  # of a frame of 84x84
METHODS = ("jacobian", "perturbation", "random")
KEYS = {
    "ArrowLeft": "left",
    "ArrowRight": "right",
    "ArrowUp": "faster",
    "ArrowDown": "slower",
}  # of a keyboard, by action


class Map(NamedTuple):
    """What one output depends on.

    Attributes:
        label: of the output.
        picture: the frame with the map in red, uint8 (H, W, 3).
        top: how much full red is.
        amounts: of each pixel, float (84, 84), none below zero.
    """

    label: str
    picture: np.ndarray
    top: float
    amounts: np.ndarray

    def change(self, later: "Map") -> float:
        """How much a later map differs from this one, as a share of this one's sum."""
        return float(np.abs(later.amounts - self.amounts).sum() / max(float(self.amounts.sum()), 1e-12))


class View(NamedTuple):
    """The present.

    Attributes:
        frame: what is seen, uint8 (H, W, 3).
        caption: about the game, one line.
        bars: what the agent would do, with a probability for each action.
        value: what it expects still to win; None if it has no critic.
        maps: what its outputs depend on.
        best: the action that it finds best.
        over: whether the episode has ended.
    """

    frame: np.ndarray
    caption: str
    bars: list[Bar]
    value: float | None
    maps: list[Map]
    best: int
    over: bool


class Game:
    """An episode that goes on step by step.

    Args:
        agent: who is looked into, and may play.
        learner: the same, loaded.
        seed: of the episode.
        method: of the maps, one of `METHODS`.

    Raises:
        FoveateError: there is no such method, or the seed isn't allowed.
    """

    def __init__(self, agent: Agent, learner: Algorithm, seed: int, method: str = METHODS[0]):
        check_range("seed", seed, 0, MOST_SEED)
        self.learner = learner
        self.env = Saliency(make_one(agent.env_id, agent.env), learner, method)
        world = world_of(self.env)
        assert isinstance(world, GameWorld)
        self.world = world
        self._tops: dict[str, float] = {}  # the greatest amounts so far
        self._state: object = None
        self.over = False
        self.steps = 0
        self._observation, _ = self.env.reset(seed=seed)

    @property
    def actions(self) -> list[str]:
        """What each action does."""
        return list(self.world.action_names)

    @property
    def interventions(self) -> dict[str, Intervention]:
        """What can be done to the world, by what it is called."""
        return {f"{one.kind} {one.name}": one for one in self.world.interventions}

    def step(self, action: int | None = None) -> None:
        """Make one step.

        Args:
            action: which; None lets the agent choose.

        Raises:
            FoveateError: the episode is over, or there is no such action.
        """
        if self.over:
            raise FoveateError("the episode is over: begin a new one.")
        own, self._state = self.learner.predict(self._observation, self._state, deterministic=True)
        chosen = int(np.asarray(own)) if action is None else check_range("action", action, 0, len(self.actions) - 1)
        self._observation, _, terminated, truncated, _ = self.env.step(chosen)
        self.over, self.steps = terminated or truncated, self.steps + 1

    def intervene(self, name: object) -> None:
        """Change the world, now and in all frames that are still seen.

        Args:
            name: one of `interventions`.

        Raises:
            FoveateError: there is no such intervention, or the episode is over.
        """
        if self.over:
            raise FoveateError("the episode is over: begin a new one.")
        if not isinstance(name, str) or name not in self.interventions:
            raise FoveateError(f"this world can't be changed so; it knows: {', '.join(self.interventions)}.")
        one = self.interventions[name]
        self._observation = self.env.intervene(one.kind, one.name)

    def view(self) -> View:
        """The present, with its maps."""
        outputs, maps = self.env.outputs, self.env.maps()
        grey = backdrop(self.env.view.explained(self.env.inputs.observation)[0])
        drawn = []
        for target in self.env.targets:
            one = maps[self.env.methods[0], target.name]
            top = self._tops[target.name] = max(self._tops.get(target.name, 0.0), float(one.max()))
            drawn.append(Map(target.label, _enlarged(reddened(one, grey, top)), top, one))
        parameters = {name: value[0].numpy(force=True) for name, value in outputs.parameters.items()}
        bars = bars_of(self.env.view.parts, parameters, self.env.action_names, self.env.view.q_values)
        value = None if outputs.value is None else float(outputs.value[0])
        best = int(next(iter(parameters.values())).argmax())
        caption = ", ".join(self.world.caption(self.world.state, 0).split("   "))
        return View(_enlarged(grey), caption, bars, value, drawn, best, self.over)


def _enlarged(picture: np.ndarray) -> np.ndarray:
    return enlarge(picture, picture.shape[0] * SCALE, picture.shape[1] * SCALE)
