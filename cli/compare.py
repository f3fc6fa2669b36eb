"""``train.py compare PLAN.yaml``: all trainings of a plan, side by side and resumable, then the report."""

import contextlib
import dataclasses
import inspect
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

from msgspec import Meta, Struct

from ..agents.learning.run_folder import CONFIG, CPU_COLUMN, METRICS, STEP_COLUMN, read_metrics, write_config
from ..analysis.comparison.gather import check_comparable, world_of
from ..envs.outside import options_of_file
from ..errors import FoveateError, check_range
from ..files import check_output_folder, conform, read_json, write_json
from . import plan as plans
from .children import CHILDREN, stopped_together
from .configuration import Configuration, RunOptions, configure
from .options import in_one_sentence, parse
from .output import STOPPED
from .outside import words_for
from .plan import Entry, Plan, read_plan
from .queue import Measurement, Training, begun_run, is_done
from .scheduler import executor_for, side_by_side
from .training import prepare
from .words import command_line

PROG = "train.py compare PLAN.yaml"
ABOUT = "Train every arm in every world over several seeds, in parallel and resumable, and compare them."
HELP = f"{ABOUT}\n\n{inspect.cleandoc(plans.__doc__ or '')}"  # with the entries of a plan, and an example
PROBE, LEAST = 12_000, 6.0  # steps of the first probe, and the processor seconds that a probe must take to be believed


class PlanSteps(Struct):
    """The content of plan.json: the steps that were measured, and for how many minutes."""

    minutes: float | int | None = None
    steps: dict[str, Annotated[int, Meta(ge=1, le=2**62)]] = {}


@dataclass
class PlanOptions:
    """How to work through a plan.

    Attributes:
        workers: trainings at a time, one core each; 0 is one for each core.
        ray: address of a Ray cluster that trains, "auto" or HOST:PORT (the extra "ray"); all its machines must see the
            folder.
        gpus: GPUs of each training on a cluster: 0.25 lets four share one.
        only: just the trainings whose name contains this.
        skip: leave out the trainings whose name contains this.
        report: write the report at the end.
        list: say what is done and what is left, and stop.
        data: folders of images and openml:NAMEs that the plan may use; it names none by itself.
    """

    workers: int = 0
    ray: str = ""
    gpus: float = 0.0
    only: str = ""
    skip: str = ""
    report: bool = True
    list: bool = False
    data: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_range("workers", self.workers, 0)
        check_range("gpus", self.gpus, 0.0)


def run(arguments: list[str], imports: list[str]) -> int:
    """Work through a plan.

    Raises:
        FoveateError: a user's mistake.
    """
    if not arguments or arguments[0].startswith("-"):
        parse(PlanOptions, arguments or ["--help"], PROG, HELP)
        raise FoveateError(f"compare needs a plan: {PROG}")
    options = parse(PlanOptions, arguments[1:], PROG, HELP)
    again = command_line("train", imports, "compare", *arguments)
    return work_through(read_plan(Path(arguments[0])), options, imports, again)


def work_through(
    plan: Plan,
    options: PlanOptions,
    imports: Sequence[str] = (),
    again: str = "",
    measured: Callable[[Entry], bool] = lambda entry: False,
) -> int:
    """Train and measure what is left of a plan, and write the report; returns the exit code.

    Args:
        plan: what to train.
        options: how.
        imports: modules that this command line imported; the trainings import them too.
        again: the command that goes on after Ctrl-C.
        measured: whether an entry's figures are known without its folder; it is not trained then.
    """

    def done(entry: Entry) -> bool:
        return measured(entry) or is_done(entry.home, entry.job is not None)

    entries = [
        entry
        for entry in plan.entries()
        if entry.matches(options.only) and not (options.skip and entry.matches(options.skip))
    ]
    if options.list:
        for entry in entries:
            print(f"{'done' if done(entry) else 'left'}  {entry.home.name}")
        return 0
    entries = [entry for entry in entries if not measured(entry)]
    check_plan(plan, entries, options, imports)
    check_output_folder(plan.folder, "folder")
    executor = executor_for(options.workers, options.ray, options.gpus)
    try:
        with stopped_together(), contextlib.closing(executor):
            steps = budget(plan, entries, imports)
            trainings = [_training(entry, steps, imports) for entry in entries]
            finished = side_by_side(trainings, executor.work, executor.workers, executor.stop)
    except KeyboardInterrupt:
        finished = False
    if not finished:
        print(f"stopped; the same command goes on: {again}")
        return STOPPED
    if options.report and plan.arms:
        from .comparison import report

        plan.report.data = (*plan.report.data, *options.data)
        arms = {begun_run(entry.home) or entry.home: entry.arm for entry in plan.entries() if entry.pair is not None}
        report(list(arms), plan.report, again, arms)
    return 0 if all(map(done, entries)) else 1


