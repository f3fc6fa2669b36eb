"""The course of a sweep: which training comes next, what came of each, which settings are given up."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...analysis.comparison.gather import Point, curve_of
from ...analysis.measure import lower_is_better
from ...errors import FoveateError
from ...files import MOST_LOG_BYTES, read_text
from ..configuration import Configuration, configure, read
from ..options import in_one_sentence
from ..queue import Training, begun_run, is_busy, is_trained
from ..scheduler import Executor, wait_until_free
from ..words import command_line
from .file import SweepConfig
from .search import Search, Trial
from .space import shown_setting, words_for_setting

MOST_REASON = 300  # letters
PARTS = 20  # at the ends of which curves are compared; no run is evaluated more often, unless it is told to


@dataclass
class Run:
    """A training of a trial, with one of the seeds.

    Attributes:
        trial: whose it is.
        seed: of the training.
        training: for the queue.
        reported: twentieths of its curve that the search has seen.
    """

    trial: Trial
    seed: int
    training: Training
    reported: int = 0

    @property
    def curve(self) -> list[Point]:
        """Its evaluations so far."""
        folder = begun_run(self.training.home)
        return [] if folder is None else [point for point in curve_of(folder) if not math.isnan(point.score)]


class Sweep:
    """Runs a sweep's trials.

    Args:
        config: of the sweep.
        search: what decides what is tried.
        executor: where it is trained.
        imports: modules that this command line imported; the trainings import them too.
        say: called with a line about each training.

    Attributes:
        ended: how many trainings are done, failed, or not needed any more.
        failed: why trials failed, by number.
    """

    def __init__(
        self,
        config: SweepConfig,
        search: Search,
        executor: Executor,
        imports: Sequence[str],
        say: Callable[[str], object] = print,
    ):
        self.config, self.search, self.executor, self.imports, self.say = config, search, executor, imports, say
        self.ended, self.failed, self.stopping = 0, dict[int, str](), False
        self._running: list[Run] = []
        self._waiting: list[Run] = []  # of trials whose first seed is begun or done
        self._figures: dict[int, list[float]] = {}  # the best scores of each trial's trainings
        self._asked = False  # whether all trials were asked for
        first = configured(config, {}, config.seeds[0], imports)
        self.lower, self.steps = lower_is_better(first.env_id), first.options.steps

    @property
    def best(self) -> float | None:
        """The best score of all trainings so far."""
        figures = [figure for each in self._figures.values() for figure in each]
        return (min if self.lower else max)(figures) if figures else None

    # ---- for the scheduler ----

    def take(self) -> Run | None:
        """The next training; None if there is none, or none before another has ended."""
        while (run := self._next()) is not None:
            if not self._is_done(run):
                self._running.append(run)
                return run
            self._account(run)
        return None

    def do(self, run: Run) -> str:
        """Train, again and again where it fails; returns a line about it. Called in a thread of its own."""
        line, home = "", run.training.home
        for _ in range(1 + self.config.retries):
            if is_busy(home):
                self.say(f"{_name(run)}: waiting for the process that trains it already")
            wait_until_free(home, lambda: self.stopping)
            if self.stopping or run.trial.pruned is not None:
                break
            line = self.executor.work(run.training)
            if is_trained(home):
                break
        return line

    def finished(self, run: Run, line: str) -> None:
        """A training has ended, somehow."""
        self._running.remove(run)
        self._follow(run)
        if run.trial.pruned is not None or is_trained(run.training.home):
            self._account(run)
            self.say(self._line(run))
        elif not self.stopping:
            self._fail(run.trial, _reason(run.training.home) or line)

    def watch(self) -> None:
        """Give up those that do worse than the others."""
        for run in self._running:
            self._follow(run)

    def stop(self) -> None:
        """No training is begun any more, and those that run save themselves."""
        self.stopping = True
        self.executor.stop()

    # ---- what is next ----

    def _next(self) -> Run | None:
        if self._waiting and (self.search.adaptive or self._asked):
            return self._waiting.pop(0)
        while not self._asked:
            trial = self.search.ask()
            if trial is None:
                self._asked = True
                return self._waiting.pop(0) if self._waiting else None
            try:
                first, *others = runs_of(self.config, trial, self.imports)
            except FoveateError as error:  # values that can't go together
                self._fail(trial, str(error))
                continue
            if not self.search.adaptive:  # all first seeds first, so that stopped early every setting has as many
                self._waiting += others
                self._waiting.sort(key=lambda run: self.config.seeds.index(run.seed))
            return first
        return None

    def _is_done(self, run: Run) -> bool:
        begun = begun_run(run.training.home)
        if begun is None or run.trial.pruned is not None:
            return run.trial.pruned is not None
        if changed := read(begun).differences(run.training.config):
            raise FoveateError(
                f"{self.config.folder} holds trials of another sweep ({'; '.join(changed[:3])}): choose another folder."
            )
        self._follow(run)
        return run.trial.pruned is not None or is_trained(run.training.home)

    # ---- what came out ----

    def _follow(self, run: Run) -> None:
        """Tell the search how a trial's first training does, point after point, and stop it if it is to be given up.

        A point counts for all twentieths of the steps from its own to the one before the next point's.
        """
        trial = run.trial
        if not self.search.adaptive or run.seed != self.config.seeds[0] or trial.pruned is not None:
            return
        curve = run.curve
        parts = [int(PARTS * point.steps / self.steps) for point in curve]
        for point, part, after in zip(curve, parts, [*parts[1:], 0], strict=False):
            for each in range(max(part, run.reported + 1), max(part + 1, after)):
                run.reported = each
                if each < PARTS and self.search.report(trial, each, point):
                    trial.pruned = int(point.steps)
                    self.executor.stop(run.training.home)
                    return

    def _account(self, run: Run) -> None:
        """A training is done, or its trial was given up: what that says to the search."""
        trial, curve, first = run.trial, run.curve, run.seed == self.config.seeds[0]
        self.ended += len(self.config.seeds) if trial.pruned is not None else 1
        if trial.pruned is not None:
            self.search.tell(trial, None)
            return
        if not curve:
            self._fail(trial, "it was never evaluated")
            return
        figures = self._figures.setdefault(trial.number, [])
        figures.append(self._best(curve))
        if self.search.adaptive and first:
            self._waiting += runs_of(self.config, trial, self.imports)[1:]
        if len(figures) == len(self.config.seeds):
            self.search.tell(trial, float(np.mean(figures)))

    def _fail(self, trial: Trial, why: str) -> None:
        self.ended += 1
        self.failed[trial.number] = why
        self.say(f"{shown_setting(trial.setting)}: {why}")

    def _best(self, curve: Sequence[Point]) -> float:
        return (min if self.lower else max)(point.score for point in curve)

    def _line(self, run: Run) -> str:
        curve, trial, name = run.curve, run.trial, _name(run)
        if trial.pruned is not None:
            return f"{name}: given up after {trial.pruned:,} of {self.steps:,} steps"
        return f"{name}: {self._best(curve):.4f} in {curve[-1].seconds / 60:.1f} min" if curve else name


def runs_of(config: SweepConfig, trial: Trial, imports: Sequence[str]) -> list[Run]:
    """The trainings of a trial, one a seed."""
    runs = []
    for seed in config.seeds:
        home = home_of(config, trial, seed)
        configuration = configured(config, trial.setting, seed, imports)
        configuration.options.log_dir = home
        runs.append(Run(trial, seed, Training(home, configuration)))
    return runs


def _name(run: Run) -> str:
    """What lines about a training begin with."""
    return f"{shown_setting(run.trial.setting)}, seed {run.seed}"


def _reason(home: Path) -> str:
    """The error at the end of a training's log; empty if it has none."""
    file = home / "log.txt"
    lines = read_text(file, MOST_LOG_BYTES).splitlines()[-1:] if file.exists() else []
    return "".join(line for line in lines if "rror" in line)[:MOST_REASON]


def home_of(config: SweepConfig, trial: Trial, seed: int) -> Path:
    """The folder of a training: named after what is trained, so that nothing is trained twice."""
    return config.folder / "trials" / f"{trial.name}__{seed}"


def configured(config: SweepConfig, setting: dict[str, object], seed: int, imports: Sequence[str]) -> Configuration:
    """What is trained with a setting and a seed.

    Args:
        config: of the sweep.
        setting: a value for each option.
        seed: of the training.
        imports: modules that it imports.

    Raises:
        FoveateError: something about it isn't allowed.
    """
    words = [*config.command, *words_for_setting(setting), "--seed", str(seed)]
    with in_one_sentence(shown_setting(setting) or "command"):
        return configure(words, imports, command_line("train", imports, *words))
