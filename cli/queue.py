"""One training in a process of its own, that can be stopped and continued; scheduler.py has many side by side.

A training's home is a folder with its configuration (config.json), log.txt, the run folder and, where it is measured,
result.json. What is done stays; what was begun goes on from its last checkpoint, if it is still configured the same.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..agents.learning import checkpoint
from ..agents.learning.run_folder import is_locked, locked, write_config
from ..errors import FoveateError
from ..files import read_json, shown, write_json
from .children import CHILDREN
from .configuration import Configuration, read
from .output import sentence
from .outside import words_for


class Measurement(NamedTuple):
    """How a training is measured when it is done.

    Attributes:
        episodes: on the test split, and on each split of the sweep.
        sweep: other splits.
        about: plain data to keep beside the figures.
    """

    episodes: int
    sweep: Sequence[str]
    about: Mapping[str, object]


class Training(NamedTuple):
    """One entry of the queue.

    Attributes:
        home: its folder.
        config: what is trained; its `log_dir` is the home.
        measurement: how it is measured, or None.
    """

    home: Path
    config: Configuration
    measurement: Measurement | None = None


def begun_run(home: Path) -> Path | None:
    """The latest run folder in a folder that has a checkpoint, or None."""
    if not home.is_dir():
        return None
    runs = [folder for folder in sorted(home.iterdir()) if any((folder / "checkpoints").glob("[!.]*/run.json"))]
    return runs[-1] if runs else None


def is_trained(home: Path) -> bool:
    """Whether the training in a folder reached its end."""
    folder = begun_run(home)
    if folder is None:
        return False
    try:
        return checkpoint.read_run(checkpoint.find(folder, "last"))["steps"] >= read(folder).options.steps
    except FoveateError:
        return False


def is_done(home: Path, measured: bool) -> bool:
    """Whether nothing is left to do in a folder."""
    return (home / "result.json").exists() if measured else is_trained(home)


def is_busy(home: Path) -> bool:
    """Whether a process trains in a folder, or looks after a training there."""
    return home.is_dir() and any(is_locked(folder) for folder in [home, *home.iterdir()] if folder.is_dir())


def work(training: Training) -> str:
    """Train to the end, or go on with what was begun, and measure; returns a line about it, also if it fails."""
    home = training.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        with locked(home):  # another queue may work here, and a training may have outlived one that was killed
            if any(is_locked(folder) for folder in home.iterdir() if folder.is_dir()):
                return f"failed: {shown(home.name)}: another process trains here: wait for it, or stop it first."
            return _work(training)
    except (FoveateError, OSError) as error:  # somebody's damaged folder stops nobody else
        return f"failed: {shown(home.name)}: {sentence(error)}"


def _work(training: Training) -> str:
    home, config, measurement = training
    begun = begun_run(home)
    if begun is not None and (changed := read(begun).differences(config)):
        what = "; ".join(changed[:3]) + (f"; and {len(changed) - 3} more" if len(changed) > 3 else "")
        return f"failed: {home.name} was begun with other options ({what}); choose another folder, or remove it"
    if is_done(home, measurement is not None):
        return f"done already: {home.name}"
    if not is_trained(home) and not train_in(home, config):
        return f"failed or stopped: {home.name} (see {home / 'log.txt'})"
    if measurement is None:
        return f"done: {home.name}"
    figures = measure_in(home, config, measurement)
    if figures is None:
        return f"evaluation failed: {home.name} (see {home / 'log.txt'})"
    return f"{home.name}: {figures['score']:.4f} after {figures['training_seconds'] / 60:.1f} min"


def train_in(home: Path, config: Configuration) -> bool:
    """Train to the end in a folder, or go on with the run that was begun there.

    Args:
        home: holds this one run, config.json and log.txt.
        config: what is trained.

    Returns:
        False if the training failed or was stopped (see log.txt).
    """
    home.mkdir(parents=True, exist_ok=True)
    begun = begun_run(home)
    if begun is None:
        write_config(home, config.plain())
    words = ["--config", home / "config.json", "--log-dir", home] if begun is None else ["--resume", begun]
    tracked = ["--track", config.options.track] if begun is None and config.options.track else []
    words = [*map(str, words), *tracked, *words_for(config.env_id, config.env)]
    return _call("train", config.imports, words, home) and begun_run(home) is not None


def measure_in(home: Path, config: Configuration, measurement: Measurement) -> dict | None:
    """Evaluate the run in a folder and keep its figures as result.json; None if that failed (see log.txt).

    Args:
        home: the folder.
        config: what was trained.
        measurement: how.

    Raises:
        FoveateError: the figures that were written can't be read.
    """
    folder, file = begun_run(home), home / "measured.json"
    assert folder is not None
    words = [str(folder), "--episodes", str(measurement.episodes), "--json", str(file)]
    if measurement.sweep:
        words += ["--sweep", *measurement.sweep]
    words += words_for(config.env_id, config.env)
    if not _call("evaluate", config.imports, words, home):
        return None
    measured = read_json(file)
    if not isinstance(measured, list) or len(measured) != 1 or not isinstance(measured[0], dict):
        raise FoveateError(f"{file} is damaged: it must hold the figures of one run.")
    result = {**measurement.about, **measured[0], "run": folder.name}
    write_json(home / "result.json", result)
    return result


def _call(script: str, imports: Sequence[str], words: Sequence[str], home: Path) -> bool:
    """Run ``python -m foveate.SCRIPT`` with its output in the folder's log.txt; whether it reached its end."""
    return CHILDREN.call(script, imports, words, home / "log.txt") == 0
