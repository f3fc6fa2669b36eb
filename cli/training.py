"""A training from its configuration: environments, learner, and what happens between two updates."""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from stable_baselines3.common.logger import Logger

from ..agents import Algorithm, agent_class, learner_class, load
from ..agents.learning import distributed
from ..agents.learning.curriculum import Curriculum
from ..agents.learning.distributed import Processes, present
from ..agents.learning.keeper import Keeper, make_logger
from ..agents.learning.options import learner_kind
from ..agents.learning.run_folder import locked
from ..agents.learning.schema import Progress, progress_of
from ..agents.policies.policy import Policy
from ..envs.registry import make_one, make_worlds
from ..errors import FoveateError
from ..files import shown
from ..wrappers import MemoryTrace
from .configuration import Configuration, Values
from .device import pick_device
from .hints import hints
from .loop import RunCallback, Stop, TrainingLoop
from .output import STOPPED
from .outside import words_for
from .processes import launched
from .tracking import Tracking, check_installed
from .words import command_line


class Prepared(NamedTuple):
    """All that a training needs but its folder: whatever is wrong with a configuration is found while it is made."""

    learner: Algorithm
    env: Values
    progress: Progress
    curriculum: Curriculum | None


def prepare(config: Configuration, folder: Path | None = None, checkpointed: Values | None = None) -> Prepared:
    """Make the environments and the learner.

    Args:
        config: from `configure`, or from a run's config.json.
        folder: of the run, where there is one to go on with.
        checkpointed: the run.json of its last checkpoint.
    """
    options = config.options
    torch.set_num_threads(options.threads)
    if folder is None:
        check_installed(options.track)
    progress = progress_of(checkpointed)
    curriculum = None
    if options.curriculum:
        curriculum = Curriculum(config.env_id, config.env, options.pass_score, progress.lesson or 1)
    env = config.env if curriculum is None else curriculum.arguments
    learner = _learner(config, env, folder)
    if curriculum is not None:
        rows = config.agent_options.get("rows")
        curriculum.begin(learner, rows if isinstance(rows, int) else None)
    if options.trace and folder is None:
        with MemoryTrace(
            make_one(config.env_id, env), learner
        ) as traced:  # refuses an agent without an external memory
            traced.reset(seed=0)
            traced.step(traced.action_space.sample())
    return Prepared(learner, env, progress, curriculum)


@contextlib.contextmanager
def together(config: Configuration) -> Iterator[Processes]:
    """Within, the processes that torchrun started, if it did, are one training."""
    with distributed.together(pick_device(config.options.device), launched().size) as processes:
        yield processes


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Within, the run folder is locked: by the first of several processes, which alone writes to it.

    Raises:
        FoveateError: another training has it.
    """
    with locked(folder) if present().first else contextlib.nullcontext():
        yield


def check_log_dir(folder: Path) -> None:
    """Refuse a folder for runs that can't be made or written to, without making it.

    Raises:
        FoveateError: a file is in its place or above it, or it may not be written to.
    """
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        why = "is no folder" if not there.is_dir() else "may not be written to"
        raise FoveateError(f"--log-dir {shown(folder)} can't be written to: {shown(there)} {why}.")


def train(config: Configuration, folder: Path, prepared: Prepared) -> bool:
    """Train as configured in a run folder, which is locked; True if the training reached its end.

    Args:
        config: from `configure`, or from a run's config.json.
        folder: the run folder.
        prepared: from `prepare`.
    """
    options = config.options
    learner, env, progress, curriculum = prepared
    goes_on = learner.learner.resumed
    first = learner.learner.processes.first
    logger = make_logger(folder, options.tensorboard) if first else Logger(None, [])
    tracking = Tracking(folder, config.plain(), options.track) if first and options.track else None
    logger.output_formats += [] if tracking is None else [tracking]
    learner.set_logger(logger)
    loop = TrainingLoop(config, env, Keeper(folder, {**config.plain(), "env": env}), progress, curriculum)
    finished = False
    with loop.stoppable():
        try:
            left = max(0, options.steps - learner.num_timesteps)
            learner.learn(left, RunCallback(loop), options.log_every, reset_num_timesteps=not goes_on)
            finished = True
        except Stop:
            pass
        finally:
            if tracking is not None:
                tracking.finish(loop.result(learner), finished)
    learner.logger.close()
    return finished


def _learner(config: Configuration, env: Values, folder: Path | None) -> Algorithm:
    """A new learner, or the one of a run's last checkpoint."""
    device = pick_device(config.options.device)
    count = present().worlds(int(str(config.learner["worlds"])))
    worlds = make_worlds(config.env_id, count, str(device), env)
    if folder is not None:
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


def report(finished: bool, folder: Path, config: Configuration, policy: Policy) -> int:
    """Say how the run ended, and what to do next, as commands that can be copied; returns the exit code.

    Args:
        finished: whether the training reached its end.
        folder: of the run.
        config: of the run.
        policy: its agent.
    """
    if not present().first:
        return 0 if finished else STOPPED
    if not finished:
        outside = words_for(config.env_id, config.env)
        print(f"stopped: {folder}\n  {command_line('train', config.imports, '--resume', folder, *outside)}")
        return STOPPED
    print(f"finished: {folder}", *hints(folder, config, policy), sep="\n  ")
    return 0


def note_missing(config: Configuration, imports: Sequence[str]) -> None:
    """Say which imports of a configuration this command line lacks: a file imports nothing by itself."""
    missing = [name for name in config.imports if name not in imports]
    if missing:
        print(f"note: the run imported {', '.join(missing)}; add --import to import it again.", file=sys.stderr)
