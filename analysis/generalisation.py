"""The figures of a trained agent, and how it does on splits of other sizes: a table, and a picture of several runs."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NotRequired, TypedDict, cast

import numpy as np

from ..envs.memory.script import AnswerWorld
from ..envs.protocols import world_of
from ..envs.registry import make_worlds, world_class
from ..envs.scale import means_of
from ..viz.palette import OKABE_ITO_LINES
from ..viz.plots import figure_png, subplots
from .bleu import Bleu
from .measure import EVALUATION_SEED, main_figure, with_split

if TYPE_CHECKING:
    from ..agents.learning.evaluation import Outcomes


class SplitFigures(TypedDict):
    """The figures of one split, as JSON; `due` is how many numbers an episode asks for, the mean."""

    score: float
    interval: list[float]
    mean_return: float
    bits: float | None
    due: NotRequired[float | None]


class Figures(TypedDict):
    """The figures of one run, as JSON: what ``evaluate.py --json`` writes."""

    run: str
    agent: str
    agent_options: dict[str, object]
    env_id: str
    split: str
    episodes: int
    items: int | None
    score_name: str
    score: float
    interval: list[float]
    mean_return: float
    mean_length: float
    bits: float | None
    regret_bits: float | None
    gaze_distance: float | None
    on_scale: float | None
    on_scale_means: str | None
    certified: dict[str, float] | None
    sweep: dict[str, SplitFigures]
    steps: int
    training_seconds: float | None
    training_cpu_seconds: float | None
    seed: int | None
    bleu: NotRequired[Bleu]


def number_or_none(value: float) -> float | None:
    """A number for JSON: NaN, which JSON lacks, is None."""
    return None if math.isnan(value) else float(value)


def sweep_row(episodes: "Outcomes") -> SplitFigures:
    """The figures of one split."""
    from ..agents.learning.evaluation import clustered_interval

    score, low, high = clustered_interval(main_figure(episodes), episodes.index)
    return {
        "score": score,
        "interval": [low, high],
        "mean_return": float(episodes.returns.mean()),
        "bits": number_or_none(episodes.bits.mean()),
    }


def numbers_due(env_id: str, arguments: Mapping[str, object], split: str) -> float | None:
    """How many numbers (bits, symbols) an episode asks for, the mean of some; None where the world counts no answers.

    Args:
        env_id: of the world.
        arguments: of it.
        split: that sets its sizes.
    """
    world = world_class(env_id)
    if world is None or not issubclass(world, AnswerWorld):
        return None
    worlds = make_worlds(env_id, 256, "cpu", with_split(env_id, arguments, split))
    worlds.reset(seed=EVALUATION_SEED)
    world = world_of(worlds)
    assert isinstance(world, AnswerWorld)
    return float(world.state["due"].float().mean()) * world.outputs


def figures_of(
    run: Mapping[str, object], split: str, episodes: "Outcomes", sweep: dict[str, SplitFigures], name: str
) -> Figures:
    """The figures of one run, with where they lie on its environment's certified scale.

    Args:
        run: its run.json.
        split: that the episodes are of.
        episodes: what was played.
        sweep: figures of other splits.
        name: the run's path, as it was given.
    """
    world = world_class(str(run["env_id"]))
    scale = None if world is None else world.scale
    certified = means_of(scale)
    row = sweep_row(episodes)
    progress = run.get("progress")
    progress = progress if isinstance(progress, dict) else {}
    known = {field: run.get(field) for field in ("agent", "agent_options", "env_id", "steps", "seed")}
    items = len(set(episodes.index.tolist())) if (episodes.index >= 0).all() else None
    own: dict[str, object] = {
        "run": name,
        **{field: known[field] for field in ("agent", "agent_options", "env_id")},
        "split": split,
        "episodes": len(episodes.returns),
        "items": items,
        "score_name": "score" if world is None else world.score_name,
        "score": row["score"],
        "interval": row["interval"],
        "mean_return": row["mean_return"],
        "mean_length": float(episodes.lengths.mean()),
        "bits": row["bits"],
        "regret_bits": number_or_none((episodes.bits - episodes.optimum).mean()),
        "gaze_distance": number_or_none(episodes.distance.mean()),
        "on_scale": None if scale is None else scale.score(row["score"] if scale.of_score else row["mean_return"]),
        "on_scale_means": None if scale is None else scale.zero,
        "certified": certified or None,
        "sweep": sweep,
        "steps": known["steps"],
        "training_seconds": progress.get("seconds"),
        "training_cpu_seconds": progress.get("cpu_seconds"),
        "seed": known["seed"],
    }
    return cast(Figures, own)


def print_sweep(results: Sequence[Figures]) -> None:
    """One line a run, one column a split."""
    splits = list(results[0]["sweep"])
    name = results[0]["score_name"]
    print(f"\n{name} by split")
    print(f"{'agent':<24}" + "".join(f"{split:>16}" for split in splits))
    for r in results:
        label = f"{r['agent']} (seed {r['seed']})"
        print(f"{label:<24}" + "".join(f"{r['sweep'][split]['score']:>16.3f}" for split in splits))


def _groups(results: Sequence[Figures]) -> dict[str, list[Figures]]:
    """Runs of one agent with the same options together; options that tell agents of one name apart are in the label."""
    groups: dict[str, list[Figures]] = {}
    for r in results:
        others = [o["agent_options"] for o in results if o["agent"] == r["agent"]]
        telling = [f"{k}={v}" for k, v in r["agent_options"].items() if any(o.get(k) != v for o in others)]
        groups.setdefault(" ".join([r["agent"], *telling]), []).append(r)
    return groups


class Grown(NamedTuple):
    """What grows from split to split.

    Attributes:
        name: of it, as "length".
        sizes: of each split, one number.
        trained: the smallest and the greatest of the split "train".
    """

    name: str
    sizes: list[int]
    trained: tuple[int, int]


def grown(env_id: str, splits: Sequence[str]) -> Grown | None:
    """The one size that splits differ in; None where there is none, or several, or a split has a range of sizes.

    Args:
        env_id: of the world.
        splits: by name.
    """
    known: Mapping[str, Mapping[str, int]] = getattr(world_class(env_id), "splits", {})
    if "train" not in known:
        return None
    every = [{**known["train"], **known.get(split, {})} for split in splits]
    differ = {name for sizes in every for name, value in sizes.items() if value != every[0][name]}
    names = {name.removeprefix("min_").removeprefix("max_") for name in differ}
    if len(names) != 1:
        return None
    (name,) = names
    ends = [(sizes.get(f"min_{name}", sizes.get(name)), sizes.get(f"max_{name}", sizes.get(name))) for sizes in every]
    (low, high) = (known["train"].get(f"{end}_{name}", known["train"].get(name, 0)) for end in ("min", "max"))
    single = [high for low, high in ends if low == high and high is not None]
    return Grown(name, single, (low, high)) if len(single) == len(splits) else None


def plot_sweep(results: Sequence[Figures], path: Path) -> None:
    """Score against what grows, one colour an agent: the mean over its runs, each run thin beside it."""
    splits = list(results[0]["sweep"])
    figure, ((axes,),) = subplots(1, 1, (7.6, 4.6), layout="constrained")
    env_id, name = results[0]["env_id"], results[0]["score_name"]
    size = grown(env_id, splits)
    along: Sequence[int | str] = splits if size is None else size.sizes
    for (label, group), colour in zip(_groups(results).items(), OKABE_ITO_LINES * len(results), strict=False):
        rows = np.array([[r["sweep"][s]["score"] for s in splits] for r in group])
        seeds = "1 seed" if len(rows) == 1 else f"mean of {len(rows)} seeds; pale: each"
        axes.plot(along, rows.mean(0), "o-", color=colour, label=f"{label} ({seeds})")
        if len(rows) > 1:
            axes.plot(along, rows.T, color=colour, alpha=0.4, linewidth=0.8)
    due = [results[0]["sweep"][split].get("due") for split in splits]
    if name == "wrong bits" and None not in due:
        half = np.array(due, float) / 2
        guess = f"a guess: half of all bits ({half[-1]:,.0f} of {2 * half[-1]:,.0f} at the last)"
        axes.plot(along, half, ":", color="grey", label=guess)
    axes.set_ylim(bottom=-0.03 * axes.get_ylim()[1])  # a line at zero is seen
    if size is None:
        axes.set_xlabel("split")
    else:
        low, high = size.trained
        axes.axvspan(min(low, *size.sizes), high, color="grey", alpha=0.12, linewidth=0, zorder=0)
        words = f"trained: {low} to {high}" if low < high else f"trained: {high}"
        axes.annotate(words, (high, 0.5), (-4, 0), textcoords="offset points", xycoords=("data", "axes fraction"),
                      rotation=90, ha="right", va="center", fontsize=8, color="#555555")  # fmt: skip
        axes.set_xticks(size.sizes)
        axes.set_xlabel(f"{size.name} in the test episodes")
    axes.set_ylabel(f"{name} of an episode, mean" if name == "wrong bits" else name)
    axes.set_title(env_id)
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(figure_png(figure, dpi=120))
