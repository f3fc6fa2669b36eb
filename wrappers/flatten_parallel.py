"""Flat actions and observations for PettingZoo's parallel environments."""

from collections.abc import Mapping

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv
from pettingzoo.utils import BaseParallelWrapper

from ..tree import Tree
from .flatten import ActionFlattener, To


class FlattenParallel(BaseParallelWrapper):
    """A PettingZoo environment whose agents get one flat Box and do one flat action: what SuperSuit's tools take.

    Args:
        env: with Dict actions.
        to: as in `ActionFlattener`.
        bins: as in `ActionFlattener`.
    """

    def __init__(self, env: ParallelEnv, to: To = "auto", bins: int = 9):
        super().__init__(env)
        self.flatteners = {agent: ActionFlattener(env.action_space(agent), to, bins) for agent in env.possible_agents}
        self._spaces = {agent: spaces.flatten_space(env.observation_space(agent)) for agent in env.possible_agents}

    def observation_space(self, agent: str) -> spaces.Space:
        return self._spaces[agent]

    def action_space(self, agent: str) -> spaces.Space:
        return self.flatteners[agent].space

    def _flat(self, observations: Mapping[str, Tree]) -> dict[str, Tree]:
        return {agent: spaces.flatten(self.env.observation_space(agent), each) for agent, each in observations.items()}

    def reset(self, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        observations, infos = self.env.reset(seed=seed, options=options)
        return self._flat(observations), infos

    def step(self, actions: Mapping[str, np.ndarray]) -> tuple[dict, dict, dict, dict, dict]:
        unflattened = {agent: self.flatteners[agent].unflatten_one(action) for agent, action in actions.items()}
        observations, rewards, terminations, truncations, infos = self.env.step(unflattened)
        return self._flat(observations), rewards, terminations, truncations, infos
