"""``train.py list``: every environment and agent, one line each; those that are all alike in one."""

import argparse
import inspect
from itertools import groupby

from ..agents import AGENTS, presets
from ..envs.registry import about, listed_ids
from ..errors import unknown

FEW = 3  # ids of a family that are described alike and still have a line each


def run(arguments: list[str], imports: list[str]) -> int:
    """Print the list."""
    parser = argparse.ArgumentParser(prog="train.py list", description="Name environments and agents, one line each.")
    parser.add_argument("word", nargs="?", default="", help="only those whose name contains this, whatever the case")
    given = parser.parse_args(arguments).word
    known = {name: presets.load(name)["about"] for name in presets.names()}
    known |= {name: _first_line(AGENTS[name]) for name in sorted(set(AGENTS) - set(known))}
    agents = [(name, text) for name, text in known.items() if given.lower() in name.lower()]
    environments = _environments(given.lower())
    if not environments and not agents:
        raise unknown("environment or agent", given, [*listed_ids(), *known])
    for title, lines in (("environments", environments), ("agents", agents)):
        if lines:
            print(title)
        for name, text in lines:
            print(f"  {name:<32} {text}".rstrip())
    return 0


def _environments(word: str) -> list[tuple[str, str]]:
    """Names and what they are: of a word all that contain it, else in one line those of a family that are alike."""
    ids = [env_id for env_id in listed_ids() if word in env_id.lower()]
    lines = []
    for (family, text), group in groupby(ids, key=lambda env_id: (env_id.partition("/")[0], about(env_id))):
        alike = list(group)
        if len(alike) <= FEW or word or not text:
            lines += [(env_id, text) for env_id in alike]
        else:
            lines.append((f"{family}/… ({len(alike)})", f"{text}; all: train.py list {family}/"))
    return lines


def _first_line(documented: type) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]
