"""A training from its configuration: environments, learner, and what happens between two updates."""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from ..agents import Algorithm, agent_class, learner_class, load
from ..agents.learning.curriculum import Curriculum
from ..agents.learning.keeper import Keeper, make_logger
from ..agents.learning.options import learner_kind
from ..envs.registry import make_worlds
from .configuration import Configuration, Values
from .device import pick_device
from .loop import Progress, RunCallback, Stop, TrainingLoop


def train(config: Configuration, folder: Path, checkpointed: Values | None = None) -> bool:
    """Train as configured in a run folder; True if the training reached its end.

    Args:
        config: from `configure`, or from a run's config.json.
        folder: the run folder.
        checkpointed: the run.json of the checkpoint to go on from; None begins a new training.
    """
    options = config.options
    torch.set_num_threads(options.threads)
    progress = Progress() if checkpointed is None else Progress.from_plain(checkpointed.get("progress"))
    curriculum = None
    if options.curriculum:
        curriculum = Curriculum(config.env_id, config.env, options.pass_score, progress.lesson or 1)
    env = config.env if curriculum is None else curriculum.arguments
    learner = _learner(config, env, folder, checkpointed is not None)
    learner.set_logger(make_logger(folder, options.tensorboard))
    loop = TrainingLoop(config, env, Keeper(folder, {**config.plain(), "env": env}), progress, curriculum)
    finished = True
    with loop.stoppable():
        try:
            left = max(0, options.steps - learner.num_timesteps)
            learner.learn(left, RunCallback(loop), options.log_every, reset_num_timesteps=checkpointed is None)
        except Stop:
            finished = False
    learner.logger.close()
    return finished


def _learner(config: Configuration, env: Values, folder: Path, resumed: bool) -> Algorithm:
    """A new learner, or the one of the run's last checkpoint."""
    device = pick_device(config.options.device)
    worlds = make_worlds(config.env_id, int(str(config.learner["worlds"])), str(device), env)
    if resumed:
        return load(folder, worlds, device, prefer="last")
    objective = str(config.learner["objective"])
    return learner_class(objective)(
        agent_class(config.agent),
        worlds,
        learner_kind(objective).make(config.learner),
        policy_kwargs=config.agent_options,
        seed=config.options.seed,
        device=device,
    )


def report(finished: bool, folder: Path, imports: Sequence[str] = ()) -> int:
    """Say how the run ended, and what to do next; returns the exit code."""
    imported = "".join(f"--import {name} " for name in imports)
    if finished:
        print(f"finished: {folder}\n  python evaluate.py {imported}{folder} --episodes 1000 --video path.mp4")
        return 0
    print(f"stopped: {folder}\n  python train.py {imported}--resume {folder}")
    return 130


def note_missing(config: Configuration, imports: Sequence[str]) -> None:
    """Say which imports of a configuration this command line lacks: a file imports nothing by itself."""
    missing = [name for name in config.imports if name not in imports]
    if missing:
        print(f"note: the run imported {', '.join(missing)}; add --import to import it again.", file=sys.stderr)
