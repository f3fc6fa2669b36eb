"""The faces of worlds with several agents: PettingZoo's parallel one, and one seat an agent as a vector environment.

    shared_gaze_v0, SharedGazeVectorEnv = team_env_classes(SharedGaze, "shared_gaze_v0")

`shared_gaze_v0.parallel_env()` and `.env()` (agent by agent) are PettingZoo's; the class is fit for the
`vector_entry_point` of ``gymnasium.register``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils.conversions import parallel_to_aec
from torch import Tensor

from ...errors import FoveateError, check_choice
from ...viz.window import Window
from ..counter_rng import world_key
from ..gym_env import RENDER_MODES, VectorEnv, WorldEnv
from ..info import Masked, numpy_final, numpy_info, with_masks
from ..tensors import action_reader, batch_of_one, pick, to_numpy
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

    def __init__(self, *, render_mode: str | None = None, relevance: bool = False, device: str = "cpu", **task: Any):
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
        self._seeded = False
        self._window: Window | None = None

    def observation_space(self, agent: str) -> spaces.Space:
        """What an agent sees."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space:
        """What an agent does."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict | None = None) -> tuple[dict, dict]:
        """Begin an episode; the same seed gives the same sequence of episodes."""
        keys = None
        if seed is not None or not self._seeded:
            keys = torch.tensor(
                [world_key(seed if seed is not None else int(seeding.np_random()[0].integers(1 << 62)))]
            )
            self._seeded = True
        self.world.reset(keys=keys)
        self.agents = list(self.possible_agents)
        return self._observations(), self._infos()

    def step(self, actions: dict[str, Any]) -> tuple[dict, dict, dict, dict, dict]:
        """Make one step; `actions` holds one of every agent."""
        if not self.agents:
            raise ResetNeeded("the episode is over (or has not begun): call reset() before step().")
        wanted = {agent: batch_of_one(action) for agent, action in actions.items()}
        reward, terminated, truncated = self.world.step(self._read(wanted))
        rewards = dict(zip(self.agents, reward[0].tolist(), strict=True))
        ended, cut = (dict.fromkeys(self.agents, bool(flag)) for flag in (terminated, truncated))
        if bool(self.world.over[0]):
            self.agents = []
        return self._observations(), rewards, ended, cut, self._infos()

    def _observations(self) -> dict[str, Any]:
        if self.render_mode == "human":
            self.render()
        return self._seen()

    def _seen(self) -> dict[str, Any]:
        return to_numpy(pick(self.world.observe(self.world.state), 0))

    def _infos(self) -> dict[str, dict[str, Any]]:
        present = {name: value[0] for name, (value, mask) in self._masked_info().items() if bool(mask[0])}  # (A, …)
        return {
            agent: {k: v[a].item() if v.ndim == 1 else to_numpy(v[a]) for k, v in present.items()}
            for a, agent in enumerate(self.possible_agents)
        }

    def state(self) -> np.ndarray:
        """The whole state as one vector, float32, for methods with a central critic."""
        return self.world.true_state()[0].cpu().numpy()

    def render(self) -> np.ndarray | None:
        """The picture of this moment ("rgb_array": uint8 (H, W, 3)), or a window that shows it ("human")."""
        return self._render_one(self.name)

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()


class AgentRowsEnv(gym.vector.VectorEnv):
    """Many worlds as a ``gymnasium.vector.VectorEnv`` with one row an agent: for one policy that all agents share.

    Row ``b · A + a`` is agent a of world b; all rows of a world end together. World b of ``reset(seed=s)`` lives
    through the episodes of the parallel face at seed s + b.

    Observation space:
        a ``Dict`` of the parts that any agent sees, zero where this agent lacks them, and ``seat=Box(0, 1, (A,))``, who
        this agent is.

    Action space:
        a ``Dict`` of the parts that any agent has; what this agent lacks is ignored.

    Args:
        num_envs: how many worlds; the environment has A times as many rows.
        autoreset_mode: "NextStep" (Gymnasium's default), "SameStep" or "Disabled".
        output: "numpy", or "torch" for tensors on `device` without a copy.
        render_mode: None or "rgb_array".
        relevance: whether `info` holds the ground truth of what matters.
        device: where the tensors live.
        **task: the arguments of the world class.

    Attributes:
        team: how many neighbouring rows share their fate: A where agents cooperate, else 1.
    """

    world_class: ClassVar[type[MultiWorld]]

    def __init__(
        self,
        num_envs: int = 1,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        output: str = "numpy",
        render_mode: str | None = None,
        relevance: bool = False,
        device: str = "cpu",
        **task: Any,
    ):
        check_choice("output", output, ["numpy", "torch"])
        joint_class = type("Joint", (VectorEnv,), {"world_class": self.world_class})
        self.joint: VectorEnv = joint_class(
            num_envs,
            autoreset_mode=autoreset_mode,
            output="torch",
            render_mode=render_mode,
            relevance=relevance,
            device=device,
            **task,
        )
        self.world: MultiWorld = self.joint.world  # type: ignore[assignment]
        self.seats = len(self.world.agents)
        self.team = self.seats if self.world.cooperative else 1
        self.num_envs, self.output, self.render_mode = num_envs * self.seats, output, render_mode
        self.autoreset_mode, self.metadata = self.joint.autoreset_mode, self.joint.metadata
        seat = {"seat": spaces.Box(0.0, 1.0, (self.seats,), np.float32)}
        self.parts = _union(self.world.sees)
        self.single_observation_space = spaces.Dict({**self.parts, **seat})
        self.single_action_space = spaces.Dict(_union(self.world.does))
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._read = action_reader(self.single_action_space, self.num_envs, self.world.device)
        self._who = torch.eye(self.seats, device=self.world.device).repeat(num_envs, 1)  # (B·A, A)

    def reset(self, *, seed: Any = None, options: dict | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin episodes in all worlds, or in those whose rows are all in ``options["reset_mask"]`` (bool, (B·A,)).

        Args:
            seed: an int s (world b gets s + b), a list with an int for each world, or None to go on.
            options: may hold "reset_mask".
        """
        if options is not None and options.get("reset_mask") is not None:
            rows = torch.as_tensor(options["reset_mask"])
            if rows.dtype != torch.bool or rows.shape != (self.num_envs,):
                raise FoveateError(
                    f"options['reset_mask'] must be bool of shape ({self.num_envs},), "
                    f"got {rows.dtype} of shape {tuple(rows.shape)}."
                )
            rows = rows.view(-1, self.seats)
            if bool((rows.any(1) != rows.all(1)).any()):
                raise FoveateError("options['reset_mask'] must agree for all agents of a world.")
            options = {**options, "reset_mask": rows.all(1)}
        return self._told(*self.joint.reset(seed=seed, options=options))

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step all worlds; one action a row."""
        parts = {name: value.unflatten(0, (-1, self.seats)) for name, value in self._read(actions).items()}  # (B, A, …)
        wanted = {
            agent: {name: parts[name][:, a] for name in self.world.does[agent]}
            for a, agent in enumerate(self.world.agents)
        }
        observation, reward, terminated, truncated, info = self.joint.step(wanted)
        rewards, ended, cut = reward.flatten(), self._rows(terminated), self._rows(truncated)
        final = None
        if "final_obs" in info:
            final = self._seen(info["final_obs"]), self._masked(info["final_info"]), self._rows(info["_final_obs"])
        seen, told = self._told(observation, info)
        if final is not None and self.output == "torch":
            told |= {"final_obs": final[0], "final_info": with_masks(final[1])}
            told |= {"_final_obs": final[2], "_final_info": final[2]}
        elif final is not None:
            told |= numpy_final(*final)
        if self.output == "torch":
            return seen, rewards, ended, cut, told
        return seen, to_numpy(rewards).astype(np.float64), to_numpy(ended), to_numpy(cut), told

    def _rows(self, value: Tensor) -> Tensor:
        """A fact about every world, (B,), for each of its rows, (B·A,)."""
        return value.repeat_interleave(self.seats)

    def _seen(self, observation: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
        """What the agents see, by part instead of by agent, one row each."""
        seen = {}
        for name in self.parts:
            known = next(parts[name] for parts in observation.values() if name in parts)  # (B, …)
            blank = torch.zeros_like(known)
            rows = [observation[agent].get(name, blank) for agent in self.world.agents]
            seen[name] = torch.stack(rows, 1).flatten(0, 1)  # (B·A, …)
        return {**seen, "seat": self._who.clone()}

    def _masked(self, info: dict[str, Any]) -> Masked:
        names = [name for name in info if not name.startswith("_") and not name.startswith("final_")]
        return {name: (info[name].flatten(0, 1), self._rows(info[f"_{name}"])) for name in names}

    def _told(self, observation: Any, info: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        seen, told = self._seen(observation), self._masked(info)
        if self.output == "torch":
            return seen, with_masks(told)
        return to_numpy(seen), numpy_info(told)

    def observe(self) -> tuple[Any, dict[str, Any]]:
        """The present moment again, as `reset` gave it or the last step left it; nothing advances."""
        return self._told(*self.joint.observe())

    def state_dict(self) -> dict[str, Tensor]:
        """The state of all worlds, for an exact resume."""
        return self.joint.state_dict()

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a `state_dict`."""
        self.joint.load_state_dict(saved)

    def render(self) -> Any:
        """One picture a world: a tuple of uint8 (H, W, 3)."""
        return self.joint.render()

    def close_extras(self, **kwargs: Any) -> None:
        """Close the window, if there is one."""
        self.joint.close_extras(**kwargs)


def _union(by_agent: dict[str, dict[str, spaces.Space]]) -> dict[str, spaces.Space]:
    """The parts that any agent has; one name means one space."""
    parts: dict[str, spaces.Space] = {}
    for own in by_agent.values():
        for name, space in own.items():
            if parts.setdefault(name, space) != space:
                raise FoveateError(f"the agents disagree about {name!r}: {parts[name]} and {space}.")
    return parts


class PettingZoo(NamedTuple):
    """What a PettingZoo module offers.

    Attributes:
        parallel_env: makes the parallel environment; arguments as in `ParallelTeamEnv`.
        env: makes the same agent by agent (AEC), by PettingZoo's converter.
    """

    parallel_env: type[ParallelTeamEnv]
    env: Callable[..., AECEnv]


def _agent_by_agent(parallel: type[ParallelTeamEnv], **arguments: Any) -> AECEnv:
    return parallel_to_aec(parallel(**arguments))


def team_env_classes(world_class: type[MultiWorld], name: str) -> tuple[PettingZoo, type[AgentRowsEnv]]:
    """PettingZoo's faces of a world, by the name that its metadata has, and the class for ``gym.make_vec``."""
    body = {"world_class": world_class, "__doc__": world_class.__doc__, "__module__": world_class.__module__}
    parallel = type(f"{world_class.__name__}ParallelEnv", (ParallelTeamEnv,), {**body, "name": name})
    seats = type(f"{world_class.__name__}VectorEnv", (AgentRowsEnv,), body)
    return PettingZoo(parallel, partial(_agent_by_agent, parallel)), seats
