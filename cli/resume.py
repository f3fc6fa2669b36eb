"""``train.py --resume RUN``: go on with a run where its last checkpoint was."""

from pathlib import Path

from ..agents.learning import checkpoint
from ..agents.learning.run_folder import cut_logs, locked
from .configuration import read
from .outside import environment_of
from .training import note_missing, prepare, report, train
from .words import take


def resume(folder: Path, arguments: list[str], imports: list[str]) -> int:
    """Go on with a run; returns the exit code.

    Args:
        folder: the run folder.
        arguments: ``--device``, and what the run's environment names outside (``--env.data``), at most.
        imports: modules that this command line imported.

    Raises:
        FoveateError: another option is given, or the folder holds no run that can go on.
    """
    devices, rest = take(arguments, "--device")
    config = read(folder)
    note_missing(config, imports)
    allowed = "--resume takes the run's own options; only --device and --import may be added"
    config.env = environment_of(config.env_id, config.env, rest, folder, allowed)
    if devices:
        config.options.device = devices[0]
    with locked(folder):
        run = checkpoint.read_run(checkpoint.find(folder, prefer="last"))
        prepared = prepare(config, folder, run)
        cut_logs(folder, run)
        print(f"resuming {folder} at step {run['steps']:,} of {config.options.steps:,}", flush=True)
        return report(train(config, folder, prepared), folder, config)
