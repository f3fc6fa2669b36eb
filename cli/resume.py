"""``train.py --resume RUN``: go on with a run where its last checkpoint was."""

from pathlib import Path

from ..agents.learning import checkpoint
from ..agents.learning.run_folder import cut_logs
from ..envs.registry import check_id
from ..errors import FoveateError
from .configuration import read
from .training import note_missing, report, train
from .words import take


def resume(folder: Path, arguments: list[str], imports: list[str]) -> int:
    """Go on with a run; returns the exit code.

    Args:
        folder: the run folder.
        arguments: ``--device`` at most.
        imports: modules that this command line imported.

    Raises:
        FoveateError: another option is given, or the folder holds no run that can go on.
    """
    devices, rest = take(arguments, "--device")
    if rest:
        raise FoveateError(
            f"--resume takes the run's own options; only --device and --import may be added, got {rest}."
        )
    config = read(folder)
    note_missing(config, imports)
    check_id(config.env_id)
    if devices:
        config.options.device = devices[0]
    run = checkpoint.read_run(checkpoint.find(folder, prefer="last"))
    cut_logs(folder, run)
    print(f"resuming {folder} at step {run['steps']:,} of {config.options.steps:,}")
    return report(train(config, folder, run), folder, imports)
