"""A run's folder: its configuration, its logs, its checkpoints; and how a resumed run takes them up again.

config.json            the resolved configuration, the command, versions
metrics.csv            one row a log entry
events.out.tfevents.*  the same for TensorBoard
tracking.json          which runs of experiment trackers belong to it (--track)
checkpoints/last-STEP  where the run can be resumed
checkpoints/best-STEP  the best on the validation split
"""

import contextlib
import csv
import json
import os
import re
import shutil
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from ...errors import FoveateError, FoveateWarning
from ...files import MOST_LOG_BYTES, as_csv, conform, read_bytes, read_json, reason, shown
from .schema import ConfigFile

Config = dict[str, Any]  # a resolved configuration, or the content of another file of JSON

CONFIG, METRICS, LOCK = "config.json", "metrics.csv", ".lock"
STEP_COLUMN, CPU_COLUMN = "time/total_timesteps", "time/cpu_seconds"
DAMAGED = "metrics-damaged.csv"
EVENTS = re.compile(r"events\.out\.tfevents\.[\w.\-]+")


def new_name(env_id: str, agent: str, seed: int) -> str:
    """ENV__AGENT__SEED: a run's name without its time, fit for a folder."""
    return f"{env_id.replace('/', '-')}__{re.sub(r'[^A-Za-z0-9_.=-]+', '-', agent)}__{seed}"


