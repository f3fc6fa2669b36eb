"""Heads: from features to a distribution over one part of an action, for every kind of Gymnasium space.

kind of target                  head                        loss
one of n                        CategoricalHead             cross-entropy
one of n, several are right     CategoricalHead             -log of the set's probability
one of the source's items       PointerHead                 cross-entropy
one of n, several times         MultiCategoricalHead        their sum
a program, its arguments        ProgramHead                 their sum
bits                            BernoulliHead               binary cross-entropy, summed
numbers                         GaussianHead                -log density
places, seen from one of them   MoveHead                    -log density
numbers, with many ways         MixtureHead                 -log of a mixture's density
points of a pen                 PenHead                     -log of a mixture's density, and cross-entropy
symbols in order, unaligned     CTCHead                     connectionist temporal classification
a whole string of symbols       TranscriptHead              the same, of the source's items
any of these, at every step     SteppedHead                 its mean over steps of thinking
"""

from collections.abc import Callable
from typing import Literal

from gymnasium import spaces
from torch import nn

from ....errors import FoveateError, check_choice
from ....introspect import constructor_options
from .base import Head
from .bits import BernoulliHead
from .categorical import AdvantageHead, CategoricalHead, MultiCategoricalHead
from .ctc import CTCHead
from .gaussian import GaussianHead
from .mixture import MixtureHead
from .move import MoveHead
from .pen import PenHead
from .pointer import PointerHead
from .program import ProgramHead
from .stepped import Expected, SteppedHead
from .transcript import TranscriptHead
from .uniform import UniformHead

# the head that a part of an action gets, by its kind of space; each is built from (features, space, hidden)
HEADS: dict[type[spaces.Space], type[Head]] = {
    spaces.Discrete: CategoricalHead,
    spaces.MultiDiscrete: MultiCategoricalHead,
    spaces.MultiBinary: BernoulliHead,
    spaces.Box: GaussianHead,
}
# what else numbers may be chosen by
NUMBERS: dict[str, Callable[..., Head]] = {"gaussian": GaussianHead, "mixture": MixtureHead, "pen": PenHead}


def make_numbers_head(
    name: Literal["gaussian", "mixture", "pen"], features: int, space: spaces.Space, hidden: int, components: int
) -> Head:
    """The head for one part of an action, where numbers may have a density of another kind than in `make_head`.

    Args:
        name: of the head for a Box: one of `NUMBERS`.
        features: size of the features.
        space: the part's space.
        hidden: units of a hidden layer, 0 for none.
        components: Gaussians of a mixture.
    """
    check_choice("numbers", name, NUMBERS)
    if name == "gaussian" or not isinstance(space, spaces.Box):
        return make_head(features, space, hidden)
    return NUMBERS[name](features, space, hidden, components)


def make_head(features: int, space: spaces.Space, hidden: int = 0, std: float | None = None) -> Head:
    """The head for one part of an action.

    Args:
        features: size of the features.
        space: the part's space, of a kind in `HEADS`.
        hidden: units of a hidden layer, 0 for none.
        std: for a Box, a fixed standard deviation; None learns one.

    Raises:
        FoveateError: no head is for this kind of space.
    """
    for kind, head in HEADS.items():
        if isinstance(space, kind):
            own = {"std": std} if "std" in constructor_options(head) else {}
            return head(features, space, hidden, **own)
    raise FoveateError(
        f"no head for an action part of type {type(space).__name__}: "
        f"allowed are {', '.join(kind.__name__ for kind in HEADS)}."
    )


def make_critic(features: int, hidden: int = 0) -> nn.Module:
    """From features to the value of a state, (…, 1), through a hidden layer if `hidden` is not 0."""
    if not hidden:
        return nn.Linear(features, 1)
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, 1))


__all__ = [
    "HEADS",
    "AdvantageHead",
    "BernoulliHead",
    "CTCHead",
    "CategoricalHead",
    "Expected",
    "GaussianHead",
    "Head",
    "MixtureHead",
    "MoveHead",
    "MultiCategoricalHead",
    "PenHead",
    "PointerHead",
    "ProgramHead",
    "SteppedHead",
    "TranscriptHead",
    "UniformHead",
    "make_critic",
    "make_head",
    "make_numbers_head",
]


def __dir__() -> list[str]:
    return sorted(__all__)
