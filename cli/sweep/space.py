"""What a sweep tries: distributions over options of train.py, their values, and these as words of a command line."""

import hashlib
import itertools
import json
import math
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from ...agents.learning.options import LEARNERS
from ...envs.registry import check_id, full_id
from ...errors import FoveateError, check_choice, check_range, plain_number, unknown
from ..configuration import load_preset, options_class
from ..words import take

Setting = Mapping[str, object]
"""A value for each option of a space, by the option's name."""

KEYS = ("low", "high", "log", "step")
REFUSED = {"seed": "seeds says it", "log_dir": "folder says it"}
MOST_VALUES = 10_000  # of one option
MOST_LETTERS = 80


class Choice(NamedTuple):
    """One of some values, each as likely as the others."""

    values: tuple[object, ...]

    def grid(self) -> Sequence[object]:
        """All values, in their order."""
        return self.values

    def draw(self, rng: np.random.Generator) -> object:
        """One of them."""
        return self.values[int(rng.integers(len(self.values)))]


class Range(NamedTuple):
    """A number from `low` to `high`, both of which it may be.

    Attributes:
        low: the least.
        high: the greatest.
        log: whether its logarithm is uniform, not it itself.
        step: between two values, from `low` on; None where any number will do, 1 of whole numbers without `log`.
        whole: whether it is a whole number.
    """

    low: float
    high: float
    log: bool
    step: float | None
    whole: bool

    def grid(self) -> Sequence[object]:
        """All values, from `low` to `high`.

        Raises:
            FoveateError: there is no step.
        """
        if self.step is None:
            raise FoveateError("a grid needs a list of values or a step")
        return [self._at(place) for place in range(self._count(self.step))]

    def draw(self, rng: np.random.Generator) -> object:
        """A value by chance."""
        if self.step is not None:
            return self._at(int(rng.integers(self._count(self.step))))
        if self.log and self.whole:  # each whole number has the interval around it
            spread = rng.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5))
            return int(min(max(round(math.exp(spread)), self.low), self.high))
        if self.log:
            return min(max(math.exp(rng.uniform(math.log(self.low), math.log(self.high))), self.low), self.high)
        return float(rng.uniform(self.low, self.high))

    def _count(self, step: float) -> int:
        return int((self.high - self.low) / step + 1e-9) + 1

    def _at(self, place: int) -> object:
        assert self.step is not None
        value = self.low + place * self.step
        return int(value) if self.whole else float(f"{value:.12g}")  # 0.1 + 2 · 0.1 is 0.3


Distribution = Choice | Range
Space = Mapping[str, Distribution]


# ---- from a file ----


def read_space(raw: Mapping[str, object], words: Sequence[str]) -> dict[str, Distribution]:
    """The distributions of a file, by the names of the options as train.py's ``--NAME`` has them.

    Args:
        raw: as in the file.
        words: train.py's: ENV AGENT and options.

    Raises:
        FoveateError: an option doesn't exist, or its distribution can't be.
    """
    if not raw:
        raise FoveateError("space is empty: it must name options of train.py, as in learner.lr: [0.001, 0.01].")
    known = option_types(words, raw.get("learner"))
    said = {word.partition("=")[0].removeprefix("--").replace("_", "-") for word in words if word.startswith("--")}
    space: dict[str, Distribution] = {}
    for key, value in raw.items():
        name = str(key).removeprefix("--").replace("_", "-")
        if name.replace("-", "_") in REFUSED:
            raise FoveateError(f"{name} can't be in a space: {REFUSED[name.replace('-', '_')]}.")
        if name not in known:
            part = name.partition(".")[0]
            near = [other for other in known if "." in name and other.startswith(f"{part}.")]
            raise unknown("option in space", name, near or known)
        if name in said or name in space:
            raise FoveateError(f"{name} is said twice: in the command and in the space, or twice in the space.")
        space[name] = _distribution(name, value, known[name])
    return space


def option_types(words: Sequence[str], learners: object = None) -> dict[str, Any]:
    """The options of a training, by the names of their flags, and their types.

    Args:
        words: train.py's: ENV AGENT and options.
        learners: ways to learn that are tried, whose options all count.

    Raises:
        FoveateError: there is no such pair.
    """
    objective, rest = take(words, "--learner")
    if len(rest) < 2 or any(word.startswith("-") for word in rest[:2]):
        raise FoveateError("command must begin with ENV AGENT, as in: Memory/Copy-v0 lstm --steps 1e5.")
    env_id = full_id(rest[0])
    check_id(env_id)
    ways = learners if isinstance(learners, list) else objective or [None]
    for way in ways:
        if way is not None:
            check_choice("learner", way, LEARNERS)
    known: dict[str, Any] = {"learner": typing.Literal[tuple(LEARNERS)]}  # type: ignore[valid-type]
    for way in ways:
        known |= _flags(options_class(env_id, load_preset(rest[1], env_id, way)))
    return known


