"""Presets: one YAML a set-up. A preset names an agent, its options, the environment's and the learner's.

about: one line
agent: ram                        # a name from foveate.agents.AGENTS
source: where the numbers come from
steps: 1000000
curriculum: true                  # whether it takes the environment's lessons
pass_score: 0.6                   # share of episodes that must be wholly right to pass one
env: {reward: every}              # each applies where the chosen environment has such an option
agent_options: {std: 0.15}
learner: {objective: ppo, lr: 0.001}
learners: {ppo: {lr: 0.0003}}     # what differs where another objective is asked for
environments:                     # what differs for an environment
  Glimpse/Catch-v0: {steps: 500000, learner: {worlds: 64}}
  ALE/*: {steps: 2500000}         # * stands for anything
  Memory/Tape-v0: {learner: {batch: null}}  # null takes an entry of the general part away
"""

from fnmatch import fnmatchcase
from importlib import resources
from typing import Any

import yaml

from ...errors import unknown

_PARTS = ("env", "agent_options", "learner", "learners")


def names() -> list[str]:
    """The names of all presets."""
    return sorted(f.name.removesuffix(".yaml") for f in resources.files(__name__).iterdir() if f.name.endswith(".yaml"))


def load(name: str, env_id: str | None = None) -> dict[str, Any]:
    """A preset, with what it says of an environment merged in.

    Args:
        name: of the preset.
        env_id: the environment; None gives the preset's general part.
    """
    if name not in names():
        raise unknown("agent", name, names())
    preset = yaml.safe_load((resources.files(__name__) / f"{name}.yaml").read_text(encoding="utf-8"))
    patterns = preset.pop("environments", {})
    special = next((patterns[p] for p in patterns if env_id is not None and fnmatchcase(env_id, p)), None) or {}
    for part in _PARTS:
        preset[part] = _merged(preset.get(part) or {}, special.get(part) or {})
    return {**preset, **{key: value for key, value in special.items() if key not in _PARTS}}


def _merged(general: dict[str, Any], special: dict[str, Any]) -> dict[str, Any]:
    """Both, the special counting more, in dictionaries within them too."""
    gone = [key for key, value in special.items() if value is None]
    # null takes an entry away, which the special learner may not know
    special = {key: value for key, value in special.items() if value is not None}
    general = {key: value for key, value in general.items() if key not in gone}
    nested = {key: _merged(general[key], value) for key, value in special.items() if isinstance(general.get(key), dict)}
    return {**general, **special, **nested}
