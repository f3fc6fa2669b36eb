"""What benchmarks/turns.py starts once for each side: runs the rows of the modules that the command line names, and
answers with processor time.
"""

import gc
import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import rows
import torch

LONG = 0.5  # longer work needs no second warm-up


def processor_time() -> float:
    """Seconds of processor time, all threads, of this process and of the children that ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(work: rows.Work, count: int) -> float:
    """Seconds of processor time for one piece of work: as measured here, or as the work itself says."""
    begin = processor_time()
    told = [work() for _ in range(count)]
    if isinstance(told[0], float):
        return sum(told) / count  # type: ignore[arg-type]
    return (processor_time() - begin) / count


def peak() -> int:
    """The most bytes of memory that this process ever had."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would tell the greater of this and what the process had that started this one
        return next(
            1024 * int(line.split()[1]) for line in status.read_text(encoding="utf-8").splitlines() if "VmHWM" in line
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class Worker:
    """Answers requests, with one row set up at a time.

    Args:
        modules: each with a function `rows`, as in rows.py.
    """

    def __init__(self, modules: list[str]) -> None:
        self.rows: rows.Rows = {}
        for name in modules:
            self.rows |= importlib.import_module(name).rows()
        self.work: rows.Work | None = None

    def answer(self, request: dict[str, Any]) -> Any:
        """Do what a request asks for.

        Args:
            request: {"do": "hello"}, {"do": "open", "row": name, "arguments": of the row, if it has any} or
                {"do": "time", "count": pieces of work}; the last two are answered by the seconds that one piece of work
                took. {"do": "peak"}: the most bytes of memory that this process ever had.
        """
        if request["do"] == "hello":
            return {"checkout": str(rows.checkout()), "rows": list(self.rows)}
        if request["do"] == "peak":
            return peak()
        if request["do"] == "open":
            gc.unfreeze()
            self.work = None
            gc.collect()
            self.work = self.rows[request["row"]](**request.get("arguments", {}))
            seconds = timed(self.work, 1)  # warms up
            if seconds < LONG:
                seconds = timed(self.work, 1)
            gc.collect()
            gc.freeze()  # what other rows left behind shall not be walked again and again
            return seconds
        return timed(self.work, request["count"])  # type: ignore[arg-type]


def main() -> None:
    """A request a line on standard input, an answer a line on standard output; what libraries print goes elsewhere."""
    with os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8") as replies:
        os.dup2(2, 1)
        torch.set_num_threads(1)
        if hasattr(os, "sched_setaffinity"):  # all workers on one core: cores differ in what else runs there
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        serve(Worker(sys.argv[1:]), replies)


def serve(worker: Worker, replies: TextIO) -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        try:
            reply = {"value": worker.answer(json.loads(line))}
        except Exception as error:  # a row that a checkout can't run is a finding, not the end
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies)


if __name__ == "__main__":
    main()
