"""``train.py sweep CONFIG.yaml``: many settings of a training, side by side and resumable, and their leaderboard."""

import contextlib
import inspect
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from ...agents.learning.run_folder import locked
from ...analysis.leaderboard import Board, Seed, Tried, leaderboard, print_board
from ...analysis.leaderboard_page import write_board
from ...analysis.measure import lower_is_better
from ...analysis.origin import made_now
from ...envs.registry import is_slow
from ...errors import FoveateError, check_range
from ...files import check_output_folder
from ..children import stopped_together
from ..compare import check_outside
from ..configuration import FEW_EPISODES, Configuration
from ..options import in_one_sentence, parse
from ..output import STOPPED
from ..outside import words_for
from ..queue import begun_run, is_trained
from ..scheduler import executor_for, schedule
from ..training import prepare
from ..words import command_line
from . import file as files
from .file import SweepConfig, read_sweep
from .search import ListedSearch, Search, listed
from .space import probes, shown_setting
from .sweep import Run, Sweep, configured, home_of

PROG = "train.py sweep CONFIG.yaml"
ABOUT = "Train many settings side by side, resumable, and rank them: by grid, at random, or by Bayesian search."
HELP = f"{ABOUT}\n\n{inspect.cleandoc(files.__doc__ or '')}"
EPISODES = 1000  # of the winner's, on the test split
EVERY = 60.0  # seconds between two pages that are written on the way


@dataclass
class SweepOptions:
    """How to work through a sweep.

    Attributes:
        workers: trainings at a time, one core each; 0 is one for each core.
        ray: address of a Ray cluster that trains, "auto" or HOST:PORT (the extra "ray"); all its machines must see the
            folder.
        gpus: GPUs of each training on a cluster: 0.25 lets four share one.
        list: say which settings are done and which are left, as far as they are known, and stop.
        data: folders of images and openml:NAMEs that the trainings may use; the file names none by itself.
    """

    workers: int = 0
    ray: str = ""
    gpus: float = 0.0
    list: bool = False
    data: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_range("workers", self.workers, 0)
        check_range("gpus", self.gpus, 0.0)


def run(arguments: list[str], imports: list[str]) -> int:
    """Work through a sweep.

    Raises:
        FoveateError: a user's mistake.
    """
    if not arguments or arguments[0].startswith("-"):
        parse(SweepOptions, arguments or ["--help"], PROG, HELP)
        raise FoveateError(f"sweep needs a file: {PROG}")
    options = parse(SweepOptions, arguments[1:], PROG, HELP)
    config = read_sweep(Path(arguments[0]))
    first = check_sweep(config, options, imports)
    again = command_line("train", imports, "sweep", *arguments)
    if options.list:
        print_list(config)
        return 0
    check_output_folder(config.folder, "folder")
    with locked(config.folder):
        return work_through(config, first, options, imports, again)


def check_sweep(config: SweepConfig, options: SweepOptions, imports: Sequence[str]) -> Configuration:
    """Find a mistake before the first setting trains: each value of each option is configured and made once.

    Args:
        config: of the sweep.
        options: how.
        imports: modules that the trainings import.

    Returns:
        The configuration of the first setting.

    Raises:
        FoveateError: something is wrong, which the message names.
    """
    if config.search == "random":
        list(listed(config))
    first: Configuration | None = None
    for name, setting in probes(config.space):
        one = configured(config, setting, config.seeds[0], imports)
        with in_one_sentence(f"{name} in {shown_setting(setting)}"):
            check_outside(one, options.data, "sweep CONFIG.yaml")
            if one.options.curriculum:
                raise FoveateError(
                    "scores of different lessons can't be ranked: add --no-curriculum to the command, and the lesson's "
                    "sizes as options."
                )
            prepare(one)
        first = first or one
    assert first is not None
    return first


def search_of(config: SweepConfig, lower: bool) -> Search:
    """What decides which settings are tried."""
    if config.search == "tpe" or config.pruning is not None:
        from .study import StudySearch

        return StudySearch(config, lower)
    return ListedSearch(config)


def work_through(
    config: SweepConfig, first: Configuration, options: SweepOptions, imports: Sequence[str], again: str
) -> int:
    """Train what is left of a sweep, and write its leaderboard; returns the exit code.

    Args:
        config: of the sweep.
        first: the configuration of one of its trainings.
        options: how.
        imports: modules that the trainings import.
        again: the command that goes on after Ctrl-C.
    """
    search = search_of(config, lower_is_better(first.env_id))
    total = config.trials * len(config.seeds)
    executor = executor_for(options.workers, options.ray, options.gpus)
    shown = sys.stderr.isatty()
    with contextlib.closing(executor), tqdm(total=total, unit="run", disable=not shown, smoothing=0) as bar:
        sweep = Sweep(config, search, executor, imports, tqdm.write)
        written = time.monotonic()

        def finished(run: Run, line: str) -> None:
            nonlocal written
            sweep.finished(run, line)
            bar.update(sweep.ended - bar.n)
            bar.set_postfix_str("" if sweep.best is None else f"best {sweep.best:.4f}")
            if time.monotonic() - written > EVERY:
                write_board(config.folder, board_of(config, search, sweep.failed, first, again))
                written = time.monotonic()

        try:
            with stopped_together():
                done = schedule(sweep.take, sweep.do, sweep.executor.workers, finished, sweep.stop, sweep.watch)
        except KeyboardInterrupt:
            done = False
    board = board_of(config, search, sweep.failed, first, again)
    print_board(board, {trial.number: shown_setting(trial.setting) for trial in search.known()})
    print(f"leaderboard: {write_board(config.folder, board)}")
    if not done:
        print(f"stopped; the same command goes on: {again}")
        return STOPPED
    if board["rows"] and board["rows"][0]["rank"] == 1:
        episodes = FEW_EPISODES if is_slow(first.env_id) else EPISODES
        outside = words_for(first.env_id, first.env)
        words = [*board["rows"][0]["runs"], "--episodes", episodes, *outside]
        print(f"the best on the test split: {command_line('evaluate', imports, *words)}")
    return 1 if sweep.failed else 0


def board_of(
    config: SweepConfig, search: Search, failed: Mapping[int, str], first: Configuration, command: str
) -> Board:
    """The leaderboard, from the folders of the trainings.

    Args:
        config: of the sweep.
        search: which knows the trials.
        failed: why trials failed, by number.
        first: the configuration of one of the trainings.
        command: of the sweep.
    """
    tried = []
    for trial in search.known():
        homes = {seed: home_of(config, trial, seed) for seed in config.seeds}
        seeds = [Seed(seed, begun_run(home), is_trained(home)) for seed, home in homes.items()]
        why = failed.get(trial.number, "")
        if why or trial.pruned is not None or any(seed.run is not None for seed in seeds):
            tried.append(Tried(trial.number, trial.setting, seeds, trial.pruned, why))
    lower = lower_is_better(first.env_id)
    return leaderboard(tried, shlex.join(config.command), lower, config.trials, made_now(command))


def print_list(config: SweepConfig) -> None:
    """Say which settings are done and which are left, as far as they are known."""
    if config.search == "tpe" or config.pruning is not None:
        from .study import known_trials

        trials = known_trials(config)
    else:
        trials = ListedSearch(config).known()
    for trial in trials:
        done = all(is_trained(home_of(config, trial, seed)) for seed in config.seeds)
        state = "given up" if trial.pruned is not None else "done" if done else "left"
        print(f"{state:<8}  {shown_setting(trial.setting)}")
    if len(trials) < config.trials:
        print(f"left      {config.trials - len(trials)} settings that are chosen as it goes on")
