"""Work through benchmarks/jobs.yaml: train each job's seeds, evaluate them, keep the figures in the run folders.

    python benchmarks/run_jobs.py --workers 2          everything that isn't done yet
    python benchmarks/run_jobs.py --only Cluttered     jobs whose table or label contains this
    python benchmarks/run_jobs.py --list               what is done and what is left

A stopped queue goes on where it was: finished runs are skipped, begun ones are resumed from their last checkpoint. The
queue is that of ``train.py compare``; this command only knows which plan, and that it lies in the checkout.
"""

import argparse
import sys
from pathlib import Path

from foveate.cli.compare import PlanOptions, work_through
from foveate.cli.plan import Plan, read_plan

ROOT = Path(__file__).resolve().parent.parent


def benchmarks(runs: Path = ROOT / "runs" / "benchmarks") -> Plan:
    """The plan of all benchmarks, with its runs in a folder."""
    plan = read_plan(ROOT / "benchmarks" / "jobs.yaml")
    plan.folder = runs
    return plan


def main() -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time, one core each")
    parser.add_argument("--only", default="", help="jobs whose table or label contains this")
    parser.add_argument("--skip", default="", help="leave out jobs whose table or label contains this")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "benchmarks", help="where the run folders are")
    parser.add_argument("--list", action="store_true", help="say what is done, and stop")
    arguments = parser.parse_args()
    options = PlanOptions(arguments.workers, arguments.only, arguments.skip, list=arguments.list)
    return work_through(benchmarks(arguments.runs), options, again="python benchmarks/run_jobs.py")


if __name__ == "__main__":
    sys.exit(main())
