"""Sweeps: YAML files that say which options of a training to try, and how.

    command: Memory/Copy-v0 lstm --steps 2e5 --env.max-length 5     ENV AGENT and options, as of train.py
    space:                         what is tried: any option of train.py, by its name
      agent.hidden: [32, 64, 128]                                   a list of values
      learner.lr: {low: 1e-4, high: 1e-2, log: true}                or a range; with "step" only every so many
    search: random                 grid (every combination), random, or tpe (Bayesian, by Optuna)
    trials: 20                     settings that are tried, of random and tpe
    seeds: 3                       trainings of each setting: seeds 1 to 3, or a list
    pruning: median                stop what is worse than the median at the same step; or halving, or none (Optuna)
    folder: runs/my-sweep          where the trials and the leaderboard go
    retries: 1                     how often a training that fails is taken up again
    seed: 0                        of the search itself

Every training is an ordinary run folder, and goes on from its last checkpoint when the same command is called again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, cast

from msgspec import Struct

from ...errors import FoveateError, check_choice, check_range, unknown
from ...files import conform
from ..plain_yaml import read_yaml
from ..plan import MOST_TRAININGS, seeds_of, words_of
from .space import Distribution, grid_size, read_space

SEARCHES = ("grid", "random", "tpe")
PRUNINGS = ("median", "halving")


class SweepFile(Struct):
    """What a file may say; its parts are looked at more closely one by one."""

    command: str | None = None
    space: dict[str, object] | None = None
    search: str = "grid"
    trials: float | int | None = None
    seeds: object = 1
    pruning: str | dict[str, object] | None = None
    folder: str | None = None
    retries: int = 1
    seed: int = 0


@dataclass
class Pruning:
    """When a setting is given up before its end.

    Attributes:
        method: "median" (worse than the median of those before it at the same step) or "halving" (successive halving:
            at a twentieth, a fifth and four fifths of its steps only the best quarter goes on).
        startup_trials: of the median: so many settings are always trained to the end first.
        warmup: share of the steps before which nothing is given up.
    """

    method: Literal["median", "halving"] = "median"
    startup_trials: int = 5
    warmup: float = 0.0

    def __post_init__(self) -> None:
        check_choice("method of pruning", self.method, PRUNINGS)
        check_range("startup_trials", self.startup_trials, 1)
        check_range("warmup", self.warmup, 0.0, 1.0)


@dataclass
class SweepConfig:
    """What a file asks for; the entries are the file's (see this module)."""

    command: list[str]
    space: dict[str, Distribution]
    folder: Path
    search: str
    trials: int
    seeds: list[int]
    pruning: Pruning | None
    retries: int
    seed: int


def read_sweep(file: Path) -> SweepConfig:
    """Read and check a sweep.

    Raises:
        FoveateError: it can't be read, or asks for something that doesn't exist.
    """
    raw = read_yaml(file)
    if not isinstance(raw, dict):
        raise FoveateError(f"{file} is no sweep: it must say command and space.")
    for key in raw:
        if key not in SweepFile.__struct_fields__:
            raise unknown(f"entry of {file.name}", key, SweepFile.__struct_fields__)
    said = conform(raw, SweepFile, file)
    if not said.command or said.space is None:
        raise FoveateError(f"{file} must say command (ENV AGENT and options, as of train.py) and space.")
    check_choice("search", said.search, SEARCHES)
    words = words_of(said.command, file)
    if any(word.partition("=")[0] == "--seed" for word in words):
        raise FoveateError("--seed is not allowed in the command: seeds says it for all settings.")
    space = read_space(said.space, words)
    seeds = seeds_of(said.seeds)
    pruning = _pruning(said.pruning)
    if pruning is not None and "steps" in space:
        raise FoveateError("pruning compares settings at the same step, so steps can't be in the space.")
    trials = _trials(said, space)
    if trials * len(seeds) > MOST_TRAININGS:
        raise FoveateError(
            f"{file} asks for {trials * len(seeds):,} trainings; at most {MOST_TRAININGS:,} are allowed."
        )
    folder = Path(said.folder or Path("runs") / f"sweep-{file.stem}")
    check_range("retries", said.retries, 0, 100)
    check_range("seed", said.seed, 0, 2**32 - 1)
    return SweepConfig(words, space, folder, said.search, trials, seeds, pruning, said.retries, said.seed)


def _trials(said: SweepFile, space: dict[str, Distribution]) -> int:
    if said.search == "grid":
        if said.trials is not None:
            raise FoveateError("trials is for random and tpe; a grid tries every combination.")
        for name, distribution in space.items():
            try:
                distribution.grid()
            except FoveateError as error:
                raise FoveateError(f"{name}: {error}.") from error
        return grid_size(space)
    if said.trials is None:
        raise FoveateError(f"search: {said.search} must say trials, the number of settings to try.")
    trials = float(said.trials)
    if not math.isfinite(trials) or trials != trials // 1:
        raise FoveateError(f"trials={said.trials} is not allowed: it must be a whole number.")
    return check_range("trials", int(trials), 1)


def _pruning(said: str | dict[str, object] | None) -> Pruning | None:
    if said is None or said == "none":
        return None
    raw = {"method": said} if isinstance(said, str) else said
    if isinstance(said, str):
        check_choice("pruning", said, (*PRUNINGS, "none"))
    names: Sequence[str] = [field.name for field in fields(Pruning)]
    for key in raw:
        check_choice("entry of pruning", key, names)
    return cast(Pruning, conform(raw, Pruning, "pruning"))
