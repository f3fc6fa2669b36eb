"""From a name to an environment's id, its Gymnasium classes and their registration; a name is spelt once.

    register_family("Memory", "foveate.envs.memory", {"Copy": "copying"})  # by name: nothing is imported
    register_world("Mine/Delay-v0", Delay)  # your own world, by its class

The first makes ``Memory/Copy-v0`` known, and `foveate.envs.memory` gets `Copy` (from its module `copying`), `CopyEnv`
and `CopyVectorEnv` at their first use (see `family_attribute`). The second does the same for a world at hand.
"""

import importlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, cast

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from ..errors import FoveateError

if TYPE_CHECKING:
    from .batch import BatchWorld
    from .gym_env import GymEnv, VectorEnv
    from .multi.agent_rows import AgentRowsEnv
    from .multi.base import MultiWorld
    from .multi.team_env import PettingZooModule


class Family:
    """Worlds whose ids begin alike; a plain class, since every ``import foveate`` makes it.

    Args:
        name: what ids begin with.
        package: the package that the classes are attributes of.
        worlds: the module of the package that defines each world, by the world's name.
        bases: the same for classes that worlds are built from.
        teams: whether several agents live in each world.
    """

    def __init__(self, name: str, package: str, worlds: Mapping[str, str], bases: Mapping[str, str], teams: bool):
        self.name, self.package, self.worlds, self.bases, self.teams = name, package, worlds, bases, teams

    def derived(self, world: str) -> tuple[str, ...]:
        """The names of what is derived from a world, in the order in which it is derived."""
        if not self.teams:
            return f"{world}Env", f"{world}VectorEnv"
        words = "".join(f"_{c.lower()}" if c.isupper() else c for c in world).lstrip("_")  # SharedGaze -> shared_gaze
        return f"{words}_v0", f"{world}VectorEnv", f"{world}ParallelEnv"


_FAMILIES: dict[str, Family] = {}  # by package


def register_family(
    name: str,
    package: str,
    worlds: Mapping[str, str],
    *,
    bases: Mapping[str, str] | None = None,
    teams: bool = False,
) -> list[str]:
    """Register a package of worlds by name; nothing is imported before one is used.

    The package's ``__getattr__`` must hand on to `family_attribute`.

    Args:
        name: what the ids begin with.
        package: its full name.
        worlds: for each world's class the module of the package that it is in.
        bases: the same for what else the package offers, such as classes to subclass.
        teams: whether these are worlds of several agents.

    Returns:
        The ids, in order.
    """
    _FAMILIES[package] = Family(name, package, worlds, bases or {}, teams)
    ids = family_ids(package)
    for env_id, (single, vector, *_) in ids.items():
        if env_id not in gym.registry:
            entry_point = f"{__name__}:no_single_env" if teams else f"{package}:{single}"
            # not gym.register, which looks through the whole registry at each of our ids: half of an import's time
            gym.registry[env_id] = EnvSpec(env_id, entry_point, vector_entry_point=f"{package}:{vector}")
    return list(ids)


def register_world(env_id: str, world_class: "type[BatchWorld]") -> None:
    """Register a world of your own: `gym.make`, `gym.make_vec`, ``train.py --import`` and `TaskDataset` then know it.

    The two classes for Gymnasium are derived from the world and become attributes of its module, as `DelayEnv` and
    `DelayVectorEnv` of `Delay`, so that they can be pickled. A world of several agents gets the vector class and
    PettingZoo's parallel one, as `PartyVectorEnv` and `PartyParallelEnv` of `Party`.

    Args:
        env_id: such as "Mine/Delay-v0".
        world_class: the world.
    """
    if world_class.several_agents:
        game, vector = _team_classes(cast("type[MultiWorld]", world_class), env_id)
        derived, single = (vector, game.parallel_env), no_single_env
    else:
        derived = single, vector = _classes(world_class)
    gym.register(env_id, entry_point=single, vector_entry_point=vector)
    module = sys.modules[world_class.__module__]
    for value in derived:
        if not hasattr(module, value.__name__):
            setattr(module, value.__name__, value)


def no_single_env(**_: object) -> NoReturn:
    """What ``gym.make`` finds behind the id of a world of several agents.

    Raises:
        FoveateError: always; the message says what to use instead.
    """
    raise FoveateError(
        "worlds of several agents are no single environment: use gym.make_vec (one row an agent), or PettingZoo's, "
        "as in foveate.envs.multi.shared_gaze_v0.parallel_env()."
    )


def family_ids(package: str) -> dict[str, tuple[str, ...]]:
    """The ids of a package's worlds, and the names of what is derived from each."""
    family = _FAMILIES[package]
    return {f"{family.name}/{world}-v0": family.derived(world) for world in family.worlds}


def family_names(package: str) -> list[str]:
    """What `family_attribute` knows of a package."""
    family = _FAMILIES[package]
    return [*family.bases, *(name for world in family.worlds for name in (world, *family.derived(world)))]


def family_attribute(package: str, name: str) -> Any:
    """A world of a package, or what is derived from it, at its first use; then it is an attribute of the package.

    Args:
        package: the full name of a family's package.
        name: of a world's class, of what is derived from it, or of a base; "__all__" gives all names.

    Raises:
        AttributeError: the family has nothing of that name.
    """
    family, module = _FAMILIES[package], sys.modules[package]
    if name in vars(module):
        return vars(module)[name]
    if name == "__all__":
        return family_names(package)
    if name in family.bases:
        return getattr(importlib.import_module(f".{family.bases[name]}", package), name)
    world = next((world for world in family.worlds if name in (world, *family.derived(world))), None)
    if world is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    world_class = getattr(importlib.import_module(f".{family.worlds[world]}", package), world)
    values = {world: world_class}
    if name != world and not family.teams:
        values |= zip(family.derived(world), _classes(world_class), strict=True)
    elif name != world:
        game, vector, parallel = family.derived(world)
        if name == parallel:  # PettingZoo's class, and PettingZoo with it
            values[name] = family_attribute(package, game).parallel_env
        else:
            values |= zip((game, vector), _team_classes(world_class, game, package), strict=True)
    for attribute, value in values.items():
        if attribute != world and isinstance(value, type):
            value.__module__ = package  # where pickle finds it
        setattr(module, attribute, value)
    return values[name]


def _classes(world_class: "type[BatchWorld]") -> "tuple[type[GymEnv], type[VectorEnv]]":
    from .gym_env import env_classes

    return env_classes(world_class)


def _team_classes(
    world_class: "type[MultiWorld]", name: str, home: str | None = None
) -> "tuple[PettingZooModule, type[AgentRowsEnv]]":
    from .multi.team_env import team_env_classes

    return team_env_classes(world_class, name, home)