def new_folder(log_dir: Path, env_id: str, agent: str, seed: int) -> Path:
    """Create runs/ENV__AGENT__SEED__TIME, with a number behind it if that is taken.

    Args:
        log_dir: where the runs are; created if missing.
        env_id: of the environment.
        agent: its name.
        seed: of the run.

    Raises:
        FoveateError: no folder can be made there, or a thousand runs have this name already.
    """
    stem = f"{new_name(env_id, agent, seed)}__{time.strftime('%Y%m%d-%H%M%S')}"
    for number in range(1000):
        folder = Path(log_dir) / (stem if number == 0 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError as error:
            if not folder.exists():  # what is in the way is a file instead of a folder above it
                raise FoveateError(f"--log-dir {shown(log_dir)} can't be written to: {reason(error)}.") from error
        except (OSError, ValueError) as error:
            raise FoveateError(f"--log-dir {shown(log_dir)} can't be written to: {reason(error)}.") from error
    raise FoveateError(f"{log_dir} has too many runs called {stem}.")


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Within, no other process trains in this folder. A lock ends with its process, however that ends.

    Args:
        folder: of the run, or of what a plan keeps of one training.

    Raises:
        FoveateError: another process does.
    """
    file = folder / LOCK
    if file.is_symlink():
        raise FoveateError(f"{file} is a link; the lock is kept in the folder itself.")
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FoveateError(f"{folder} is being trained by another process: wait for it, or stop it first.") from error
    except OSError as error:
        raise FoveateError(f"{folder} can't be locked for this training: {reason(error)}.") from error
    try:
        yield
    finally:
        lock.release()


def is_locked(folder: Path) -> bool:
    """Whether another process trains in this folder."""
    if not (folder / LOCK).exists():
        return False
    try:
        with locked(folder):
            return False
    except FoveateError:
        return True


def own_folder(folder: Path, name: str) -> Path:
    """A folder in the run folder, which may not be there yet, through which nothing is written elsewhere.

    Args:
        folder: the run folder.
        name: of the folder in it.

    Raises:
        FoveateError: it is a link or no folder, or a link lies in it.
    """
    inside = folder / name
    if inside.is_symlink() or (inside.exists() and not inside.is_dir()):
        raise FoveateError(f"{inside} is a link or no folder; {name} are kept in the run folder itself.")
    for entry in inside.iterdir() if inside.exists() else ():
        if entry.is_symlink():
            raise FoveateError(f"{entry} is a link; {name} are kept in the run folder itself.")
    return inside


def write_config(folder: Path, config: Config) -> None:
    """Write config.json whole or not at all."""
    replace(folder / CONFIG, json.dumps(config, indent=1, default=str))


def read_config(path: Path) -> Config:
    """A run's config.json, from the run folder or the file itself, checked to be one.

    Raises:
        FoveateError: it can't be read, or an entry is missing or wrong.
    """
    file = path / CONFIG if path.is_dir() else path
    try:
        config = read_json(file)
    except FoveateError as error:
        raise FoveateError(f"{shown(path)} is no run folder: {error}") from error
    conform(config, ConfigFile, file)
    assert isinstance(config, dict)
    return config


class Log(NamedTuple):
    """A metrics.csv.

    Attributes:
        columns: their names.
        rows: what can be read, in order.
        damaged: how many lines can't; a last one that a kill cut short is none of them.
    """

    columns: list[str]
    rows: list[dict[str, str]]
    damaged: int


def read_log(file: Path) -> Log:
    """The content of a metrics.csv; none if there is no file.

    A line is read by itself, so that a damaged one takes no other with it.

    Raises:
        FoveateError: it is no regular file, or larger than any log.
    """
    if not file.exists():
        return Log([], [], 0)
    text = read_bytes(file, MOST_LOG_BYTES).decode("utf-8-sig", "replace")
    lines = text.splitlines(keepends=True)
    columns, rows, damaged = next(csv.reader(lines[:1]), []), [], 0
    for number, line in enumerate(lines[1:], 2):
        row = _parsed(line, columns)
        if row is not None:
            rows.append(row)
        elif number < len(lines) or line.endswith("\n"):
            damaged += 1
    return Log(columns, rows, damaged)


def _parsed(line: str, columns: list[str]) -> dict[str, str] | None:
    try:
        cells = next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None
    row = dict(zip(columns, cells, strict=False))
    return row if len(cells) == len(columns) and _step(row) is not None else None


def read_metrics(file: Path) -> list[dict[str, str]]:
    """The rows of a metrics.csv; none if there is no file. A row cut short by a kill is left out."""
    return read_log(file).rows


def write_metrics(file: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    """Write a metrics.csv whole or not at all."""
    replace(file, as_csv(rows, columns) if columns else "")


def replace(file: Path, text: str) -> None:
    """Write a file in one stroke, and never through a link that somebody left there."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        with fresh.open("x", encoding="utf-8", errors="backslashreplace", newline="") as handle:
            handle.write(text)
        os.replace(fresh, file)
    except OSError:  # the disk is full, say
        fresh.unlink(missing_ok=True)
        raise


def cut_logs(folder: Path, run: Config) -> None:
    """Cut the logs back to where a checkpoint saw them, so that a resumed run doubles no entry.

    Rows that can't be read, or are gone, are spoken of, and what was there is kept beside the log.

    Args:
        folder: the run folder.
        run: the checkpoint's run.json.

    Raises:
        FoveateError: metrics.csv is a symbolic link.
    """
    if (folder / METRICS).is_symlink():
        raise FoveateError(f"{folder / METRICS} is a link; logs are kept in the run folder itself.")
    log = read_log(folder / METRICS)
    rows = [row for row in log.rows if (_step(row) or 0) <= run["steps"]]
    lost = max(0, run.get("log_rows", 0) - len(rows))
    if log.damaged or lost:
        what = [f"{log.damaged} lines of it can't be read"] * bool(log.damaged)
        what += [f"{lost} rows that the checkpoint saw are gone"] * bool(lost)
        kept = ""
        if log.damaged:
            (folder / DAMAGED).unlink(missing_ok=True)
            shutil.copyfile(folder / METRICS, folder / DAMAGED)
            kept = f"; it is kept as {DAMAGED}"
        message = f"{folder / METRICS} is damaged: {' and '.join(what)}{kept}. The training itself goes on exactly."
        warnings.warn(message, FoveateWarning, stacklevel=2)
    if (folder / METRICS).exists():
        write_metrics(folder / METRICS, log.columns if rows else [], rows)
    sizes = run.get("event_sizes", {})
    for file in folder.iterdir():  # names from the file itself are never used as paths
        if not EVENTS.fullmatch(file.name) or file.is_symlink() or not file.is_file():
            continue
        size = sizes.get(file.name) if isinstance(sizes, dict) else None
        if not isinstance(size, int):
            file.unlink()  # begun after the checkpoint
        elif 0 <= size < file.stat().st_size:
            os.truncate(file, size)


def _step(row: dict[str, str]) -> float | None:
    """The steps of a row; None if it doesn't say."""
    try:
        return float(row[STEP_COLUMN])
    except (KeyError, ValueError):
        return None
