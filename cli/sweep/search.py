"""Which setting is tried next: every combination, or settings drawn by chance; study.py has what learns from others."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ...analysis.comparison.gather import Point
from ...errors import FoveateError
from .file import SweepConfig
from .space import drawn, folder_name, grid

VAIN = 1000  # draws in a row of settings that were tried before


@dataclass
class Trial:
    """A setting that is tried.

    Attributes:
        number: of the trial, from 0 on.
        setting: a value for each option.
        pruned: the steps after which it was given up; None if it wasn't.
    """

    number: int
    setting: dict[str, object]
    pruned: int | None = None

    @property
    def name(self) -> str:
        """The name of what belongs to its setting."""
        return folder_name(self.setting)


class Search(Protocol):
    """Decides what is tried, and what is given up.

    Attributes:
        adaptive: whether what is tried next depends on what came out; the seeds of a trial are then trained first.
    """

    adaptive: bool

    def ask(self) -> Trial | None:
        """The next trial; those that were begun before come first. None when there are no more."""
        ...

    def known(self) -> list[Trial]:
        """The trials that an earlier call of the sweep has begun, as far as it is written down, or known anyway."""
        ...

    def report(self, trial: Trial, twentieth: int, point: Point) -> bool:
        """Tell how a trial does after so many twentieths of its steps, by a point of its curve; whether to stop it."""
        ...

    def tell(self, trial: Trial, score: float | None) -> None:
        """Tell what came of a trial; None if it was given up."""
        ...


class ListedSearch:
    """A grid, or settings by chance: all of them are known from the beginning, each once.

    Args:
        config: of the sweep.
    """

    adaptive = False

    def __init__(self, config: SweepConfig):
        self._trials = [Trial(number, setting) for number, setting in enumerate(listed(config))]
        self._left = iter(self._trials)

    def ask(self) -> Trial | None:
        """The next of them."""
        return next(self._left, None)

    def known(self) -> list[Trial]:
        """All of them."""
        return self._trials

    def report(self, trial: Trial, twentieth: int, point: Point) -> bool:
        """Nothing is given up."""
        return False

    def tell(self, trial: Trial, score: float | None) -> None:
        """Nothing depends on it."""


def listed(config: SweepConfig) -> Iterator[dict[str, object]]:
    """The settings of a grid or of a random search, each once.

    Raises:
        FoveateError: the space has fewer settings than are asked for.
    """
    if config.search == "grid":
        yield from grid(config.space)
        return
    seen: set[str] = set()
    number, vain = 0, 0
    while len(seen) < config.trials:
        setting = drawn(config.space, config.seed, number)
        name, number = folder_name(setting), number + 1
        if name not in seen:
            seen.add(name)
            vain = 0
            yield setting
            continue
        vain += 1
        if vain > VAIN:
            raise FoveateError(
                f"trials={config.trials} is not allowed: the space seems to have no more than {len(seen)} settings."
            )
