"""The scheduler of `compare`, of `sweep` and of the benchmarks: work side by side, here or on a cluster.

What is done next is asked for only when there is room for it, so that it may depend on what came out before. Where it
is done is an `Executor`'s matter: this machine's processes, or those of a Ray cluster (cluster.py).
"""

import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Protocol, TypeVar

from .children import CHILDREN
from .queue import Training, is_busy, work

Item = TypeVar("Item")
TICK = 0.5  # seconds between two looks at what runs


class Executor(Protocol):
    """Where trainings run.

    Attributes:
        workers: how many at a time.
    """

    workers: int

    def work(self, training: Training) -> str:
        """`queue.work`, somewhere."""
        ...

    def stop(self, home: Path | None = None) -> None:
        """Ask the training in a folder to save itself and end; without a folder all of them, and none begins."""
        ...

    def close(self) -> None:
        """Nothing is trained there any more."""
        ...


class LocalExecutor:
    """Processes of this machine.

    Args:
        workers: how many at a time; 0 is one for each core.
    """

    def __init__(self, workers: int = 0):
        self.workers = workers or len(os.sched_getaffinity(0))

    def work(self, training: Training) -> str:
        """Train in a process of its own."""
        return work(training)

    def stop(self, home: Path | None = None) -> None:
        """Ask one of them, or all, to save themselves and end."""
        if home is None:
            CHILDREN.stop(again=False)  # what stopped this process was handed on to them: twice would interrupt them
        else:
            CHILDREN.stop_in(home)

    def close(self) -> None:
        """There is nothing to leave."""


def executor_for(workers: int, ray: str, gpus: float = 0.0) -> Executor:
    """Where the trainings of a command run.

    Args:
        workers: at a time; 0 is one for each core.
        ray: the address of a Ray cluster; empty is this machine.
        gpus: of a training, on a cluster.

    Raises:
        FoveateError: there is no such cluster, or Ray isn't installed.
    """
    if not ray:
        return LocalExecutor(workers)
    from .cluster import RayExecutor

    return RayExecutor(ray, workers, gpus)


def wait_until_free(home: Path, given_up: Callable[[], bool]) -> None:
    """Wait for a training that has outlived the command, or the machine, that began it."""
    while not given_up() and is_busy(home):
        time.sleep(TICK)


def schedule(
    take: Callable[[], Item | None],
    do: Callable[[Item], str],
    workers: int,
    finished: Callable[[Item, str], object],
    stop: Callable[[], object] = lambda: None,
    watch: Callable[[], object] = lambda: None,
) -> bool:
    """Do something with each item, some at a time; False if Ctrl-C stopped it.

    What stops this process also reaches the trainings (see `stopped_together`), which save themselves; no new one is
    begun then. All calls but those of `do` come from this thread, one after the other.

    Args:
        take: the next item; None where there is none, or none before another has finished.
        do: returns a line about what was done.
        workers: how many at a time.
        finished: called with an item and its line.
        stop: called once if Ctrl-C stops it.
        watch: called now and then, while something runs.
    """
    running: dict[Future[str], Item] = {}
    with ThreadPoolExecutor(workers) as pool:
        try:
            while True:
                while len(running) < workers and (item := take()) is not None:
                    running[pool.submit(do, item)] = item
                if not running:
                    return True
                for future in wait(running, TICK, FIRST_COMPLETED).done:
                    finished(running.pop(future), future.result())
                watch()
        except KeyboardInterrupt:
            print("\nstopping: waiting for the trainings that run to save themselves…", file=sys.stderr, flush=True)
            stop()
            return False


def side_by_side(
    items: Iterable[Item], do: Callable[[Item], str], workers: int, stop: Callable[[], object] = lambda: None
) -> bool:
    """`schedule` for what is known from the beginning: prints the line of each; False if Ctrl-C stopped it.

    Args:
        items: what is to be done.
        do: returns a line about what was done.
        workers: how many at a time.
        stop: called once if Ctrl-C stops it.
    """
    todo = list(items)
    rest, count = iter(todo), 0

    def finished(item: Item, line: str) -> None:
        nonlocal count
        count += 1
        print(f"[{count}/{len(todo)}] {line}", flush=True)

    return schedule(lambda: next(rest, None), do, workers, finished, stop)
