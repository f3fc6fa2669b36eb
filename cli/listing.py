"""``train.py list``: every environment and agent, one line each."""

import inspect

from ..agents import AGENTS, presets
from ..envs.registry import about, listed_ids


def run(arguments: list[str], imports: list[str]) -> int:
    """Print the list."""
    print("environments")
    for env_id in listed_ids():
        print(f"  {env_id:<32} {about(env_id)}".rstrip())
    print("agents")
    for name in presets.names():
        print(f"  {name:<32} {presets.load(name)['about']}")
    for name in sorted(set(AGENTS) - set(presets.names())):
        print(f"  {name:<32} {_first_line(AGENTS[name])}".rstrip())
    return 0


def _first_line(documented: type) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]
