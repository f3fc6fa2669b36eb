"""``evaluate.py RUN … --score-search``: score and glimpses against the number of characters, a table and a plot."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from ..agents import load
from ..agents.learning import checkpoint
from ..analysis.search import Glimpses, Search, plot_search, search_times
from ..envs.outside import options_of_file
from ..envs.registry import check_one_agent
from ..viz.pages import number
from .device import pick_device


class SearchOptions(NamedTuple):
    """How to measure.

    Attributes:
        split: of the searches.
        episodes: of each number of characters.
        seed: of the worlds.
        device: where the network runs.
        checkpoint: which of a run's.
        plot: a .png file, or None.
    """

    split: str
    episodes: int
    seed: int
    device: str
    checkpoint: Literal["best", "last"]
    plot: Path | None


def score_search(
    paths: Sequence[Path], options: SearchOptions, changed: Mapping[str, object]
) -> list[dict[str, object]]:
    """Let each run search, print its table and return the figures.

    Args:
        paths: of the runs.
        options: how to measure.
        changed: arguments of the environment that differ from the training's.

    Raises:
        FoveateError: a run is of another environment.
    """
    results: list[tuple[str, Search]] = []
    plain: list[dict[str, object]] = []
    for path in paths:
        run = checkpoint.read_run(checkpoint.find(path, options.checkpoint))
        env_id = run.get("env_id", "")
        check_one_agent(env_id, "a search")
        env = options_of_file(env_id, run.get("env", {}), changed, path)
        policy = load(path, None, pick_device(options.device), options.checkpoint).policy
        found = search_times(policy, env_id, env, options.split, options.episodes, options.seed)
        label = f"{run.get('agent')} (seed {run.get('seed')})"
        results.append((label, found))
        _print(label, found)
        plain.append({"run": str(path), "split": options.split, **_plain(found)})
    if options.plot is not None:
        plot_search(results, options.plot)
        print(f"plot: {options.plot}")
    return plain


def _print(label: str, result: Search) -> None:
    till = "the agent is ready" if result.ready else "all answers from then on are right"
    print(f"{label}, {result.search} search; glimpses till {till}, where the last answer is right")
    print(f"{'characters':>10}{'episodes':>10}{'score':>8}  {'95 % interval':<17}{'glimpses':>8}  95 % interval")
    for one in result.found:
        score = f"{one.score.low:.3f}–{one.score.high:.3f}"
        print(f"{one.characters:>10}{one.episodes:>10}{one.score.share:>8.3f}  {score:<17}{_said(one.glimpses)}")
    print(f"glimpses for each character more: {_said(result.slope, '.4f').strip()}")


def _said(glimpses: Glimpses, form: str = ".2f") -> str:
    mean, low, high = (number(value, form) for value in glimpses)
    return f"{mean:>8}  {low}–{high}"


def _plain(result: Search) -> dict[str, object]:
    """As JSON; without any right answer there is no number of glimpses."""

    def mean(glimpses: Glimpses) -> dict[str, float | None]:
        return {name: None if value != value else value for name, value in glimpses._asdict().items()}

    found = [{**one._asdict(), "score": one.score._asdict(), "glimpses": mean(one.glimpses)} for one in result.found]
    return {**result._asdict(), "found": found, "slope": mean(result.slope)}
