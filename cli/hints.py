"""What to do with a run that has ended, as commands that can be copied: only what its agent and its world can do."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from gymnasium import spaces

from ..agents.nn.cores.external import ExternalMemoryCore
from ..agents.policies.policy import Policy
from ..analysis.measure import usual_episodes
from ..envs.batch import BatchWorld
from ..envs.registry import has_agents, make_one, world_class
from ..envs.sequence.handwriting import Handwriting
from ..envs.sequence.passage import Passage
from .configuration import Configuration
from .outside import words_for
from .words import command_line


def hints(folder: Path, config: Configuration, policy: Policy) -> list[str]:
    """Commands that measure a finished run, film it and look into it.

    Args:
        folder: of the run.
        config: of the run.
        policy: its agent.
    """
    films = can_be_filmed(config)
    asked: list[Sequence[object]] = [
        ["--episodes", usual_episodes(config.env_id), *(["--video", "path.mp4"] if films else [])]
    ]
    if not has_agents(config.env_id):
        if isinstance(policy.core, ExternalMemoryCore):
            asked.append(["--trace", "memory.png"])
        world = world_class(config.env_id)
        if isinstance(world, type) and issubclass(world, Handwriting):
            asked.append(["write", "a text", "--out", "page.svg"])
        elif isinstance(world, type) and issubclass(world, Passage) and config.env.get("view") != "glimpse":
            asked.append(["--align", "words.png", "--score-alignment"])
        seen = policy.observation_space
        if films and isinstance(seen, spaces.Box) and len(seen.shape) == 3:
            asked.append(["--saliency", "jacobian", "--video", "maps.mp4"])
    outside = words_for(config.env_id, config.env)
    ways = [["write", folder, *words[1:]] if words[0] == "write" else [folder, *words, *outside] for words in asked]
    return [command_line("evaluate", config.imports, *words) for words in ways]


def can_be_filmed(config: Configuration) -> bool:
    """Whether the run's world draws pictures, here and now."""
    world = world_class(config.env_id)
    if world is not None:
        return world.frame is not BatchWorld.frame
    with contextlib.suppress(Exception):  # somebody's environment without pictures, or without what it draws them with
        env = make_one(config.env_id, config.env, "rgb_array")
        env.reset(seed=0)
        drawn = env.render() is not None
        env.close()
        return drawn
    return False
