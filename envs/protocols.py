"""What some worlds and environments offer beyond their common base, as protocols to ask for with ``isinstance``.

Asking calls nothing: an error inside a method is that error, and never reads as "has no such method".

Worlds (`BatchWorld`) and environments (`GymEnv`, `VectorEnv`, other people's) are asked different things. A wrapped
environment is asked layer by layer (`find_layer`), and `world_of` gives the world below all wrappers.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol, TypeVar, runtime_checkable

import gymnasium as gym
from gymnasium.vector import VectorEnv, VectorWrapper
from torch import Tensor

from ..errors import FoveateError, check_choice
from .batch import BatchWorld, State

if TYPE_CHECKING:
    from .episodes import Episodes, Judged

P = TypeVar("P")
Info = dict[str, object]


class Gaze(NamedTuple):
    """Where an agent looks.

    Attributes:
        pictures: the whole pictures, uint8 (B, H, W) or (B, H, W, 3).
        outlines: the patches that are looked at, float (B, K, 4): left, top, right, bottom in pixels.
    """

    pictures: Tensor
    outlines: Tensor


class Intervention(NamedTuple):
    """One way to change a world: what is done to which object.

    Attributes:
        kind: "remove", "move", "shift" or "set".
        name: of the object, a key of the world's `objects`.
        amount: how far, or to what; its unit is the world's to say. What is used where none is given.
    """

    kind: str
    name: str
    amount: float = 0.0


def chosen_intervention(
    known: Sequence[Intervention], kind: str, name: str, amount: float | None, whole: bool = False
) -> Intervention:
    """The intervention that is meant, with its amount.

    Args:
        known: what the world can do.
        kind: one of theirs.
        name: of the object.
        amount: how far, or to what; None takes the usual amount.
        whole: whether it must be a whole number.

    Raises:
        FoveateError: there is no such object or intervention, or the amount is not finite, or not whole.
    """
    check_choice("object", name, sorted({i.name for i in known}))
    kinds = {i.kind: i for i in known if i.name == name}
    check_choice(f"intervention on {name!r}", kind, sorted(kinds))
    chosen = kinds[kind] if amount is None else Intervention(kind, name, float(amount))
    if not math.isfinite(chosen.amount) or (whole and chosen.amount != round(chosen.amount)):
        raise FoveateError(f"amount={amount} is not allowed: it must be a {'whole' if whole else 'finite'} number.")
    return chosen


# ---- worlds ----


@runtime_checkable
class RetinaWorld(Protocol):
    """A world whose picture may be seen through a retina."""

    def gaze(self, state: State) -> Gaze | None:
        """Where the retina is; None in a view that shows the whole picture."""
        ...


@runtime_checkable
class TakesInterventions(Protocol):
    """A world whose objects are known and can be changed."""

    interventions: ClassVar[Sequence[Intervention]]

    def intervene(self, state: State, kind: str, name: str, amount: float | None = None) -> State:
        """The state after an intervention on an object; the given state stays as it is.

        Args:
            state: of the worlds.
            kind: one of the kinds in `interventions`.
            name: the object.
            amount: how far, or to what; None takes the usual amount.
        """
        ...

    def objects(self, state: State) -> Mapping[str, Tensor]:
        """Where each object is, bool (B, H, W) by name; empty where there is none."""
        ...


@runtime_checkable
class TellsRelevance(Protocol):
    """A world that knows what matters for the action to come."""

    def relevance(self, state: State) -> Tensor:
        """What matters, bool (B, …)."""
        ...


@runtime_checkable
class TellsValueRelevance(Protocol):
    """A world that tells what decides the best action (`relevance`) from what decides how much is still to be won."""

    def relevance_value(self, state: State) -> Tensor:
        """What decides how much is still to be won, bool (B, …)."""
        ...


@runtime_checkable
class TellsScore(Protocol):
    """A world whose task has a figure of its own beside the return."""

    def score(self, state: State) -> Tensor:
        """The figure for the step just made, float32 (B,)."""
        ...


@runtime_checkable
class TellsDifficulty(Protocol):
    """A world of sequences that tells how much there is to be computed at each moment."""

    difficulty_name: ClassVar[str]

    def difficulty(self, state: State) -> Tensor:
        """How much it is, in things of `difficulty_name`, int64 (B, T)."""
        ...


@runtime_checkable
class ScriptedWorld(Protocol):
    """A world in which what is shown doesn't depend on what is done: a whole episode exists at its reset."""

    def episodes(self, n: int | None = None) -> "Episodes":
        """The next n episodes, time first, padded to the longest: episode j is the next of world j mod B; None is B."""
        ...

    def judge(self, episodes: "Episodes", action: Tensor) -> "Judged":
        """What stepping through the episodes with these actions (T, n, …) would have paid and scored."""
        ...


