"""``train.py ENV AGENT``, ``train.py --config FILE`` and, handed on, ``train.py --resume RUN``."""

import dataclasses
from pathlib import Path

from ..errors import unknown
from .configuration import Configuration, RunOptions, configure, read
from .words import take

VERBS = ("list", "compare", "sweep", "draw")


def run(arguments: list[str], imports: list[str]) -> int:
    """Train in a new run folder.

    Raises:
        FoveateError: a user's mistake.
    """
    resumed, rest = take(arguments, "--resume")
    if resumed:
        from .resume import resume

        return resume(Path(resumed[0]), rest, imports)
    files, rest = take(rest, "--config")
    if files:
        return begin(_from_file(Path(files[0]), rest, imports))
    if len(rest) == 1 and not rest[0].startswith("-") and "/" not in rest[0] and not _is_environment(rest[0]):
        raise unknown("verb", rest[0], VERBS)
    return begin(configure(rest, imports))


def _is_environment(word: str) -> bool:
    """Whether a word alone names an environment: then what is missing is the agent."""
    import gymnasium as gym

    from ..envs.registry import full_id

    return full_id(word) in gym.registry


def _from_file(file: Path, rest: list[str], imports: list[str]) -> Configuration:
    """A file's configuration with the imports of this command line: what the file names is not imported.

    Nor is its log_dir written to, and nothing is told to its trackers: these count from the command line only.
    """
    from .outside import environment_of
    from .training import note_missing

    folders, rest = take(rest, "--log-dir")
    trackers, rest = take(rest, "--track")
    config = read(file)
    note_missing(config, imports)
    allowed = "--config takes the file's own options; only --log-dir, --track and --import may be added"
    config.env = environment_of(config.env_id, config.env, rest, file, allowed)
    config.options.log_dir = Path(folders[0]) if folders else RunOptions.log_dir
    config.options.track = trackers[0] if trackers else ""
    return dataclasses.replace(config, imports=imports)


def begin(config: Configuration) -> int:
    """Make the run folder, once it is sure that the training can begin, and train; returns the exit code."""
    from ..agents.learning.run_folder import new_folder, write_config
    from .training import check_log_dir, owned, prepare, report, together, train

    check_log_dir(config.options.log_dir)
    options = config.options
    with together(config) as processes:
        prepared = prepare(config)
        folder = processes.said(lambda: new_folder(options.log_dir, config.env_id, config.preset, options.seed))
        with owned(folder):
            if processes.first:
                write_config(folder, config.plain())
            print(f"run folder: {folder}", flush=True)
            return report(train(config, folder, prepared), folder, config, prepared.learner.policy)
