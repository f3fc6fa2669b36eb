"""``train.py list``: every environment and agent, one line each."""

import inspect

import gymnasium as gym

from ..agents import AGENTS, presets
from ..envs.registry import world_class


def run(arguments: list[str], imports: list[str]) -> int:
    """Print the list."""
    print("environments")
    for env_id in sorted(gym.registry):
        world = world_class(env_id) if "/" in env_id else None
        if world is not None:
            print(f"  {env_id:<32} {_first_line(world)}")
    print("agents")
    for name in presets.names():
        print(f"  {name:<32} {presets.load(name)['about']}")
    for name in sorted(set(AGENTS) - set(presets.names())):
        print(f"  {name:<32} {_first_line(AGENTS[name])}")
    return 0


def _first_line(documented: type) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]
