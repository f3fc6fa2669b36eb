"""What a run writes while it trains: its log, and its checkpoints with how long the log was at each."""

import os
import shutil
from pathlib import Path

import numpy as np
from stable_baselines3.common.logger import KVWriter, Logger, TensorBoardOutputFormat

from ...files import as_csv
from . import checkpoint
from .algorithm import Algorithm
from .atomic import sweep
from .distributed import present
from .run_folder import EVENTS, METRICS, STEP_COLUMN, Config, own_folder, read_log, write_metrics


class CSVLog(KVWriter):
    """metrics.csv: rows are appended and flushed; a new column rewrites the file."""

    def __init__(self, file: Path):
        self.file = file
        log = read_log(file)
        self.columns, self.rows = log.columns, len(log.rows)

    def write(self, key_values: dict[str, object], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in key_values.items()}
        row = {key: value for key, value in sorted(plain.items()) if isinstance(value, (int, float, str))}
        row = {STEP_COLUMN: step, **row}
        new = [key for key in row if key not in self.columns]
        if new:
            rows = read_log(self.file).rows
            self.columns += new
            write_metrics(self.file, self.columns, rows)
        with self.file.open("a", encoding="utf-8", errors="backslashreplace", newline="") as handle:
            handle.write(as_csv([row], self.columns).partition("\n")[2])
        self.rows += 1

    def close(self) -> None:
        """Nothing is kept open."""


def make_logger(folder: Path, tensorboard: bool) -> Logger:
    """The logger of a run: CSV, and TensorBoard if wanted."""
    outputs: list[KVWriter] = [CSVLog(folder / METRICS)]
    if tensorboard:
        before = sorted(file.name for file in folder.iterdir() if EVENTS.fullmatch(file.name))
        outputs.append(TensorBoardOutputFormat(str(folder)))
        _name_after(outputs[-1], before)
    return Logger(str(folder), outputs)


def _name_after(output: KVWriter, before: list[str]) -> None:
    """Name a new file of events so that it comes behind those that are there.

    TensorBoard reads files in the order of their names, which begin with the clock, and clocks may be set back.
    """
    writer = getattr(getattr(getattr(output, "writer", None), "file_writer", None), "event_writer", None)
    handle = getattr(writer, "_general_file_writer", None)
    if handle is None or not before:
        return
    file = Path(os.fsdecode(handle.filename))
    if file.name > before[-1]:
        return
    _, _, _, last, _ = before[-1].split(".", 4)
    *words, _, rest = file.name.split(".", 4)
    later = file.with_name(".".join([*words, f"{int(last) + 1:010d}", rest]))
    file.rename(later)
    handle.filename = os.fsencode(later)  # it is opened by its name at each write


class Keeper:
    """Writes a run's checkpoints and remembers how long the logs were at each.

    Args:
        folder: the run folder.
        config: kept in each checkpoint, so that it stands alone.
    """

    def __init__(self, folder: Path, config: Config):
        self.folder, self.config = folder, config
        if not present().first:
            return
        own_folder(folder, "checkpoints")
        for kind in ("last", "best"):
            sweep(folder / "checkpoints", f"{kind}-*")

    def save(self, algorithm: Algorithm, kind: str, progress: Config) -> None:
        """Write checkpoints/KIND-STEP and remove the ones of this kind before it.

        Args:
            algorithm: what to save.
            kind: "last" or "best".
            progress: what the training loop must know to go on (best score so far, …).
        """
        if not algorithm.learner.processes.first:
            checkpoint.save(algorithm.learner, self.folder)  # hands its worlds over, and writes nothing
            return
        for output in algorithm.logger.output_formats:
            if isinstance(output, TensorBoardOutputFormat) and output.writer is not None:
                output.writer.flush()
        sizes = {file.name: file.stat().st_size for file in self.folder.iterdir() if EVENTS.fullmatch(file.name)}
        path = self.folder / "checkpoints" / f"{kind}-{algorithm.num_timesteps:012d}"
        extra = {name: self.config[name] for name in ("env_id", "env")} | {
            "progress": progress,
            "event_sizes": sizes,
            "log_rows": sum(output.rows for output in algorithm.logger.output_formats if isinstance(output, CSVLog)),
        }
        checkpoint.save(algorithm.learner, path, extra)
        for old in path.parent.glob(f"{kind}-*"):
            if old != path:
                shutil.rmtree(old)
