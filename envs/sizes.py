"""Sizes of a task: ranges that an episode's size is drawn from, and named splits that set them.

    splits = Splits.of("length", Range(1, 20), exactly=(40, 80))  # "train", "test-40", "test-80"
    sizes = splits.sizes("train", min_length=None, max_length=10)  # what is given counts more
    length = sizes.range("length", 1, 1000)  # Range(1, 10), checked
    length.sample(rng, "length")  # int64 (n,)

On the command line a range is two options, `min_length` and `max_length`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from ..errors import FoveateError, check_choice, check_range
from .counter_rng import CounterRNG

SAME_SIZE = ("validation", "test")  # splits of fresh episodes of the training sizes


class Range(NamedTuple):
    """Whole numbers from `low` to `high`, both included."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"

    @property
    def single(self) -> bool:
        """Whether there is but one number in it."""
        return self.low == self.high

    def check(self, name: str, least: int, most: int) -> "Range":
        """The range itself, if ``least <= low <= high <= most``.

        Args:
            name: what is counted, as in "length"; the arguments are then min_length and max_length.
            least: the smallest that is allowed.
            most: the largest that is allowed.

        Raises:
            FoveateError: it isn't so.
        """
        check_range(f"min_{name}", self.low, least, most)
        check_range(f"max_{name}", self.high, least, most)
        if self.low > self.high:
            raise FoveateError(f"min_{name}={self.low} is not allowed: it must be at most max_{name}={self.high}.")
        return self

    def sample(self, rng: CounterRNG, stream: str, *shape: int) -> Tensor:
        """Uniform numbers of each world, int64 (n, *shape)."""
        return self.low + rng.integers(stream, self.high - self.low + 1, *shape)


class Sizes(dict[str, int]):
    """The sizes that one environment has, by the names of its arguments."""

    def range(self, name: str, least: int, most: int) -> Range:
        """What min_NAME and max_NAME say, checked as in `Range.check`."""
        return Range(self[f"min_{name}"], self[f"max_{name}"]).check(name, least, most)


class Splits(dict[str, Mapping[str, int]]):
    """What each named split sets, by the names of the arguments; "train" sets all of them.

    "validation" and "test" are fresh episodes of the training sizes; other splits change some.
    """

    @classmethod
    def of(cls, name: str, train: Range, *, exactly: Iterable[int] = ()) -> "Splits":
        """The splits of a world with one range.

        Args:
            name: of the range, as in "length".
            train: its training sizes.
            exactly: for each n a split "test-n" of exactly this size.
        """
        both = {"train": train, **{f"test-{n}": Range(n, n) for n in exactly}}
        return cls({split: {f"min_{name}": size.low, f"max_{name}": size.high} for split, size in both.items()})

    def at_lesson(self, lessons: Sequence[Mapping[str, int]], lesson: int | None) -> "Splits":
        """The same splits, trained at the sizes of a lesson.

        Args:
            lessons: what each sets, like the split "train".
            lesson: which, from 1; None is the last.

        Raises:
            FoveateError: there is no such lesson.
        """
        lesson = check_range("lesson", len(lessons) if lesson is None else lesson, 1, len(lessons))
        return Splits({**self, "train": lessons[lesson - 1]})

    def largest(self, name: str) -> int:
        """The largest size of a range that any split has."""
        return max(sizes[f"max_{name}"] for sizes in self.values())

    def sizes(self, split: str, **given: int | None) -> Sizes:
        """The sizes of a split; what is given counts more.

        Args:
            split: its name.
            **given: each size argument, None where the split decides.

        Raises:
            FoveateError: there is no such split.
        """
        check_choice("split", split, ["train", *SAME_SIZE, *(name for name in self if name != "train")])
        chosen = {**self["train"], **self.get(split, {})}
        return Sizes({name: chosen[name] if value is None else value for name, value in given.items()})
