"""Work through benchmarks/jobs.yaml: train each job's seeds, evaluate them, keep the figures in the run folders.

    python benchmarks/run_jobs.py --workers 2          everything that isn't done yet
    python benchmarks/run_jobs.py --only Cluttered     jobs whose table or label contains this
    python benchmarks/run_jobs.py --list               what is done and what is left

A stopped queue goes on where it was: finished runs are skipped, also those of another checkout whose figures are in
benchmarks/results.json (unless ``--again``), begun ones are resumed from their last checkpoint. The queue is that of
``train.py compare``; this command only knows which plan, and that it lies in the checkout.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import settings

from foveate.cli.compare import PlanOptions, work_through
from foveate.cli.plan import Entry, Plan, read_plan

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "benchmarks" / "results.json"  # the figures of finished runs, by results.py


def benchmarks(runs: Path = ROOT / "runs" / "benchmarks") -> Plan:
    """The plan of all benchmarks, with its runs in a folder."""
    plan = read_plan(ROOT / "benchmarks" / "jobs.yaml")
    plan.folder = runs
    return plan


def kept() -> Callable[[Entry], bool]:
    """Whether the figures of a job's very command, as presets set it today, are in results.json."""
    rows = json.loads(KEPT.read_text(encoding="utf-8"))
    commands = {row["name"]: row["command"] for row in rows if settings.is_of_today(row)}
    return lambda entry: entry.job is not None and commands.get(entry.home.name) == entry.job["command"]


def main() -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time, one core each")
    parser.add_argument("--ray", default="", help="address of a Ray cluster that trains, instead of this machine")
    parser.add_argument("--only", default="", help="jobs whose table or label contains this")
    parser.add_argument("--skip", default="", help="leave out jobs whose table or label contains this")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "benchmarks", help="where the run folders are")
    parser.add_argument("--again", action="store_true", help="also those whose figures are kept from another checkout")
    parser.add_argument("--list", action="store_true", help="say what is done, and stop")
    arguments = parser.parse_args()
    options = PlanOptions(
        arguments.workers, arguments.ray, only=arguments.only, skip=arguments.skip, list=arguments.list
    )
    known = (lambda entry: False) if arguments.again else kept()
    return work_through(benchmarks(arguments.runs), options, again="python benchmarks/run_jobs.py", measured=known)


if __name__ == "__main__":
    sys.exit(main())
