"""What a run writes while it trains: its log, and its checkpoints with how long the log was at each."""

import csv
import shutil
from pathlib import Path

from stable_baselines3.common.logger import KVWriter, Logger, TensorBoardOutputFormat

from ...errors import FoveateError
from . import checkpoint
from .algorithm import Algorithm
from .run_folder import EVENTS, METRICS, STEP_COLUMN, Config, read_metrics, write_metrics


class CSVLog(KVWriter):
    """metrics.csv: rows are appended and flushed; a new column rewrites the file."""

    def __init__(self, file: Path):
        self.file = file
        self.columns: list[str] = []
        if file.exists():
            with file.open(newline="") as handle:
                self.columns = next(csv.reader(handle), [])

    def write(self, key_values: dict[str, object], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        row = {key: value for key, value in sorted(key_values.items()) if isinstance(value, (int, float, str))}
        row = {STEP_COLUMN: step, **row}
        new = [key for key in row if key not in self.columns]
        if new:
            rows = read_metrics(self.file)
            self.columns += new
            write_metrics(self.file, self.columns, rows)
        with self.file.open("a", newline="") as handle:
            csv.DictWriter(handle, self.columns).writerow(row)

    def close(self) -> None:
        """Nothing is kept open."""


def make_logger(folder: Path, tensorboard: bool) -> Logger:
    """The logger of a run: CSV, and TensorBoard if wanted."""
    outputs: list[KVWriter] = [CSVLog(folder / METRICS)]
    if tensorboard:
        outputs.append(TensorBoardOutputFormat(str(folder)))
    return Logger(str(folder), outputs)


class Keeper:
    """Writes a run's checkpoints and remembers how long the logs were at each.

    Args:
        folder: the run folder.
        config: kept in each checkpoint, so that it stands alone.
    """

    def __init__(self, folder: Path, config: Config):
        self.folder, self.config = folder, config
        if (folder / "checkpoints").is_symlink():
            raise FoveateError(f"{folder / 'checkpoints'} is a link; checkpoints are kept in the run folder itself.")

    def save(self, algorithm: Algorithm, kind: str, progress: Config) -> Path:
        """Write checkpoints/KIND-STEP and remove the ones of this kind before it.

        Args:
            algorithm: what to save.
            kind: "last" or "best".
            progress: what the training loop must know to go on (best score so far, …).
        """
        for output in algorithm.logger.output_formats:
            if isinstance(output, TensorBoardOutputFormat) and output.writer is not None:
                output.writer.flush()
        sizes = {file.name: file.stat().st_size for file in self.folder.iterdir() if EVENTS.fullmatch(file.name)}
        path = self.folder / "checkpoints" / f"{kind}-{algorithm.num_timesteps:012d}"
        extra = {name: self.config[name] for name in ("env_id", "env")} | {
            "progress": progress,
            "event_sizes": sizes,
        }
        checkpoint.save(algorithm.learner, path, extra)
        for old in path.parent.glob(f"{kind}-*"):
            if old != path:
                shutil.rmtree(old)
        return path
