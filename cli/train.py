"""``train.py ENV AGENT``, ``train.py --config FILE`` and, handed on, ``train.py --resume RUN``."""

import dataclasses
from pathlib import Path

from ..errors import FoveateError, unknown
from .configuration import Configuration, configure, read
from .words import take

VERBS = ("list", "compare", "draw")


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
    if len(rest) == 1 and not rest[0].startswith("-") and "/" not in rest[0]:
        raise unknown("verb", rest[0], VERBS)
    return begin(configure(rest, imports))


def _from_file(file: Path, rest: list[str], imports: list[str]) -> Configuration:
    """A file's configuration with the imports of this command line: what the file names is not imported."""
    from ..envs.registry import check_id
    from .training import note_missing

    folders, rest = take(rest, "--log-dir")
    if rest:
        raise FoveateError(
            f"--config takes the file's own options; only --log-dir and --import may be added, got {rest}."
        )
    config = read(file)
    note_missing(config, imports)
    check_id(config.env_id)
    if folders:
        config.options.log_dir = Path(folders[0])
    return dataclasses.replace(config, imports=imports)


def begin(config: Configuration) -> int:
    """Make the run folder, and train; returns the exit code."""
    from ..agents.learning.run_folder import new_folder, write_config
    from .training import report, train

    folder = new_folder(config.options.log_dir, config.env_id, config.preset, config.options.seed)
    write_config(folder, config.plain())
    print(f"run folder: {folder}")
    return report(train(config, folder), folder, config.imports)
