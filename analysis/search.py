"""Visual search: how often an agent finds the 8, and after how many glimpses, against the number of characters."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..agents.learning.actor import Observer, Transition
from ..agents.policies.policy import Policy
from ..envs.glimpse.search import SIDE, FindEight
from ..envs.registry import world_class
from ..errors import FoveateError
from ..viz.plots import figure_png, subplots
from .comparison.statistics import Share, share_of
from .measure import measure

COUNTS = tuple(side**2 for side in range(2, SIDE + 1))
DRAWS = 1000


class Glimpses(NamedTuple):
    """A mean with its 95 % bootstrap interval; NaN where there are no cases."""

    mean: float
    low: float
    high: float


class Found(NamedTuple):
    """Searches among one number of characters.

    Attributes:
        characters: how many there were.
        episodes: how many searches.
        score: the share that ended with the right answer.
        glimpses: of those, how many it took: till the agent was ready, or, where the world ends episodes itself, till
            the first answer from which on all were right.
    """

    characters: int
    episodes: int
    score: Share
    glimpses: Glimpses


class Search(NamedTuple):
    """Searches among several numbers of characters.

    Attributes:
        search: "feature" or "conjunction".
        ready: whether the agent ended its episodes itself.
        found: by number of characters.
        slope: glimpses for each character more, the least squares line through the means.
    """

    search: str
    ready: bool
    found: list[Found]
    slope: Glimpses


def search_times(
    policy: Policy, env_id: str, env: Mapping[str, object], split: str, episodes: int, seed: int
) -> Search:
    """Let an agent search.

    Args:
        policy: who searches, deterministically.
        env_id: FindEight.
        env: its arguments, but for the number of characters.
        split: a split that says nothing of that number ("validation", "test").
        episodes: of each number of characters in `COUNTS`.
        seed: of the worlds.

    Raises:
        FoveateError: it is another world, or the split has a number of its own.
    """
    world = world_class(env_id)
    if world is None or not issubclass(world, FindEight):
        raise FoveateError(f"glimpses against the number of characters are of Glimpse/FindEight-v0, not of {env_id}.")
    if split in world.splits and split != "train":
        raise FoveateError(f"split={split!r} has a number of characters of its own: take 'validation' or 'test'.")
    ready, search = (bool(env.get("ready", True)), str(env.get("search", "conjunction")))
    found, times = [], []
    for count in COUNTS:
        watched: list[_Settling] = []

        def watch(_: object, rounds: int, watched: list[_Settling] = watched) -> Observer:
            watched.append(_Settling(rounds))
            return watched[-1]

        sizes = {"min_characters": count, "max_characters": count}
        measure(policy, env_id, {**env, **sizes}, split, episodes, seed, watch=watch)
        settled, length = watched[0].episodes()
        right = settled > 0
        times.append((length if ready else settled)[right])
        score = share_of(int(right.sum()), len(right))
        found.append(Found(count, len(right), score, _interval(_means(times[-1]))))
    drawn = np.stack([_means(some) for some in times])  # (counts, 1 + DRAWS)
    known = ~np.isnan(drawn[:, 0])
    x = np.array(COUNTS, float)[known]
    slopes = (x - x.mean()) @ drawn[known] / ((x - x.mean()) ** 2).sum() if known.sum() > 1 else drawn[0] * np.nan
    return Search(search, ready, found, _interval(slopes))


def _means(times: np.ndarray) -> np.ndarray:
    """The mean of some times, and those of bootstrap samples, (1 + DRAWS,); NaN where there are no times."""
    if not len(times):
        return np.full(1 + DRAWS, np.nan)
    picks = np.random.default_rng(0).integers(0, len(times), (DRAWS, len(times)))
    return np.concatenate([[times.mean()], times[picks].mean(1)])


def _interval(drawn: np.ndarray) -> Glimpses:
    low, high = np.quantile(drawn[1:], [0.025, 0.975])
    return Glimpses(float(drawn[0]), float(low), float(high))


class _Settling(Observer):
    """From which glimpse on all answers of an episode were right, in the first `rounds` episodes of each row."""

    def __init__(self, rounds: int):
        self.rounds = rounds
        self._rows: list[Tensor] = []
        self._now: Tensor | None = None  # int64 (3, B): the first right glimpse or 0, glimpses, episodes played

    def on_step(self, transition: Transition) -> None:
        target, ended = transition.before.target, transition.ended
        assert target is not None
        right = transition.output.choices["label"] == target["label"]
        if self._now is None:
            self._now = torch.zeros(3, len(right), dtype=torch.int64, device=right.device)
        settled, length, played = self._now
        length = length + 1
        settled = torch.where(right, torch.where(settled > 0, settled, length), 0)
        self._rows.append(torch.stack([settled, length])[:, ended & (played < self.rounds)].cpu())
        going = (~ended).long()
        self._now = torch.stack([settled * going, length * going, played + ended])

    def episodes(self) -> tuple[np.ndarray, np.ndarray]:
        """The first glimpse from which on all was right, or 0, and the number of glimpses, int64 (n,) each."""
        settled, length = torch.cat(self._rows, 1).numpy()
        return settled, length


def plot_search(results: Sequence[tuple[str, Search]], path: Path) -> None:
    """Score and glimpses against the number of characters, one line a run, as a PNG.

    Args:
        results: each with its label.
        path: the file.
    """
    figure, (axes,) = subplots(1, 2, (10, 4), layout="constrained")
    for label, result in results:
        shares = [one.score for one in result.found]
        times = [one.glimpses for one in result.found]
        for axis, middle, ends in (
            (axes[0], [s.share for s in shares], [(s.low, s.high) for s in shares]),
            (axes[1], [t.mean for t in times], [(t.low, t.high) for t in times]),
        ):
            (line,) = axis.plot(COUNTS, middle, "o-", label=f"{label}: {result.search} search")
            axis.fill_between(COUNTS, *np.array(ends).T, color=line.get_color(), alpha=0.2, linewidth=0)
    for axis, name in zip(axes, ("share of right answers", "glimpses till the answer, if it is right"), strict=True):
        axis.set_xlabel("characters")
        axis.set_ylabel(name)
        axis.set_xticks(COUNTS)
        axis.set_ylim(bottom=0)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(figure_png(figure, dpi=120))
