"""The certified score scale: what an oracle, a blind and a random policy get, declared and re-measured."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .multi.base import TeamScale

# what is said of each policy whose figure is certified, of one agent or several
EXPLAINED = {
    "oracle": "knows the answer",
    "memoryless": "best that sees the present moment only",
    "unaligned": "best that knows what is there, not where",
    "blind": "never looks (chance)",
    "random": "acts at random",
    "alone": "without the others (or without choosing, or looking: see the world's page)",
    "silent": "their messages say nothing",
}


class Certified(NamedTuple):
    """A known mean episode return and how far a measured mean may be from it."""

    mean: float
    tolerance: float


class ScoreScale(NamedTuple):
    """The known returns of an environment at its default arguments.

    Attributes:
        oracle: a policy that may look at the truth (the target).
        blind: the best policy that ignores its observations.
        random: uniformly random actions.
        memoryless: the best policy that sees the present observation only; None where that isn't known.
        unaligned: the best policy that knows what there is to see, but not where; None where that isn't known.
    """

    oracle: Certified
    blind: Certified
    random: Certified
    memoryless: Certified | None = None
    unaligned: Certified | None = None

    of_score = False  # whether it is a scale of the task's own figure, else of returns
    zero = "the best policy that never looks"

    def score(self, mean_return: float) -> float:
        """The return on the scale 0 (blind) to 1 (oracle); below 0 is worse than not looking."""
        return (mean_return - self.blind.mean) / (self.oracle.mean - self.blind.mean)


def means_of(scale: "ScoreScale | TeamScale | None") -> dict[str, float]:
    """The known means of a scale by policy; none without a scale."""
    return {} if scale is None else {name: known.mean for name, known in scale._asdict().items() if known is not None}
