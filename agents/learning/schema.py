"""What run.json and config.json must look like: checked first, before anything in them is believed.

The limits on size, depth and counts are those of `foveate.files`. What an agent's, a learner's or an environment's
options may be is said by their constructors: `check_options` asks them.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from ...errors import unknown
from ...files import LARGEST, check_value, conform
from ...introspect import constructor_options

Name = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=20_000)]
Count = Annotated[int, Meta(ge=0, le=LARGEST)]
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Values = dict[Name, object]
Figure = float | int | None

LARGEST_OPTION = 10_000_000  # a whole number in an agent's or a world's options counts something that takes memory


class Progress(Struct):
    """Where a run is; part of each checkpoint.

    Attributes:
        evaluated: steps at the last evaluation.
        saved: steps at the last checkpoint.
        best: the best figure on the validation split (of the present lesson).
        best_step: steps at which it was reached.
        seconds: of the clock.
        cpu_seconds: of the processor.
        lesson: of the curriculum; None without one.
        eval_episodes: how many episodes each evaluation has; 0 before the first.
        longest: steps of the longest of the last evaluation's.
    """

    evaluated: Count = 0
    saved: Count = 0
    best: float | None = None
    best_step: Count = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    lesson: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    eval_episodes: Count = 0
    longest: Count = 0


def progress_of(run: Mapping[str, object] | None) -> Progress:
    """Where the run of a run.json is, at the beginning where it says nothing; other entries are left out.

    Raises:
        FoveateError: what it says is no progress.
    """
    return conform((run or {}).get("progress") or {}, Progress, "a run's progress")


def plain_progress(progress: Progress) -> dict[str, object]:
    """As JSON; without a curriculum there is no lesson."""
    plain = msgspec.to_builtins(progress)
    return plain if progress.lesson else {name: value for name, value in plain.items() if name != "lesson"}


class RunFile(Struct):
    """The content of a checkpoint's run.json; more entries may be there, and are not read."""

    format: int
    agent: Name
    agent_options: Values
    learner: Values
    steps: Count
    iterations: Count
    observation_space: object = None
    action_space: object = None
    seed: Seed | None = None
    updates: Count = 0
    episodes: Count = 0
    recent_episodes: Annotated[list[dict[Name, Figure]], Meta(max_length=100_000)] = []
    versions: dict[Name, Name] = {}
    env_id: Name = ""
    env: Values = {}
    progress: Progress | None = None
    event_sizes: dict[Name, Count] = {}
    log_rows: Count = 0
    optimizer_entries: Count = 0
    world_entries: Count = 0
    replay_entries: Count = 0


class ConfigFile(Struct):
    """The content of a run folder's config.json; what `options` may hold is said by `RunOptions`."""

    env_id: Name
    env: Values
    agent: Name
    options: Values
    learner: Values
    preset: Name = ""
    agent_options: Values = {}
    imports: Annotated[list[Name], Meta(max_length=100)] = []
    command: Text = ""


def check_options(cls: type, given: Mapping[str, object], kind: str) -> None:
    """Refuse options from a file that a class's constructor doesn't take: by name, by type, or by an absurd size.

    Args:
        cls: whose constructor it is.
        given: plain data.
        kind: what the message calls the class.

    Raises:
        FoveateError: an option is unknown, or its value can't be.
    """
    allowed = constructor_options(cls)
    for name, value in given.items():
        if name not in allowed:
            raise unknown(f"{kind} option", name, allowed)
        if value != allowed[name].default:
            check_value(f"{kind} option {name}", value, allowed[name].type, LARGEST_OPTION)