@runtime_checkable
class HasLessons(Protocol):
    """A class of worlds with a curriculum: its argument `lesson` counts from 1 to ``len(lessons)``."""

    lessons: ClassVar[Sequence[Mapping[str, int]]]
    lower_is_better: ClassVar[bool]  # of its score


@runtime_checkable
class KnowsMostSteps(Protocol):
    """A world that knows how many moments its longest episode can have."""

    most_steps: int


@runtime_checkable
class HasItems(Protocol):
    """A world that can show each item of its data once, with ``order="each"``: a seed s shows item s modulo `items`."""

    items: int


@runtime_checkable
class NamesActions(Protocol):
    """A world whose discrete actions have names."""

    action_names: ClassVar[Sequence[str]]


# ---- environments ----


@runtime_checkable
class HasGaze(Protocol):
    """An environment, or a wrapper, that may be seen through a retina."""

    def gaze(self) -> Gaze | None:
        """Where the retina is now; None if this environment shows the whole picture."""
        ...


@runtime_checkable
class HasExactState(Protocol):
    """A vector environment that can be saved and resumed exactly."""

    def state_dict(self) -> dict[str, Tensor]:
        """The state of all worlds."""
        ...

    def load_state_dict(self, saved: dict[str, Tensor]) -> None:
        """Go on from a `state_dict`."""
        ...


@runtime_checkable
class HasState(Protocol):
    """An environment that tells its true state."""

    def get_state(self) -> object:
        """An array, or a dict of arrays of fixed sizes."""
        ...


@runtime_checkable
class HasActionMeanings(Protocol):
    """An environment of the Arcade Learning Environment's kind, which names its actions."""

    def get_action_meanings(self) -> Sequence[str]:
        """A name for each action."""
        ...


@runtime_checkable
class HasWorld(Protocol):
    """An environment around one of our worlds."""

    world: BatchWorld


@runtime_checkable
class NativeVectorEnv(HasWorld, HasExactState, Protocol):
    """A vector environment of ours, with a row a world or a row an agent.

    Attributes:
        output: "numpy" or "torch": what observations, rewards and `info` are made of.
        team: how many neighbouring rows are agents of one world that share their reward's credit; 1 where none do.
    """

    output: str
    team: int

    def observe(self) -> tuple[object, Info]:
        """The present observation and `info` again; nothing advances."""
        ...


def find_layer(env: object, protocol: type[P]) -> P | None:
    """The outermost layer of an environment, wrappers and all, that offers what a protocol says; None if none does."""
    while not isinstance(env, protocol):
        if not isinstance(env, (gym.Wrapper, VectorWrapper)):
            return None
        env = env.env
    return env


def world_of(env: gym.Env | VectorEnv) -> BatchWorld | None:
    """The worlds below all wrappers of an environment; None of an environment that isn't ours."""
    inner = env.unwrapped
    return inner.world if isinstance(inner, HasWorld) and isinstance(inner.world, BatchWorld) else None
