"""Work timed in turns, each side in a process of its own: what benchmarks/against.py and peers.py are built on.

Times are processor time, so that other programs matter less; the sides take short turns, A B B A, so that what else the
machine does falls on all alike; a ratio is the median over turns, with a 95 % interval by resampling turns.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

HERE = Path(__file__).resolve().parent
SHORTEST = 0.006  # seconds of processor time: shorter work is repeated within a turn
FEWEST = 4  # turns, however long the work
# what would differ between two processes of the same code: the order of sets, and whether glibc's heap happens to give
# the pages of big tensors back and fault them in again at every step, which makes up to 30 % of a row
SAME = {
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "",  # a row of imports shall not compile them every time
    "OMP_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**31),
}


class Ratio(NamedTuple):
    """How many times as long one thing takes as another.

    Attributes:
        ratio: the median over turns.
        low: lower end of its 95 % interval.
        high: upper end.
    """

    ratio: float
    low: float
    high: float


def ratio(these: Sequence[float], others: Sequence[float]) -> Ratio:
    """These times by those others, turn by turn: neighbours in time share what disturbs them.

    Args:
        these: times of the one, a turn each.
        others: times of the other in the same turns.
    """
    ratios = np.asarray(these) / np.asarray(others)
    draws = np.random.default_rng(0).integers(0, len(ratios), (2000, len(ratios)))
    low, high = np.quantile(np.median(ratios[draws], axis=1), [0.025, 0.975])
    return Ratio(float(np.median(ratios)), float(low), float(high))


class Process:
    """A worker: Python that imports foveate from one checkout and runs the rows of some modules beside this one.

    It is imported through the checkout's own link, always by the same path: numba would compile the kernels of another
    path again, for a minute.

    Args:
        checkout: its folder, whatever its name.
        modules: names of the modules with the rows.
        python: the interpreter.
    """

    def __init__(self, checkout: Path, modules: Sequence[str], python: str = sys.executable):
        settings = {"PYTHONPATH": str(checkout / ".typing"), **SAME}
        self.pipe = subprocess.Popen(
            [python, "-W", "ignore", str(HERE / "against_worker.py"), *modules],
            env=os.environ | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the one who asks
        )
        hello = self.ask("hello")
        if Path(hello["checkout"]) != checkout:
            raise SystemExit(f"foveate was imported from {hello['checkout']} instead of {checkout}.")
        self.rows: list[str] = hello["rows"]

    def ask(self, what: str, **details: Any) -> Any:
        """Send a request and wait for its answer.

        Raises:
            RuntimeError: the worker can't do it.
            SystemExit: the worker died.
        """
        assert self.pipe.stdin is not None
        assert self.pipe.stdout is not None
        self.pipe.stdin.write(json.dumps({"do": what, **details}) + "\n")
        self.pipe.stdin.flush()
        line = self.pipe.stdout.readline()
        if not line:
            raise SystemExit(f"a worker died of {what!r} {details}, exit status {self.pipe.wait()}.")
        reply = json.loads(line)
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply["value"]

    def close(self) -> None:
        """End the process."""
        self.pipe.communicate()


def in_turns(workers: dict[str, Process], counts: dict[str, int], turns: int) -> dict[str, list[float]]:
    """Seconds of one piece of work of each side, a turn each, forwards and backwards: A B B A.

    Args:
        workers: by side, each with a row that is open.
        counts: pieces of work in a turn, by side.
        turns: how many.
    """
    times: dict[str, list[float]] = {side: [] for side in workers}
    for turn in range(turns):
        for side in list(workers)[:: 1 if turn % 2 == 0 else -1]:
            times[side].append(workers[side].ask("time", count=counts[side]))
    return times
