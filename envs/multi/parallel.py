"""Worlds of several agents as PettingZoo's parallel environments. The only module that needs PettingZoo."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils.conversions import parallel_to_aec

from ...tree import Tree, outside_inference
from ...tree import map as map_leaves
from ..actions import batch_of_one
from ..counter_rng import world_key
from ..protocols import Info
from ..spaces import action_reader
from ..world_env import RENDER_MODES, WorldEnv
from .base import MultiWorld


class ParallelTeamEnv(WorldEnv, ParallelEnv):
    """One world as a PettingZoo ``ParallelEnv``: a batch of one, numpy in and out, all agents act at once.

    Args:
        render_mode: None, "rgb_array" or "human" (a window, which needs a display).
        relevance: whether `infos` hold the ground truth of what matters.
        device: where the world's tensors live.
        **task: the arguments of the world class.
    """

    name: ClassVar[str]
    world: MultiWorld

    def __init__(self, *, render_mode: str | None = None, relevance: bool = False, device: str = "cpu", **task: object):
        self._open(1, render_mode, relevance, device, task)
        self.metadata = {
            "name": self.name,
            "render_modes": RENDER_MODES,
            "render_fps": self.world.render_fps,
            "is_parallelizable": True,
        }
        self.possible_agents = list(self.world.agents)
        self.agents: list[str] = []
        self.observation_spaces = {name: self.world.observation_space[name] for name in self.possible_agents}
        self.action_spaces = {name: self.world.action_space[name] for name in self.possible_agents}
        self._read = action_reader(self.world.action_space, 1, self.world.device)

    def observation_space(self, agent: str) -> spaces.Space:
        """What an agent sees."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space:
        """What an agent does."""
        return self.action_spaces[agent]

    @outside_inference
    def reset(self, seed: int | None = None, options: dict | None = None) -> tuple[dict[str, Tree], dict[str, Info]]:
        """Begin an episode; the same seed gives the same sequence of episodes."""
        keys = None
        if seed is not None or not self.world.begun:
            chance = int(seeding.np_random()[0].integers(1 << 62)) if seed is None else seed
            keys = torch.tensor([world_key(chance)])
        self.world.reset(keys=keys)
        self.agents = list(self.possible_agents)
        return self._present()

    @outside_inference
    def step(
        self, actions: dict[str, Tree]
    ) -> tuple[dict[str, Tree], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Info]]:
        """Make one step; `actions` holds one of every agent."""
        if not self.agents:
            raise ResetNeeded("the episode is over (or has not begun): call reset() before step().")
        reward, terminated, truncated = self.world.step(self._read(batch_of_one(actions)))
        rewards = dict(zip(self.agents, reward[0].tolist(), strict=True))
        ended, cut = (dict.fromkeys(self.agents, bool(flag)) for flag in (terminated, truncated))
        if bool(self.world.over[0]):
            self.agents = []
        observations, infos = self._present()
        return observations, rewards, ended, cut, infos

    def _present(self) -> tuple[dict[str, Tree], dict[str, Info]]:
        """The present observations and infos, by agent."""
        if self.render_mode == "human":
            self.render()
        present = {name: value[0] for name, (value, mask) in self._masked_info().items() if bool(mask[0])}  # (A, …)
        infos: dict[str, Info] = {
            agent: {k: v[a].item() if v.ndim == 1 else v[a].cpu().numpy() for k, v in present.items()}
            for a, agent in enumerate(self.possible_agents)
        }
        return self._observation(), infos

    def _observation(self) -> dict[str, Tree]:
        return map_leaves(lambda x: x[0].cpu().numpy(), self.world.observe(self.world.state))

    def state(self) -> np.ndarray:
        """The whole state as one vector, float32, for methods with a central critic."""
        return self.world.true_state()[0].cpu().numpy()

    def render(self) -> np.ndarray | None:
        """The picture of the present ("rgb_array": uint8 (H, W, 3)), or a window that shows it ("human")."""
        return self._render_one(self.name)

    def close(self) -> None:
        """Close the window, if there is one."""
        self._close_window()


def parallel_class(world_class: type[MultiWorld], name: str, home: str) -> type[ParallelTeamEnv]:
    """PettingZoo's class of a world, by the name that its metadata has; an attribute of the module `home`."""
    body = {"world_class": world_class, "__doc__": world_class.__doc__, "__module__": home}
    return type(f"{world_class.__name__}ParallelEnv", (ParallelTeamEnv,), {**body, "name": name})


def agent_by_agent(parallel: Callable[..., ParallelTeamEnv], **arguments: object) -> AECEnv:
    """The same environment with one agent acting at a time (AEC), by PettingZoo's converter."""
    return parallel_to_aec(parallel(**arguments))
