"""A run's folder: its configuration, its logs, its checkpoints; and how a resumed run takes them up again.

config.json            the resolved configuration, the command, versions
metrics.csv            one row a log entry
events.out.tfevents.*  the same for TensorBoard
checkpoints/last-STEP  where the run can be resumed
checkpoints/best-STEP  the best on the validation split
"""

import csv
import json
import os
import re
import time
from pathlib import Path
from typing import Any

from ...errors import FoveateError

Config = dict[str, Any]  # a resolved configuration, or the content of another file of JSON

CONFIG, METRICS, STEP_COLUMN = "config.json", "metrics.csv", "time/total_timesteps"
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
        FoveateError: a thousand runs have this name already.
    """
    stem = f"{new_name(env_id, agent, seed)}__{time.strftime('%Y%m%d-%H%M%S')}"
    for number in range(1000):
        folder = Path(log_dir) / (stem if number == 0 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
    raise FoveateError(f"{log_dir} has too many runs called {stem}.")


def write_config(folder: Path, config: Config) -> None:
    """Write config.json whole or not at all."""
    fresh = folder / f".{CONFIG}.new"
    fresh.unlink(missing_ok=True)  # never through a link that somebody left there
    with fresh.open("x") as handle:
        json.dump(config, handle, indent=1, default=str)
    os.replace(fresh, folder / CONFIG)


def read_config(path: Path) -> Config:
    """A run's config.json, from the run folder or the file itself, checked to be one.

    Raises:
        FoveateError: it can't be read, or an entry is missing or wrong.
    """
    file = path if path.is_file() else path / CONFIG
    try:
        config = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise FoveateError(f"{path} is no run folder: {CONFIG} can't be read ({error}).") from error
    needed = {"env_id": str, "env": dict, "agent": str, "options": dict, "learner": dict}
    for name, kind in needed.items():
        if not isinstance(config, dict) or not isinstance(config.get(name), kind):
            raise FoveateError(f"{file} is damaged: {name!r} is missing or wrong.")
    return config


def read_metrics(file: Path) -> list[dict[str, str]]:
    """The rows of a metrics.csv; none if there is no file. A row cut short by a kill is left out."""
    if not file.exists():
        return []
    with file.open(newline="") as handle:
        reader = csv.DictReader(handle)
        return [row for row in reader if None not in row.values() and None not in row]


def write_metrics(file: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    """Write a metrics.csv whole or not at all."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    with fresh.open("x", newline="") as handle:
        writer = csv.DictWriter(handle, columns)
        writer.writeheader()
        writer.writerows(rows)
    os.replace(fresh, file)


def cut_logs(folder: Path, run: Config) -> None:
    """Cut the logs back to where a checkpoint saw them, so that a resumed run doubles no entry.

    Args:
        folder: the run folder.
        run: the checkpoint's run.json.

    Raises:
        FoveateError: metrics.csv is a symbolic link.
    """
    if (folder / METRICS).is_symlink():
        raise FoveateError(f"{folder / METRICS} is a link; logs are kept in the run folder itself.")
    rows = [row for row in read_metrics(folder / METRICS) if _step(row) <= run["steps"]]
    if (folder / METRICS).exists():
        with (folder / METRICS).open(newline="") as handle:
            columns = next(csv.reader(handle), [])
        write_metrics(folder / METRICS, columns, rows)
    sizes = run.get("event_sizes", {})
    for file in folder.iterdir():  # names from the file itself are never used as paths
        if not EVENTS.fullmatch(file.name) or file.is_symlink():
            continue
        size = sizes.get(file.name) if isinstance(sizes, dict) else None
        if not isinstance(size, int):
            file.unlink()  # begun after the checkpoint
        elif 0 <= size < file.stat().st_size:
            os.truncate(file, size)


def _step(row: dict[str, str]) -> float:
    try:
        return float(row.get(STEP_COLUMN, "inf"))
    except ValueError:
        return float("inf")
