"""The environments of a world of several agents, derived once for all such worlds.

    shared_gaze_v0, SharedGazeVectorEnv = team_env_classes(SharedGaze, "shared_gaze_v0")

`shared_gaze_v0.parallel_env()` and `.env()` (agent by agent) are PettingZoo's, which is imported when they are first
used; the class, with one row an agent, is fit for the `vector_entry_point` of ``gymnasium.register``.
"""

from functools import cached_property, partial
from typing import TYPE_CHECKING

from .agent_rows import AgentRowsEnv, agent_rows_class
from .base import MultiWorld

if TYPE_CHECKING:
    from .parallel import ParallelTeamEnv


class PettingZooModule:
    """What a module of PettingZoo's environments offers, imported at the first use.

    Args:
        world_class: the world.
        name: of the module, as the environment's metadata has it.
        home: the module that the class is an attribute of, where pickle finds it; None is the world's.
    """

    def __init__(self, world_class: type[MultiWorld], name: str, home: str | None = None):
        self.world_class, self.name, self.home = world_class, name, home or world_class.__module__

    @cached_property
    def parallel_env(self) -> "type[ParallelTeamEnv]":
        """The class of the parallel environment, in which all agents act at once."""
        from .parallel import parallel_class

        return parallel_class(self.world_class, self.name, self.home)

    @cached_property
    def env(self) -> partial:
        """Makes the same agent by agent (AEC), by PettingZoo's converter; the arguments are the parallel one's."""
        from .parallel import agent_by_agent

        return partial(agent_by_agent, self.parallel_env)


def team_env_classes(
    world_class: type[MultiWorld], name: str, home: str | None = None
) -> tuple[PettingZooModule, type[AgentRowsEnv]]:
    """What PettingZoo's users import, and the class for ``gym.make_vec``; the arguments are `PettingZooModule`'s."""
    return PettingZooModule(world_class, name, home), agent_rows_class(world_class)
