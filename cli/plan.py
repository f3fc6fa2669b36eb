"""Plans: YAML files that say what to train, side by side and resumable, for a comparison or for the benchmarks.

    folder: runs/my-plan           where runs, figures and report go
    options: --eval-episodes 200   train.py's options of every training
    seeds: 3                       1 to 3, or a list

A comparison trains every arm in every world, each for `minutes` of processor time or `steps`:

    worlds: [Glimpse/TranslatedDigits-v0]
    arms: {ram: , small: draw-read --agent.filters 4}     names, with train.py's words where they differ
    minutes: 5
    report: {episodes: 10000}      options of the report, as of evaluate.py compare

Jobs are single trainings, which are measured afterwards:

    jobs:
    - {table: Copy, label: NTM, command: Memory/Copy-v0 ntm, seeds: [1, 2], episodes: 500, sweep: [test-20]}
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import NamedTuple, cast

from msgspec import Struct

from ..agents import AGENTS, presets
from ..agents.learning.run_folder import new_name
from ..analysis.comparison.options import CompareOptions
from ..envs.registry import check_id, full_id
from ..errors import FoveateError, check_choice, check_range, unknown
from ..files import conform
from .plain_yaml import check_once, read_yaml

KEYS = ("worlds", "arms", "jobs", "seeds", "minutes", "steps", "folder", "options", "report")
REFUSED = ("--import", "--resume", "--config", "--log-dir", "--help", "-h", "--version")
MOST_TRAININGS = 10_000
PLANS_OWN = {"--steps": "steps or minutes", "--seed": "seeds"}
MOST_NAME_LETTERS = 100
JOB_KEYS = ("table", "label", "command", "seeds", "episodes", "sweep")


class PlanFile(Struct):
    """What a file may say; its parts are looked at more closely one by one."""

    worlds: str | list[str] | None = None
    arms: dict[str, str | None] | list[str] | None = None
    jobs: list[dict[str, object]] | None = None
    seeds: object = 3
    minutes: float | int | None = None
    steps: float | int | None = None
    folder: str | None = None
    options: str | None = None
    report: dict[str, object] | None = None


class Entry(NamedTuple):
    """One training of a plan.

    Attributes:
        turn: its seed's place among the seeds: first all of the first, so that stopped early every arm has as many.
        home: its folder.
        words: train.py's: ENV AGENT and options.
        pair: what shares a number of steps, where that is measured: world and arm; None for a job.
        job: what is kept beside its figures, and how it is measured; None in a comparison.
        arm: its name in a comparison.
    """

    turn: int
    home: Path
    words: list[str]
    pair: str | None = None
    job: dict[str, object] | None = None
    arm: str = ""

    @property
    def called(self) -> str:
        """What messages call it."""
        return f"job {self.job['label']!r}" if self.job is not None else f"arm {self.arm!r} in {self.words[0]}"

    def matches(self, text: str) -> bool:
        """Whether its name, or its table and label, contain a text; letter case doesn't matter."""
        about = "" if self.job is None else f"{self.job['table']} {self.job['label']}"
        return any(text.lower() in words.lower() for words in (self.home.name, about))


@dataclass
class Plan:
    """What a file asks for.

    Attributes:
        folder: where runs and report go.
        worlds: environment ids of a comparison.
        arms: train.py's words for each arm: AGENT and options.
        jobs: single trainings, as in the file.
        seeds: of the trainings.
        minutes: processor time of each training; steps are measured from it once and kept in plan.json.
        steps: or environment steps of each training.
        options: train.py's options of all trainings.
        report: of the comparison.
    """

    folder: Path
    worlds: list[str] = field(default_factory=list)
    arms: dict[str, list[str]] = field(default_factory=dict)
    jobs: list[dict[str, object]] = field(default_factory=list)
    seeds: list[int] = field(default_factory=lambda: [1, 2, 3])
    minutes: float | None = None
    steps: int | None = None
    options: list[str] = field(default_factory=list)
    report: CompareOptions = field(default_factory=CompareOptions)

    @property
    def runs(self) -> Path:
        """Where the homes of the comparison's trainings are."""
        return self.folder / "runs"

    def entries(self) -> list[Entry]:
        """All trainings, the first seeds first."""
        entries = []
        for turn, seed in enumerate(self.seeds):
            for world in self.worlds:
                for arm, (agent, *rest) in self.arms.items():
                    words = [world, agent, *self.options, *rest, "--seed", str(seed)]
                    home = self.runs / new_name(world, arm, seed)
                    entries.append(Entry(turn, home, words, f"{world} {arm}", arm=arm))
        for job in self.jobs:
            seeds = cast("list[int]", job.get("seeds", self.seeds))
            for turn, seed in enumerate(seeds):
                name = re.sub(r"[^\w.]+", "-", f"{job['table']}-{job['label']}-{seed}").strip("-")
                words = [*shlex.split(str(job["command"])), *self.options, "--seed", str(seed)]
                about = {**job, "seed": seed, "name": name}
                entries.append(Entry(turn, self.folder / name, words, job=about))
        return sorted(entries, key=lambda entry: entry.turn)


