"""``train.py compare PLAN.yaml``: all trainings of a plan, side by side and resumable, then the report."""

import dataclasses
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ..agents.learning import checkpoint
from ..agents.learning.run_folder import CONFIG, write_config
from ..errors import FoveateError, check_range
from .configuration import Configuration, configure
from .options import parse
from .plan import Entry, Plan, read_plan
from .queue import Measurement, Training, begun_run, is_done, side_by_side, work
from .words import import_words

PROG = "train.py compare PLAN.yaml"
ABOUT = "Train every arm in every world over several seeds, in parallel and resumable, and compare them."
PROBE, LEAST = 12_000, 6.0  # steps of the first probe, and the processor seconds that a probe must take to be believed


@dataclass
class PlanOptions:
    """How to work through a plan.

    Attributes:
        workers: trainings at a time, one core each; 0 is one for each core.
        only: just the trainings whose name contains this.
        skip: leave out the trainings whose name contains this.
        report: write the report at the end.
        list: say what is done and what is left, and stop.
    """

    workers: int = 0
    only: str = ""
    skip: str = ""
    report: bool = True
    list: bool = False

    def __post_init__(self) -> None:
        check_range("workers", self.workers, 0)


def run(arguments: list[str], imports: list[str]) -> int:
    """Work through a plan.

    Raises:
        FoveateError: a user's mistake.
    """
    if not arguments or arguments[0].startswith("-"):
        parse(PlanOptions, arguments or ["--help"], PROG, ABOUT)
        raise FoveateError(f"compare needs a plan: {PROG}")
    options = parse(PlanOptions, arguments[1:], PROG, ABOUT)
    again = shlex.join(["python", "train.py", *import_words(imports), "compare", arguments[0]])
    return work_through(read_plan(Path(arguments[0])), options, imports, again)


def work_through(plan: Plan, options: PlanOptions, imports: Sequence[str] = (), again: str = "") -> int:
    """Train and measure what is left of a plan, and write the report; returns the exit code.

    Args:
        plan: what to train.
        options: how.
        imports: modules that this command line imported; the trainings import them too.
        again: the command that goes on after Ctrl-C.
    """
    entries = [
        entry
        for entry in plan.entries()
        if entry.matches(options.only) and not (options.skip and entry.matches(options.skip))
    ]
    if options.list:
        for entry in entries:
            print(f"{'done' if is_done(entry.home, entry.job is not None) else 'left'}  {entry.home.name}")
        return 0
    plan.folder.mkdir(parents=True, exist_ok=True)
    steps = budget(plan, entries, imports)
    trainings = [_training(entry, steps, imports) for entry in entries]
    if not side_by_side(trainings, work, options.workers or len(os.sched_getaffinity(0))):
        print(f"stopped; the same command goes on: {again}")
        return 130
    if options.report and plan.arms:
        from .comparison import report

        homes = [home for home in sorted(plan.runs.iterdir()) if home.is_dir()]
        report([begun_run(home) or home for home in homes], plan.report)
    return 0 if all(is_done(entry.home, entry.job is not None) for entry in entries) else 1


def _training(entry: Entry, steps: dict[str, int], imports: Sequence[str]) -> Training:
    """An entry with its configuration resolved, and how it is measured."""
    words = entry.words if entry.pair is None else [*entry.words, "--steps", str(steps[entry.pair])]
    config = _configured(words, imports)
    config.options.log_dir = entry.home
    if entry.job is None:
        return Training(entry.home, config)
    sweep = cast("Sequence[str]", entry.job.get("sweep") or ())
    return Training(entry.home, config, Measurement(int(str(entry.job["episodes"])), sweep, entry.job))


def _configured(words: Sequence[str], imports: Sequence[str]) -> Configuration:
    return configure(words, imports, shlex.join(["python", "train.py", *import_words(imports), *words]))


def budget(plan: Plan, entries: Sequence[Entry], imports: Sequence[str]) -> dict[str, int]:
    """The steps of each world and arm: as given, or measured once and kept in plan.json.

    All seeds get the same number of steps, so that a training can be repeated exactly on another machine.

    Args:
        plan: what to train.
        entries: those of its trainings that are due.
        imports: modules that the trainings import.
    """
    if not plan.arms:
        return {}
    file = plan.folder / "plan.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    known: dict[str, int] = kept.get("steps", {}) if kept.get("minutes") == plan.minutes else {}
    first = {entry.pair: entry for entry in reversed(entries) if entry.pair is not None}
    for pair, entry in sorted(first.items()):
        if plan.steps is not None:
            known[pair] = plan.steps
        elif pair not in known:
            assert plan.minutes is not None
            rate = speed(_configured(entry.words, imports))
            known[pair] = max(1, int(rate * plan.minutes * 60))
            print(f"{pair}: {rate:,.0f} steps a second of processor time, so {known[pair]:,} steps", flush=True)
    file.write_text(json.dumps({"minutes": plan.minutes, "steps": known}, indent=1))
    return known


def speed(config: Configuration) -> float:
    """Steps a second of processor time of a training, from a short one with a short evaluation at its end.

    Raises:
        FoveateError: it can't be trained.
    """
    steps = PROBE
    while True:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            short = {"steps": steps, "eval_every": steps, "save_every": steps, "eval_episodes": 40, "log_dir": folder}
            options = dataclasses.replace(config.options, **short)
            write_config(folder, dataclasses.replace(config, options=options).plain())
            command = [*import_words(config.imports), "--config", str(folder / CONFIG)]
            done = subprocess.run([sys.executable, "-m", "foveate.train", *command], capture_output=True, text=True)
            if done.returncode != 0:
                raise FoveateError(f"{config.command} fails: {done.stderr.strip()[-500:]}")
            home = begun_run(folder)
            assert home is not None
            probed = checkpoint.read_run(checkpoint.find(home, "last"))
        seconds = probed["progress"]["cpu_seconds"]
        if seconds >= LEAST:
            return probed["steps"] / seconds
        steps = int(steps * min(20.0, 1.3 * LEAST / max(seconds, 0.05)))
