"""What a training was set to: whether kept figures are still those of today's presets, whose commands say little."""

import dataclasses
import shlex
from collections.abc import Mapping
from functools import cache
from typing import Any

from foveate.agents import AGENTS
from foveate.agents.learning.options import learner_kind
from foveate.cli.configuration import Configuration, configure
from foveate.envs.registry import env_options
from foveate.introspect import constructor_options

RUN = ("steps", "curriculum", "pass_score")  # of a run's own options, those that decide what is learned


def special(config: Configuration) -> dict[str, Any]:
    """What a configuration sets otherwise than the constructors do, as {"learner.batch": 4, …}.

    An option that came later, and is left as it is, is not there: it changes nothing.
    """
    plain: dict[str, Any] = config.plain()
    environment, agent = env_options(config.env_id), constructor_options(AGENTS[config.agent])
    defaults = {
        "env": {name: option.default for name, option in environment.items()},
        "agent_options": {name: option.default for name, option in agent.items()},
        "learner": {
            one.name: one.default for one in dataclasses.fields(learner_kind(config.learner["objective"]).options)
        },
    }
    found = {
        f"{part}.{name}": value
        for part, known in defaults.items()
        for name, value in plain[part].items()
        if name not in known or value != _as_json(known[name])
    }
    return found | {f"options.{name}": plain["options"][name] for name in RUN}


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@cache
def of_today(command: str) -> Mapping[str, Any]:
    """What a command of the plan sets today."""
    return special(configure(shlex.split(command), [], command))


def is_of_today(row: Mapping[str, Any]) -> bool:
    """Whether a row's figures are those of its command's settings of today, as far as it says what they were."""
    return "settings" not in row or row["settings"] == of_today(row["command"])