def read_plan(file: Path) -> Plan:
    """Read and check a plan.

    Raises:
        FoveateError: it can't be read, or asks for something that doesn't exist.
    """
    raw = read_yaml(file)
    if not isinstance(raw, dict):
        raise FoveateError(f"{file} is no plan: it must say worlds and arms, or jobs.")
    for key in raw:
        if key not in KEYS:
            raise unknown(f"entry of {file.name}", key, KEYS)
    said = conform(raw, PlanFile, file)
    folder = Path(said.folder or Path("runs") / f"compare-{file.stem}")
    plan = Plan(folder, seeds=seeds_of(said.seeds), options=words_of(said.options or "", file))
    _check_kept_for_the_plan(plan.options, "options")
    plan.jobs = [_job(job, file) for job in said.jobs or []]
    if not plan.jobs or "worlds" in raw or "arms" in raw:
        plan.worlds, plan.arms = _worlds(said.worlds, file), _arms(said.arms, file)
        plan.minutes, plan.steps = _length(said.minutes, said.steps)
    trainings = len(plan.seeds) * (len(plan.worlds) * len(plan.arms) + len(plan.jobs))
    if trainings > MOST_TRAININGS:
        raise FoveateError(f"{file} asks for {trainings:,} trainings; at most {MOST_TRAININGS:,} are allowed.")
    report = said.report or {}
    for key in report:
        check_choice(f"entry of report in {file.name}", key, [field.name for field in fields(CompareOptions)])
    plan.report = conform({"report": str(folder / "report"), **report}, CompareOptions, f"{file}, report")
    if plan.report.data:
        raise FoveateError(f"{file}: data counts only from the command line: compare {file.name} --data …")
    return plan


def _check_kept_for_the_plan(words: Sequence[str], what: str) -> None:
    """Refuse what the plan itself says for all trainings, so that all have as much of it."""
    for word in words:
        flag = word.partition("=")[0]
        if flag in ("--steps", "--seed"):
            raise FoveateError(f"{flag} is not allowed in {what}: a plan says {PLANS_OWN[flag]} for all trainings.")


def words_of(text: str, file: Path) -> list[str]:
    """Words of train.py in a file: those that run code, or say where to write and what to go on with, are refused.

    Raises:
        FoveateError: they are, or the text is no words.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise FoveateError(f"{file}: {text[:80]!r} can't be read as words: {error}.") from error
    for word in words:
        flag = word.partition("=")[0].replace("_", "-")
        if flag in REFUSED:
            raise FoveateError(f"{file}: {flag} is not allowed in a plan; it counts only from the command line.")
    return words


def _worlds(raw: object, file: Path) -> list[str]:
    worlds = [raw] if isinstance(raw, str) else raw
    if not worlds or not isinstance(worlds, list):
        raise FoveateError(f"{file} must say worlds (a list of ids) and arms (names, or names with options).")
    ids = [full_id(str(world)) for world in worlds]
    for env_id in ids:
        check_id(env_id)
    check_once(ids, "world")
    return ids


def _arms(raw: object, file: Path) -> dict[str, list[str]]:
    if isinstance(raw, list):
        check_once(raw, "arm")
    arms = dict.fromkeys(raw) if isinstance(raw, list) else raw
    if not arms or not isinstance(arms, dict):
        raise FoveateError(f"{file} must say worlds (a list of ids) and arms (names, or names with options).")
    words = {}
    for name, line in arms.items():
        parts = words_of(str(line), file) if line else [str(name)]
        agent = parts[0] if parts and not parts[0].startswith("-") else str(name)
        if agent not in presets.names() and agent not in AGENTS:
            raise unknown("agent", agent, {*presets.names(), *AGENTS})
        if len(str(name)) > MOST_NAME_LETTERS:
            raise FoveateError(f"an arm's name has at most {MOST_NAME_LETTERS} letters, {str(name)[:40]!r}… more.")
        _check_kept_for_the_plan(parts, f"arm {name!r}")
        words[str(name)] = parts if parts[:1] == [agent] else [agent, *parts]
    folders: dict[str, str] = {}
    for name in words:
        twin = folders.setdefault(new_name("", name, 0).lower(), name)
        if twin != name:
            raise FoveateError(f"the arms {twin!r} and {name!r} would share a folder: call one of them otherwise.")
    return words


def _job(raw: dict[str, object], file: Path) -> dict[str, object]:
    for key in raw:
        if key not in JOB_KEYS:
            raise unknown(f"entry of a job of {file.name}", key, JOB_KEYS)
    missing = [key for key in ("table", "label", "command", "episodes") if key not in raw]
    if missing:
        raise FoveateError(f"{file}: the job {raw} doesn't say {', '.join(missing)}.")
    check_range("episodes", cast(int, raw["episodes"]), 1, 10**9)
    words_of(str(raw["command"]), file)
    sweep = raw.get("sweep") or []
    if not isinstance(sweep, list) or not all(isinstance(split, str) for split in sweep):
        raise FoveateError(f"{file}: sweep={str(sweep)[:80]!r} is not allowed: it must be a list of splits.")
    job: dict[str, object] = {**raw}
    if "seeds" in job:
        job["seeds"] = seeds_of(job["seeds"])
    return job


def seeds_of(raw: object) -> list[int]:
    """The seeds that a file asks for: so many, from 1, or those of a list.

    Raises:
        FoveateError: it is neither.
    """
    whole = isinstance(raw, int) and not isinstance(raw, bool)
    seeds = list(range(1, min(int(str(raw)), MOST_TRAININGS + 1) + 1)) if whole else raw
    if not isinstance(seeds, list) or not seeds or not all(type(seed) is int for seed in seeds):
        raise FoveateError(f"seeds={str(raw)[:80]} is not allowed: it must be a number of seeds, or a list of them.")
    for seed in seeds:
        check_range("seed", seed, 0, 2**32 - 1)
    check_once(seeds, "seed")
    return seeds


def _length(minutes: float | None, steps: float | None) -> tuple[float | None, int | None]:
    if (minutes is None) == (steps is None):
        raise FoveateError("say either minutes (of processor time) or steps of each training, and not both.")
    if minutes is not None:
        check_range("minutes", minutes, 0.01)
    if steps is not None:
        steps = check_range("steps", int(steps) if float(steps).is_integer() else steps, 1)  # 1e6 is a whole number
    return minutes, None if steps is None else int(steps)
