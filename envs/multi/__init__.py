"""Worlds with several agents, for PettingZoo and for one policy that all agents share.

For each world, as for SharedGaze: `shared_gaze_v0.parallel_env()` and `.env()` are PettingZoo's, `SharedGazeVectorEnv`
is what ``gym.make_vec("Multi/SharedGaze-v0")`` makes. `GAMES` has PettingZoo's by id. PettingZoo is imported
when one of its environments is made.
"""

import sys
from functools import partial
from typing import Any

from ..registration import family_attribute, family_ids, family_names
from .base import MultiWorld as MultiWorld
from .base import TeamScale as TeamScale
from .team_env import team_env_classes as team_env_classes

_OWN = ["GAMES", "MultiWorld", "TeamScale", "register_with_pettingzoo", "team_env_classes"]


def __getattr__(name: str) -> Any:
    if name == "GAMES":
        return {env_id: family_attribute(__name__, names[0]) for env_id, names in family_ids(__name__).items()}
    if name == "__all__":
        return [*family_names(__name__), *_OWN]
    return family_attribute(__name__, name)


def __dir__() -> list[str]:
    return sorted([*family_names(__name__), *_OWN])


def register_with_pettingzoo() -> None:
    """Make the worlds known to PettingZoo's own registry: ``pettingzoo.make("parallel", "Multi/SharedGaze-v0")``.

    Importing this package does so where PettingZoo was imported before. Versions below 1.27 have no registry.
    """
    import pettingzoo

    if "register" not in vars(pettingzoo):
        return
    for env_id, (game, _, parallel) in family_ids(__name__).items():
        if env_id not in pettingzoo.parallel_registry:
            pettingzoo.register("parallel", env_id, f"{__name__}:{parallel}")
            pettingzoo.register("aec", env_id, partial(_agent_by_agent, game))


def _agent_by_agent(name: str, **arguments: object) -> Any:
    return family_attribute(__name__, name).env(**arguments)


if "pettingzoo" in sys.modules:
    register_with_pettingzoo()
