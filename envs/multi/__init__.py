"""Worlds with several agents, for PettingZoo and for one policy that all agents share.

For each world, as for SharedGaze: `shared_gaze_v0.parallel_env()` and `.env()` are PettingZoo's, `SharedGazeVectorEnv`
is what ``gym.make_vec("Multi/SharedGaze-v0")`` makes. `GAMES` has PettingZoo's by id.
"""

from functools import partial
from typing import Any

import pettingzoo

from ..registration import family_attribute, family_ids, family_names
from .base import MultiWorld as MultiWorld
from .base import TeamScale as TeamScale
from .team_env import team_env_classes as team_env_classes

_OWN = ["GAMES", "MultiWorld", "TeamScale", "team_env_classes"]


def __getattr__(name: str) -> Any:
    if name == "GAMES":
        return {env_id: family_attribute(__name__, names[0]) for env_id, names in family_ids(__name__).items()}
    if name == "__all__":
        return [*family_names(__name__), *_OWN]
    return family_attribute(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *family_names(__name__), "GAMES"})


def _agent_by_agent(name: str, **arguments: Any) -> pettingzoo.AECEnv:
    return family_attribute(__name__, name).env(**arguments)


if hasattr(pettingzoo, "register"):  # since 1.27: pettingzoo.make("parallel", "Multi/SharedGaze-v0")
    for _id, (_game, _, _parallel) in family_ids(__name__).items():
        pettingzoo.register("parallel", _id, f"{__name__}:{_parallel}")
        pettingzoo.register("aec", _id, partial(_agent_by_agent, _game))