def _flags(options: type, before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in fields(options):
        hint = typing.get_args(field.type)[0] if hasattr(field.type, "__metadata__") else field.type
        name = before + field.name.replace("_", "-")
        found |= _flags(hint, f"{name}.") if isinstance(hint, type) and is_dataclass(hint) else {name: hint}
    return found


def _distribution(name: str, raw: object, hint: Any) -> Distribution:
    if isinstance(raw, list):
        if not raw or len(raw) > MOST_VALUES:
            raise FoveateError(f"{name} has {len(raw)} values; it must have 1 to {MOST_VALUES:,}.")
        values = [tuple(value) if isinstance(value, list) else value for value in raw]
        plain = [json.dumps(value, default=str) for value in values]
        if len(set(plain)) < len(plain):
            raise FoveateError(f"{name} has a value twice: {', '.join(plain)[:200]}.")
        if any(isinstance(value, dict) for value in values):
            raise FoveateError(f"{name}: a list holds values, not ranges.")
        return Choice(tuple(values))
    if not isinstance(raw, dict):
        raise FoveateError(
            f"{name}={str(raw)[:60]!r} is not allowed: it must be a list of values, or a range such as "
            "{low: 1e-4, high: 1e-2, log: true}; what isn't tried belongs into the command."
        )
    for key in raw:
        check_choice(f"entry of {name}", key, KEYS)
    return _range(name, raw, hint)


def _range(name: str, raw: Mapping[str, Any], hint: Any) -> Range:
    missing = [key for key in ("low", "high") if key not in raw]
    if missing:
        raise FoveateError(f"{name} doesn't say {' and '.join(missing)}.")
    kinds = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    if not {int, float} & set(kinds):
        raise FoveateError(f"{name} is no number, so it can't have a range: give it a list of values.")
    whole, log, step = float not in kinds, raw.get("log", False), raw.get("step")
    if not isinstance(log, bool):
        raise FoveateError(f"{name}: log={log!r} is not allowed: it must be true or false.")
    # 1e3 of a file is a real number, and a whole one here
    low, high = (_number(f"{name}: {key}", raw[key], whole) for key in ("low", "high"))
    if not low < high:
        raise FoveateError(f"{name}: low={low} is not below high={high}.")
    if log:
        check_range(f"{name}: low", low, 1 if whole else 1e-300)
        if step is not None:
            raise FoveateError(f"{name} has log and step: it can have one of them.")
    if step is not None:
        step = _number(f"{name}: step", step, whole)
        if not 0 < step <= high - low or (high - low) / step > MOST_VALUES:
            raise FoveateError(f"{name}: step={step} is not allowed: it must lead from {low} to {high}.")
    return Range(low, high, log, 1 if whole and not log and step is None else step, whole)


def _number(name: str, value: object, whole: bool) -> float:
    number = plain_number(name, value, False)
    return plain_number(name, int(number) if number == number // 1 else value, True) if whole else number


# ---- settings ----


def grid(space: Space) -> Iterator[dict[str, object]]:
    """All settings, the last option's values fastest.

    Raises:
        FoveateError: an option has a range without a step.
    """
    values = []
    for name, distribution in space.items():
        try:
            values.append(distribution.grid())
        except FoveateError as error:
            raise FoveateError(f"{name}: {error}.") from error
    return (dict(zip(space, each, strict=True)) for each in itertools.product(*values))


def grid_size(space: Space) -> int:
    """How many settings `grid` has."""
    return math.prod(len(distribution.grid()) for distribution in space.values())


def drawn(space: Space, seed: int, number: int) -> dict[str, object]:
    """The setting of this number, by chance: the same for the same seed, however many others there are."""
    rng = np.random.default_rng([seed, number])
    return {name: distribution.draw(rng) for name, distribution in space.items()}


def probes(space: Space) -> Iterator[tuple[str, dict[str, object]]]:
    """Settings in which each option once has each of its values, or the ends of its range; and the option's name."""
    ends = {
        name: one.values if isinstance(one, Choice) else (one.grid()[0] if one.step else one.low, one.high)
        for name, one in space.items()
    }
    first = {name: values[0] for name, values in ends.items()}
    for number, (name, values) in enumerate(ends.items()):
        for value in values[1 if number else 0 :]:
            yield name, {**first, name: value}


def words_for_setting(setting: Setting) -> list[str]:
    """A setting as words of train.py."""
    words = []
    for name, value in setting.items():
        if isinstance(value, bool):
            before, dot, last = name.rpartition(".")
            words.append(f"--{name}" if value else f"--{before}{dot}no-{last}")
        elif isinstance(value, tuple):
            words += [f"--{name}", *map(str, value)]
        else:
            words.append(f"--{name}={value!r}" if isinstance(value, float) else f"--{name}={value}")
    return words


def shown_value(value: object) -> str:
    """A value for people."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def shown_setting(setting: Setting) -> str:
    """A setting for people, in one line."""
    return ", ".join(f"{name}={shown_value(value)}" for name, value in setting.items())


def folder_name(setting: Setting) -> str:
    """A name for what belongs to a setting: one that can be read, made unique by a digest of the exact values."""
    digest = hashlib.sha256(json.dumps(dict(sorted(setting.items())), default=str).encode()).hexdigest()[:8]
    stem = "_".join(f"{name.rpartition('.')[2]}={shown_value(value)}" for name, value in setting.items())
    return f"{re.sub(r'[^A-Za-z0-9_.=-]+', '-', stem)[:MOST_LETTERS]}-{digest}"
