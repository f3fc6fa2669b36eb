"""python train.py compare CONFIG.yaml: every arm in every world over several seeds, then the report."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import yaml

from ..agents import AGENTS, presets
from ..agents.learning import checkpoint
from ..agents.learning.run_folder import new_name, read_config
from ..analysis.comparison.compare import CompareOptions, compare, print_summary
from ..analysis.comparison.gather import gather
from ..analysis.comparison.page import write_pages
from ..envs.registry import check_id
from ..errors import FoveateError, check_range, unknown
from .options import parse
from .queue import begun_run, side_by_side, train_in

ABOUT = "Train every arm in every world over several seeds, in parallel and resumable, and compare them."
KEYS = ("worlds", "arms", "seeds", "minutes", "steps", "folder", "options", "report")
PROBE, LEAST = 12_000, 6.0  # steps of the first probe, and the processor seconds that a probe must take to be believed


@dataclass
class Plan:
    """What a configuration asks for.

    Attributes:
        worlds: environment ids.
        arms: train.py's words for each arm: AGENT and options.
        seeds: of the trainings.
        minutes: processor time of each training; steps are measured from it once and kept in plan.json.
        steps: or environment steps of each training.
        folder: where runs and report go.
        options: train.py's options of all arms.
        report: options of the report, as of evaluate.py compare.
    """

    worlds: list[str]
    arms: dict[str, list[str]]
    seeds: list[int]
    minutes: float | None
    steps: int | None
    folder: Path
    options: list[str] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)


@dataclass
class PlanOptions:
    """How to work through a configuration.

    Attributes:
        workers: trainings at a time, one core each; 0 is one for each core.
        only: just the trainings whose name contains this.
        report: write the report at the end.
        list: say what is done and what is left, and stop.
    """

    workers: int = 0
    only: str = ""
    report: bool = True
    list: bool = False

    def __post_init__(self) -> None:
        check_range("workers", self.workers, 0)


def read_plan(file: Path) -> Plan:
    """Read and check a configuration.

    Raises:
        FoveateError: it can't be read, or asks for something that doesn't exist.
    """
    try:
        raw = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FoveateError(f"{file} can't be read: {error}") from error
    if not isinstance(raw, dict):
        raise FoveateError(f"{file} is no configuration: it must say worlds and arms.")
    for key in raw:
        if key not in KEYS:
            raise unknown(f"entry of {file.name}", key, KEYS)
    worlds, arms = raw.get("worlds"), raw.get("arms")
    if isinstance(worlds, str):
        worlds = [worlds]
    if isinstance(arms, list):
        arms = dict.fromkeys(arms)
    if not worlds or not isinstance(worlds, list) or not arms or not isinstance(arms, dict):
        raise FoveateError(f"{file} must say worlds (a list of ids) and arms (names, or names with options).")
    for world in worlds:
        check_id(str(world))
    words = {}
    for name, said in arms.items():
        line = shlex.split(str(said)) if said else [str(name)]
        agent = line[0] if line and not line[0].startswith("-") else str(name)
        if agent not in presets.names() and agent not in AGENTS:
            raise unknown("agent", agent, {*presets.names(), *AGENTS})
        words[str(name)] = line if line[0] == agent else [agent, *line]
    seeds = raw.get("seeds", 3)
    seeds = list(range(1, seeds + 1)) if isinstance(seeds, int) else seeds
    if not isinstance(seeds, list) or not seeds or not all(isinstance(seed, int) for seed in seeds):
        raise FoveateError(f"seeds={seeds!r} is not allowed: it must be a number of seeds, or a list of them.")
    minutes, steps = raw.get("minutes"), raw.get("steps")
    if (minutes is None) == (steps is None):
        raise FoveateError("say either minutes (of processor time) or steps of each training, and not both.")
    if steps is None:
        check_range("minutes", minutes, 0.01)  # type: ignore[arg-type]
    else:
        check_range("steps", steps, 1)
    folder = Path(raw.get("folder", Path("runs") / f"compare-{file.stem}"))
    options = shlex.split(str(raw.get("options") or ""))
    report = raw.get("report") or {}
    try:
        CompareOptions(**report)
    except TypeError as error:
        raise FoveateError(f"report of {file.name}: {error}") from error
    return Plan([str(w) for w in worlds], words, seeds, minutes, steps, folder, options, report)


def run(arguments: list[str]) -> int:
    """The command; errors are FoveateErrors."""
    if not arguments or arguments[0].startswith("-"):
        parse(PlanOptions, arguments or ["--help"], "train.py compare CONFIG.yaml", ABOUT)
        raise FoveateError("compare needs a configuration: train.py compare CONFIG.yaml")
    options: PlanOptions = parse(PlanOptions, arguments[1:], "train.py compare CONFIG.yaml", ABOUT)
    plan = read_plan(Path(arguments[0]))
    # the first seeds of all arms, then the second ones: stopped early, every arm has as many
    entries = [(seed, world, arm) for seed in plan.seeds for world in plan.worlds for arm in plan.arms]
    entries = [entry for entry in entries if options.only in _home(plan, *entry).name]
    if options.list:
        for entry in entries:
            print(f"{'done' if finished(_home(plan, *entry)) else 'left'}  {_home(plan, *entry).name}")
        return 0
    plan.folder.mkdir(parents=True, exist_ok=True)
    steps = budget(plan, {(world, arm) for _, world, arm in entries})

    def work(entry: tuple[int, str, str]) -> str:
        seed, world, arm = entry
        home = _home(plan, *entry)
        agent, *rest = plan.arms[arm]
        words = [world, agent, *plan.options, *rest, "--seed", str(seed), "--steps", str(steps[f"{world} {arm}"])]
        if not trained_so(home, words):
            return f"failed: {home.name} was begun with other options or steps; choose another folder, or remove it"
        if finished(home):
            return f"done already: {home.name}"
        done = train_in(home, words)
        return f"done: {home.name}" if done else f"failed or stopped: {home.name} (see {home / 'log.txt'})"

    if not side_by_side(entries, work, options.workers or len(os.sched_getaffinity(0))):
        print(f"stopped; the same command goes on: python train.py compare {arguments[0]}")
        return 130
    if options.report:
        report(plan)
    return 0 if all(finished(_home(plan, *entry)) for entry in entries) else 1


def _home(plan: Plan, seed: int, world: str, arm: str) -> Path:
    return plan.folder / "runs" / new_name(world, arm, seed)


def trained_so(home: Path, words: list[str]) -> bool:
    """Whether what was begun in a folder, if anything was, is the training that these words ask for."""
    folder = begun_run(home)
    if folder is None:
        return True
    command = shlex.split(str(read_config(folder).get("command", "")))
    return command[2 : 2 + len(words)] == words


def finished(home: Path) -> bool:
    """Whether the training in a folder reached its end."""
    folder = begun_run(home)
    if folder is None:
        return False
    try:
        config = json.loads((folder / "config.json").read_text())
        return checkpoint.read_run(checkpoint.find(folder, "last"))["steps"] >= config["options"]["steps"]
    except (OSError, ValueError, KeyError):
        return False


def budget(plan: Plan, pairs: set[tuple[str, str]]) -> dict[str, int]:
    """The steps of each world and arm: as given, or measured once and kept in plan.json.

    All seeds get the same number of steps, so that a training can be repeated exactly on another machine.
    """
    file = plan.folder / "plan.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    known = kept.get("steps", {}) if kept.get("minutes") == plan.minutes else {}
    for world, arm in sorted(pairs):
        name = f"{world} {arm}"
        if plan.steps is not None:
            known[name] = plan.steps
        elif name not in known:
            rate = speed(world, plan.arms[arm], plan.options)
            known[name] = max(1, int(rate * plan.minutes * 60))  # type: ignore[operator]
            print(f"{name}: {rate:,.0f} steps a second of processor time, so {known[name]:,} steps", flush=True)
    file.write_text(json.dumps({"minutes": plan.minutes, "steps": known}, indent=1))
    return known


def speed(world: str, words: list[str], options: list[str]) -> float:
    """Steps a second of processor time of a training, from a short one with a short evaluation at its end."""
    steps = PROBE
    while True:
        with tempfile.TemporaryDirectory() as folder:
            agent, *rest = words
            few = [
                "--steps",
                str(steps),
                "--eval-every",
                str(steps),
                "--save-every",
                str(steps),
                "--log-dir",
                folder,
                "--eval-episodes",
                "40",
            ]
            command = [sys.executable, "-m", "foveate.train", world, agent, *options, *rest, *few]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                raise FoveateError(f"{shlex.join([world, *words])} can't be trained: {done.stderr.strip()[-500:]}")
            home = begun_run(Path(folder))
            assert home is not None
            run = checkpoint.read_run(checkpoint.find(home, "last"))
        seconds = run["progress"]["cpu_seconds"]
        if seconds >= LEAST:
            return run["steps"] / seconds
        steps = int(steps * min(20.0, 1.3 * LEAST / max(seconds, 0.05)))


def report(plan: Plan) -> None:
    """Compare what is finished, and write the page."""
    options = CompareOptions(**{"report": plan.folder / "report", **plan.report})
    torch.set_num_threads(options.threads)
    folders = [begun_run(home) or home for home in sorted((plan.folder / "runs").iterdir()) if home.is_dir()]
    found = compare(gather(folders, torch.device("cpu")), options, lambda line: print(line, flush=True))
    write_pages(Path(options.report), found)
    print_summary(found)
    print(f"report: {Path(options.report) / 'report.html'}")
