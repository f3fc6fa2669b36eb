"""Is this checkout slower than another one? Every row is timed in both, in turns, and their ratio is told.

python benchmarks/against.py ../release                      everything, in some minutes
python benchmarks/against.py ../release --only core:         rows whose name contains this
python benchmarks/against.py ../release --json FILE          and keep every single time

The other checkout may come from `git worktree add ../release v0.1.0`. Each checkout gets one process, which runs the
rows of benchmarks/rows.py (this checkout's, for both) on one thread, in turns as benchmarks/turns.py does it. Where a
row isn't surely below the limit, it is measured again, longer and in new processes, since two processes of the very
same code can differ by a few per cent. The exit status is 1 if a row is SLOWER or fails here only.

SLOWER    the ratio is above the limit, its interval above 1, and it was above 1 in each of two or more pairs
slower?   the ratio is above the limit, but not so surely: the machine is too busy, or --repeats or --again too low
unsure    the ratio is below the limit, but its interval isn't
faster    the ratio is below 1/limit, and its interval below 1
"""

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any, NamedTuple

from turns import FEWEST, HERE, SHORTEST, Process, in_turns, ratio

ROWS = ("rows", "rows_agents")
SIDES = ("other", "this")
TURN = 0.025  # of work that takes longer than this there are fewer turns, so that a row takes no more time
Times = dict[str, list[float]]


class Comparison(NamedTuple):
    """What the times of a row say.

    Attributes:
        other: the other checkout's median, in seconds.
        this: this checkout's median.
        ratio: the median over turns of this by other: above 1 is slower.
        low: lower end of the ratio's 95 % interval.
        high: upper end.
        each: the ratio in each pair of processes.
    """

    other: float
    this: float
    ratio: float
    low: float
    high: float
    each: list[float]


class Pair:
    """A process for each side, as a context.

    Args:
        checkouts: the folder of each side.
    """

    def __init__(self, checkouts: dict[str, Path]):
        self.checkouts = checkouts

    def __enter__(self) -> "Pair":
        self.workers = {side: Process(path, ROWS) for side, path in self.checkouts.items()}
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers.values():
            worker.close()

    def rows(self) -> list[str]:
        """The names of the rows of this checkout, then those that only the other one has."""
        return list(dict.fromkeys(row for side in SIDES[::-1] for row in self.workers[side].rows))

    def measure(self, row: str, repeats: int) -> Times:
        """Seconds of a row on either side, measured in turns; both do the same amount of work in a turn.

        Raises:
            RuntimeError: a side can't run the row; the message says which and why.
        """
        seconds, failures = [], {}
        for side, worker in self.workers.items():
            try:
                seconds.append(worker.ask("open", row=row))
            except RuntimeError as error:
                failures[side] = str(error)
        if failures:
            raise RuntimeError(f"fails in {' and '.join(failures)}: {next(iter(failures.values()))}")
        count = max(1, round(SHORTEST / min(seconds)))
        turns = max(min(repeats, int(repeats * TURN / min(seconds))), FEWEST)
        return in_turns(self.workers, dict.fromkeys(self.workers, count), turns)


def compare(measured: list[Times]) -> Comparison:
    """The median of the turns' ratios, and its interval: turns are drawn again with replacement.

    Args:
        measured: the times of each pair of processes.
    """
    times = {side: [seconds for part in measured for seconds in part[side]] for side in SIDES}
    found = ratio(times["this"], times["other"])
    other, this = (statistics.median(times[side]) for side in SIDES)
    each = [ratio(part["this"], part["other"]).ratio for part in measured]
    return Comparison(other, this, *found, each)


def verdict(found: Comparison, limit: float) -> str:
    """What a row is marked with."""
    if found.ratio > limit:
        sure = found.low > 1 and len(found.each) > 1 and min(found.each) > 1
        return "SLOWER" if sure else "slower?"
    if found.high < 1 and found.ratio < 1 / limit:
        return "faster"
    return "unsure" if found.high > limit else ""


def line(row: str, found: Comparison, limit: float) -> str:
    """A line of the table."""
    interval = f"{found.low:.3f}–{found.high:.3f}"
    times = f"{1000 * found.other:>10.2f}{1000 * found.this:>10.2f}"
    return f"{row:<50}{times}{found.ratio:>8.3f}  {interval:<13}{verdict(found, limit)}".rstrip()


