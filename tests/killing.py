"""Trainings in processes that can be killed, and what two runs have in common."""

import csv
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import forked
from commands import run_folder
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

HANG = 600.0  # seconds without a sign of life; no test comes near it


def _train(words: list[str]) -> int:
    from foveate import train

    sys.argv = ["train.py", *words]
    return train.main(words)


def start(words: list[str], log: Path) -> BaseProcess:
    """Begin ``train.py`` with these words; its output goes to the end of a log."""
    return forked.start(_train, words, out=log, err=log)


def _train_in(folder: str, words: list[str]) -> int:
    os.chdir(folder)
    return _train(words)


def start_in(folder: Path, words: list[str], log: Path) -> BaseProcess:
    """As `start`, in a folder."""
    return forked.start(_train_in, str(folder), words, out=log, err=log)


def wait_until(what: Callable[[], object], process: BaseProcess) -> bool:
    """Wait until something is true, or the process has ended; whether it became true."""
    since = time.monotonic()
    while not what():
        if not process.is_alive():
            return bool(what())
        assert time.monotonic() - since < HANG, "a training hangs"
        time.sleep(0.002)
    return True


def finish(process: BaseProcess) -> int | None:
    """The exit code of a process that is left alone."""
    process.join(HANG)
    return process.exitcode


def checkpoints(log_dir: Path) -> list[str]:
    """The last checkpoints that a run has now."""
    return sorted(path.name for path in log_dir.glob("*/checkpoints/last-*"))


def train_with_kills(words: list[str], log_dir: Path, kills: int, generator: random.Random) -> int:
    """Train to the end, killed and resumed again and again; returns how many kills met a training that ran."""
    log, hits = log_dir.with_suffix(".log"), 0
    process = start([*words, "--log-dir", str(log_dir)], log)
    for _ in range(kills):
        known = checkpoints(log_dir)
        # a checkpoint of its own, so that the run gets on; then any moment of what comes after it
        running = wait_until(lambda known=known: checkpoints(log_dir) not in ([], known), process)
        time.sleep(generator.uniform(0, 0.1))
        if running and process.is_alive():
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            hits += 1
        process.join()
        process = start(["--resume", str(run_folder(log_dir))], log)
    assert finish(process) == 0, log.read_text()
    return hits


# ---- what two runs have in common ----


def rows_without_time(folder: Path) -> list[dict[str, str]]:
    """The log, but for what the clock said."""
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [{k: v for k, v in row.items() if not k.startswith("time/") or "total" in k} for row in rows]
    return [dict(sorted(row.items())) for row in kept]


def scalars(folder: Path) -> list[tuple[int, str, float]]:
    """Every scalar in the events as it stands in the files, not cleaned up by any reader."""
    found = []
    for file in sorted(folder.glob("events*")):
        for event in EventFileLoader(str(file)).Load():
            for value in event.summary.value:
                if not value.tag.startswith("time/"):
                    found.append((event.step, value.tag, value.tensor.float_val[0]))
    return sorted(found, key=repr)


def assert_same_run(one: Path, other: Path) -> None:
    """Two run folders hold the same training, bit for bit: checkpoints, log and events."""
    for kind in ("last", "best"):
        (x,), (y,) = (list((folder / "checkpoints").glob(f"{kind}-*")) for folder in (one, other))
        assert x.name == y.name
        names = [sorted(file.name for file in folder.glob("*.safetensors")) for folder in (x, y)]
        assert names[0] == names[1] != []
        for file in names[0]:
            left, right = load_file(x / file), load_file(y / file)
            assert left.keys() == right.keys()
            assert all((left[name] == right[name]).all() or left[name].isnan().any() for name in left), file
    assert rows_without_time(one) == rows_without_time(other)
    # as texts: before the first episode has ended its mean return is not a number, which equals nothing
    left, right = ([repr(entry) for entry in scalars(folder)] for folder in (one, other))
    assert left == right, sorted(set(left) ^ set(right))[:20]