def _training(entry: Entry, steps: dict[str, int], imports: Sequence[str]) -> Training:
    """An entry with its configuration resolved, and how it is measured."""
    words = entry.words if entry.pair is None else [*entry.words, "--steps", str(steps[entry.pair])]
    config = _configured(words, imports)
    config.options.log_dir = entry.home
    if entry.job is None:
        return Training(entry.home, config)
    sweep = cast("Sequence[str]", entry.job.get("sweep") or ())
    return Training(entry.home, config, Measurement(int(str(entry.job["episodes"])), sweep, entry.job))


def check_plan(plan: Plan, entries: Sequence[Entry], options: PlanOptions, imports: Sequence[str]) -> None:
    """Find a mistake in the last of the trainings before the first one trains.

    Each arm is made in each world once, as it would be to train, so that an agent that can't play there is found; where
    a report is asked for, every training must be one that can be compared.

    Args:
        plan: what to train.
        entries: those of its trainings that are due.
        options: how.
        imports: modules that the trainings import.

    Raises:
        FoveateError: something is wrong with one of them, which the message names.
    """
    configured = []
    for entry in entries:
        with in_one_sentence(entry.called):
            configured.append(_configured(entry.words, imports))
            check_outside(configured[-1], options.data, "compare PLAN.yaml")
    if options.report and plan.arms:
        _check_report([(entry, config) for entry, config in zip(entries, configured, strict=True) if entry.pair])
    tried: set[str] = set()
    for entry, config in zip(entries, configured, strict=True):
        settings = json.dumps(dataclasses.replace(config, options=RunOptions(), command="").plain())
        if settings not in tried and begun_run(entry.home) is None:
            tried.add(settings)
            with in_one_sentence(entry.called):
                prepare(config)


def _check_report(trainings: Sequence[tuple[Entry, Configuration]]) -> None:
    """Refuse trainings that no report can set beside others."""
    arms: dict[str, dict[str, Entry]] = {}
    for entry, config in trainings:
        with in_one_sentence(entry.called):
            try:
                check_comparable(config.env_id, config.env)
            except FoveateError as error:
                raise FoveateError(f"{error}; --no-report trains without comparing.") from error
        arms.setdefault(world_of(config.env_id, config.env), {})[entry.arm] = entry
    for world, there in arms.items():
        if len(there) < 2:
            (entry,) = there.values()
            raise FoveateError(
                f"{entry.called}: no other arm is trained in {world}, so there is nothing to compare it with; "
                "--no-report trains without comparing."
            )


def _configured(words: Sequence[str], imports: Sequence[str]) -> Configuration:
    return configure(words, imports, command_line("train", imports, *words))


def check_outside(config: Configuration, data: Sequence[str], command: str) -> None:
    """Refuse what a plan or a sweep names outside unless the command line names it too.

    Args:
        config: of a training.
        data: what the command line names.
        command: how it is called, for the message.

    Raises:
        FoveateError: it doesn't.
    """
    given = {name: value for name, value in config.env.items() if isinstance(value, str) and value in data}
    try:
        options_of_file(config.env_id, config.env, given, "the plan")
    except FoveateError as error:
        raise FoveateError(f"{error} Here: {command} --data VALUE.") from error


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
    kept = conform(read_json(file), PlanSteps, file) if file.exists() else PlanSteps()
    known = kept.steps if kept.minutes == plan.minutes else {}
    first = {entry.pair: entry for entry in reversed(entries) if entry.pair is not None}
    for pair, entry in sorted(first.items()):
        if plan.steps is not None:
            known[pair] = plan.steps
        elif pair not in known:
            assert plan.minutes is not None
            rate = speed(_configured(entry.words, imports))
            known[pair] = max(1, int(rate * plan.minutes * 60))
            print(f"{pair}: {rate:,.0f} steps a second of processor time, so {known[pair]:,} steps", flush=True)
    write_json(file, {"minutes": plan.minutes, "steps": known})
    return known


def speed(config: Configuration) -> float:
    """Steps a second of processor time of a training, from a short one: between its first evaluation and its last.

    What comes before the first is no measure of what a long training takes: kernels are chosen there and data is read.

    Raises:
        FoveateError: it can't be trained.
    """
    steps = PROBE
    while True:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            short = {"steps": steps, "eval_every": steps // 3, "save_every": steps, "eval_episodes": 40}
            options = dataclasses.replace(config.options, **short, log_dir=folder)
            write_config(folder, dataclasses.replace(config, options=options).plain())
            words = ["--config", str(folder / CONFIG), "--log-dir", str(folder), *words_for(config.env_id, config.env)]
            if CHILDREN.call("train", config.imports, words, folder / "log.txt") != 0:
                text = (folder / "log.txt").read_text(encoding="utf-8", errors="replace")
                raise FoveateError(f"{config.command} fails: {text.strip()[-500:]}")
            home = begun_run(folder)
            assert home is not None
            rows = [row for row in read_metrics(home / METRICS) if row.get(CPU_COLUMN)]
        done, seconds = (float(rows[-1][column]) - float(rows[0][column]) for column in (STEP_COLUMN, CPU_COLUMN))
        if seconds >= LEAST:
            return done / seconds
        steps = int(steps * min(20.0, 2 * LEAST / max(seconds, 0.05)))