class Table:
    """What was measured so far, printed as it comes.

    Args:
        limit: ratio above which a row counts as slower.
    """

    def __init__(self, limit: float):
        self.limit = limit
        self.times: dict[str, list[Times]] = {}
        self.failures: dict[str, str] = {}

    def fill(self, pair: Pair, rows: list[str], repeats: int) -> None:
        """Measure rows, adding to the times that are there."""
        for row in rows:
            try:
                fresh = pair.measure(row, repeats)
            except RuntimeError as error:
                self.failures[row] = str(error)
                print(f"{row:<50} {str(error)[:90]}", flush=True)
                continue
            self.times.setdefault(row, []).append(fresh)
            print(line(row, compare(self.times[row]), self.limit), flush=True)

    def doubtful(self) -> list[str]:
        """The rows that aren't surely below the limit."""
        return [row for row, times in self.times.items() if compare(times).high > self.limit]

    def marked(self, mark: str) -> list[str]:
        """The rows with this verdict."""
        return [row for row, times in self.times.items() if verdict(compare(times), self.limit) == mark]

    def as_json(self) -> dict[str, Any]:
        """Everything, as plain data; times in seconds."""
        known = {row: compare(times) for row, times in self.times.items()}
        return {
            "limit": self.limit,
            "failures": self.failures,
            "rows": {
                row: {**found._asdict(), "verdict": verdict(found, self.limit), "times": self.times[row]}
                for row, found in known.items()
            },
        }


def arguments_of(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="folder of the checkout to compare with")
    parser.add_argument("--only", default="", help="rows whose name contains this, whatever the case")
    parser.add_argument(
        "--repeats", type=int, default=40, help="turns of each row (default: %(default)s), fewer of long ones"
    )
    parser.add_argument("--again", type=int, default=2, help="times that doubtful rows are repeated, in new processes")
    parser.add_argument("--limit", type=float, default=1.05, help="ratio above which a row counts as slower")
    parser.add_argument("--json", type=Path, help="write all times to this file")
    parser.add_argument("--list", action="store_true", help="print the names of the rows and stop")
    arguments = parser.parse_args(words)
    if not (arguments.other / "__init__.py").is_file():
        parser.error(f"{arguments.other} is no checkout: there is no __init__.py in it.")
    if arguments.repeats < 3:
        parser.error("--repeats must be 3 or more.")
    return arguments


def fill(table: Table, arguments: argparse.Namespace) -> None:
    """Measure all rows that were asked for, then the doubtful ones again."""
    checkouts = {"other": arguments.other.resolve(), "this": HERE.parent}
    with Pair(checkouts) as pair:
        names = [row for row in pair.rows() if arguments.only.lower() in row.lower()]
        if arguments.list:
            print(*names, sep="\n")
            return
        print(f"{'milliseconds of processor time':<50}{'other':>10}{'this':>10}{'ratio':>8}  95 % interval", flush=True)
        table.fill(pair, names, arguments.repeats)
    for number in range(arguments.again):
        rows = table.doubtful()
        if not rows:
            return
        print(f"\nnot surely below {arguments.limit}: measured again in new processes ({number + 1})", flush=True)
        with Pair(checkouts) as pair:
            table.fill(pair, rows, 2 * arguments.repeats)


def main() -> int:
    """Entry point."""
    arguments = arguments_of()
    table = Table(arguments.limit)
    try:
        fill(table, arguments)
    except KeyboardInterrupt:
        print("\ninterrupted: this is what was measured before", flush=True)
    if arguments.list:
        return 0
    print(f"\n{len(table.times)} rows, {len(table.failures)} that could not be run")
    for mark in ("SLOWER", "slower?", "unsure", "faster"):
        print(f"{mark}: {'; '.join(table.marked(mark)) or 'none'}")
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(table.as_json(), indent=1), encoding="utf-8")
    broken = [row for row, why in table.failures.items() if why.startswith("fails in this")]
    return 1 if table.marked("SLOWER") or broken else 0


if __name__ == "__main__":
    sys.exit(main())
