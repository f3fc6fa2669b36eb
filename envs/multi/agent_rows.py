"""Worlds of several agents as a vector environment with one row an agent: for one policy that all agents share."""

from typing import ClassVar

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import FoveateError
from ...tree import Tree
from ..autoreset import Final, Outcome
from ..batch import State
from ..gym_env import WorldVectorEnv
from ..info import Masked
from ..later import Later
from .base import MultiWorld


class AgentRowsEnv(WorldVectorEnv):
    """Many worlds as a ``gymnasium.vector.VectorEnv`` with one row an agent.

    Row ``b · A + a`` is agent a of world b; all rows of a world end together. World b of ``reset(seed=s)`` lives
    through the episodes of PettingZoo's parallel environment at seed s + b.

    Observation space:
        a ``Dict`` of the parts that any agent sees, zero where this agent lacks them, and ``seat=Box(0, 1, (A,))``, who
        this agent is.

    Action space:
        a ``Dict`` of the parts that any agent has; what this agent lacks is ignored.

    Args:
        num_envs: how many worlds; the environment has A times as many rows.
        autoreset_mode: "NextStep" (Gymnasium's default), "SameStep" or "Disabled"; a "reset_mask" has a value for each
            row, the same for all rows of a world.
        output: "numpy", or "torch" for tensors on `device` without a copy.
        render_mode: None, "rgb_array" or "human".
        relevance: whether `info` holds the ground truth of what matters.
        device: where the tensors live.
        max_episode_steps: steps after which an episode is truncated; None leaves it to the world.
        **task: the arguments of the world class.

    Attributes:
        rows: A.
        team: how many neighbouring rows share their fate: A where agents cooperate, else 1.
    """

    world_class: ClassVar[type[MultiWorld]]
    world: MultiWorld

    def _row_spaces(self) -> tuple[spaces.Space, spaces.Space]:
        world, self.rows = self.world, len(self.world.agents)
        self.team = self.rows if world.cooperative else 1
        self._parts = _union(world.sees)
        self._agent = torch.eye(self.rows, device=world.device, dtype=torch.float32).repeat(
            world.num_worlds, 1
        )  # (B·A, A)
        seat = spaces.Box(0.0, 1.0, (self.rows,), np.float32)
        return spaces.Dict({**self._parts, "seat": seat}), spaces.Dict(_union(world.does))

    def _read_rows(self, actions: Tree) -> dict[str, dict[str, Tensor]]:
        parts = {name: value.unflatten(0, (-1, self.rows)) for name, value in self._read(actions).items()}  # (B, A, …)
        return {
            agent: {name: parts[name][:, a] for name in self.world.does[agent]}
            for a, agent in enumerate(self.world.agents)
        }

    def _world_mask(self, rows: Tensor) -> Tensor:
        rows = rows.view(-1, self.rows)
        if bool((rows.any(1) != rows.all(1)).any()):
            raise FoveateError("options['reset_mask'] must agree for all agents of a world.")
        return rows.all(1)

    def _in_rows(self, outcome: Outcome) -> Outcome:
        final = outcome.final
        if final is not None:
            told = final.info
            final = Final(final.observation, Later(lambda: self._info(told())), self._repeat(final.ended))
        return Outcome(
            outcome.observation,
            outcome.reward.flatten(),
            self._repeat(outcome.terminated),
            self._repeat(outcome.truncated),
            Later(lambda: self._info(outcome.info())),
            final,
        )

    def _present(self) -> tuple[Tree, Later[Masked]]:
        told = self._later_info()
        return self._observed(self.world.state), Later(lambda: self._info(told()))

    def _repeat(self, value: Tensor) -> Tensor:
        """A fact about every world, (B,), for each of its rows, (B·A,)."""
        return value[:, None].expand(-1, self.rows).reshape(-1)

    def _info(self, info: Masked) -> Masked:
        return {name: (value.flatten(0, 1), self._repeat(mask)) for name, (value, mask) in info.items()}

    def _observed(self, state: State) -> dict[str, Tensor]:
        """What the agents see, by part instead of by agent, one row each."""
        together = self.world.observe_together(state)
        rows = {name: together[name].flatten(0, 1) for name in self._parts}  # (B·A, …)
        return {**rows, "seat": self._agent.clone()}


def _union(by_agent: dict[str, dict[str, spaces.Space]]) -> dict[str, spaces.Space]:
    """The parts that any agent has; one name means one space."""
    parts: dict[str, spaces.Space] = {}
    for own in by_agent.values():
        for name, space in own.items():
            if parts.setdefault(name, space) != space:
                raise FoveateError(f"the agents disagree about {name!r}: {parts[name]} and {space}.")
    return parts


def agent_rows_class(world_class: type[MultiWorld]) -> type[AgentRowsEnv]:
    """The class of a world for ``gym.make_vec``."""
    body = {"world_class": world_class, "__doc__": world_class.__doc__, "__module__": world_class.__module__}
    return type(f"{world_class.__name__}VectorEnv", (AgentRowsEnv,), body)
