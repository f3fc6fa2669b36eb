"""What instruments of whole episodes share: they keep all that a policy was shown since the reset."""

from typing import SupportsFloat

import gymnasium as gym

from ... import tree
from ...envs.protocols import Info
from ...tree import Tree
from ..instrument import Instrument
from .policy_views import OwnView


class EpisodeInstrument(Instrument):
    """An instrument that keeps the observations of an episode, and draws pictures of its own.

    Args:
        env: a single environment.
        view: of the policy that is looked into.

    Attributes:
        observations: of the episode so far, prepared, (1, …) each; what came as it ended is none.
    """

    def __init__(self, env: gym.Env, view: OwnView):
        super().__init__(env)
        self.view = view
        self.observations: list[Tree] = []

    @property
    def render_mode(self) -> str | None:
        """Always "rgb_array": the pictures are the wrapper's own."""
        return "rgb_array"

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Tree, Info]:
        """Begin an episode, and forget the one before."""
        observation, info = self.env.reset(seed=seed, options=options)
        self.observations = [self._prepared(observation)]
        return observation, info

    def step(self, action: Tree) -> tuple[Tree, SupportsFloat, bool, bool, Info]:
        """Step the environment, and keep the next observation."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if not (terminated or truncated):
            self.observations.append(self._prepared(observation))
        return observation, reward, terminated, truncated, info

    def _prepared(self, observation: Tree) -> Tree:
        return self.view.prepare(tree.unsqueeze(observation))
