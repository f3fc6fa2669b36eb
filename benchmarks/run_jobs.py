"""Work through benchmarks/jobs.yaml: train each job's seeds, evaluate them, keep the figures in the run folders.

    python benchmarks/run_jobs.py --workers 2          everything that isn't done yet
    python benchmarks/run_jobs.py --only Cluttered     jobs whose table or label contains this
    python benchmarks/run_jobs.py --list               what is done and what is left

A stopped queue goes on where it was: finished runs are skipped, begun ones are resumed from their last checkpoint.
"""

import argparse
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

from foveate.cli.queue import side_by_side, train_in

ROOT = Path(__file__).resolve().parent.parent


def jobs(only: str = "", skip: str = "\n") -> list[dict]:
    """One entry for each job and seed: the first seeds of all jobs, then the second ones, …"""
    entries = []
    for job in yaml.safe_load((ROOT / "benchmarks" / "jobs.yaml").read_text()):
        for turn, seed in enumerate(job["seeds"]):
            name = re.sub(r"[^\w.]+", "-", f"{job['table']}-{job['label']}-{seed}").strip("-")
            words = f"{job['table']} {job['label']}".lower()
            if only.lower() in words and skip.lower() not in words:
                entries.append((turn, {**job, "seed": seed, "name": name}))
    return [entry for _, entry in sorted(entries, key=lambda item: item[0])]


def work(entry: dict, runs: Path) -> str:
    """Train (or resume) and evaluate one entry; returns a line about it."""
    home = runs / entry["name"]
    result = home / "result.json"
    if result.exists():
        return f"done already: {entry['name']}"
    folder = train_in(home, [*shlex.split(entry["command"]), "--seed", str(entry["seed"])])
    if folder is None:
        return f"failed or stopped: {entry['name']} (see {home / 'log.txt'})"
    with (home / "log.txt").open("a") as log:
        measured = home / "measured.json"
        command = ["evaluate.py", str(folder), "--episodes", str(entry["episodes"]), "--json", str(measured)]
        if entry.get("sweep"):
            command += ["--sweep", *entry["sweep"]]
        if subprocess.call([sys.executable, *command], cwd=ROOT, stdout=log, stderr=log) != 0:
            return f"evaluation failed: {entry['name']} (see {home / 'log.txt'})"
    figures = json.loads(measured.read_text())[0]
    result.write_text(json.dumps({**entry, **figures, "run": folder.name}, indent=1))
    return f"{entry['name']}: {figures['score']:.4f} after {figures['training_seconds'] / 60:.1f} min"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time, one core each")
    parser.add_argument("--only", default="", help="jobs whose table or label contains this")
    parser.add_argument("--skip", default="\n", help="leave out jobs whose table or label contains this")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "benchmarks", help="where the run folders are")
    parser.add_argument("--list", action="store_true", help="say what is done, and stop")
    arguments = parser.parse_args()
    entries = jobs(arguments.only, arguments.skip)
    if arguments.list:
        for entry in entries:
            print("done" if (arguments.runs / entry["name"] / "result.json").exists() else "left", entry["name"])
        return
    side_by_side(entries, lambda entry: work(entry, arguments.runs), arguments.workers)


if __name__ == "__main__":
    main()
