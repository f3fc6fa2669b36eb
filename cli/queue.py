"""Trainings one after the other or side by side, each in a process of its own, that can be stopped and continued."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")


def begun_run(home: Path) -> Path | None:
    """The latest run folder in a folder that has a checkpoint, or None."""
    if not home.is_dir():
        return None
    found = [folder for folder in sorted(home.iterdir()) if any((folder / "checkpoints").glob("[!.]*/run.json"))]
    return found[-1] if found else None


def train_in(home: Path, arguments: list[str]) -> Path | None:
    """Train to the end in a folder, or go on with the run that was begun there.

    Args:
        home: holds this one run, and log.txt.
        arguments: of train.py: ENV AGENT and options, without --log-dir.

    Returns:
        The run folder; None if the training failed or was stopped (see log.txt).
    """
    home.mkdir(parents=True, exist_ok=True)
    begun = begun_run(home)
    command = ["--resume", str(begun)] if begun is not None else [*arguments, "--log-dir", str(home)]
    with (home / "log.txt").open("a") as log:
        code = subprocess.call([sys.executable, "-m", "foveate.train", *command], stdout=log, stderr=log)
    return begun_run(home) if code == 0 else None


def side_by_side(items: Iterable[Item], work: Callable[[Item], str], workers: int) -> bool:
    """Do the work on each item, some at a time, and print each one's line; False if Ctrl-C stopped it.

    Ctrl-C also reaches the trainings, which save themselves; no new one is begun then.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(lambda item=item: None if stop.is_set() else work(item)) for item in items]
        try:
            for future in as_completed(futures):
                line = future.result()
                if line is not None:
                    print(line, flush=True)
        except KeyboardInterrupt:
            stop.set()
            print("\nstopping: waiting for the trainings that run to save themselves…", file=sys.stderr, flush=True)
            return False
    return True
