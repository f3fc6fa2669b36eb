"""The figures of a trained agent, and how it does on splits of other sizes: a table, and a picture of several runs."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NotRequired, TypedDict, cast

import numpy as np

from ..envs.registry import world_class
from ..envs.scale import means_of
from ..viz.plots import figure_png, subplots
from .bleu import Bleu
from .measure import main_figure

if TYPE_CHECKING:
    from ..agents.learning.evaluation import Episodes


class SplitFigures(TypedDict):
    """The figures of one split, as JSON."""

    score: float
    interval: list[float]
    mean_return: float
    bits: float | None


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


def sweep_row(episodes: "Episodes") -> SplitFigures:
    """The figures of one split."""
    from ..agents.learning.evaluation import clustered_interval

    score, low, high = clustered_interval(main_figure(episodes), episodes.index)
    return {
        "score": score,
        "interval": [low, high],
        "mean_return": float(episodes.returns.mean()),
        "bits": number_or_none(episodes.bits.mean()),
    }


def figures_of(
    run: Mapping[str, object], split: str, episodes: "Episodes", sweep: dict[str, SplitFigures], name: str
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


def plot_sweep(results: Sequence[Figures], path: Path) -> None:
    """Score against split, one colour an agent: the mean over its runs, each run thin beside it."""
    splits = list(results[0]["sweep"])
    figure, ((axes,),) = subplots(1, 1, (7, 4.2), layout="constrained")
    for number, (label, group) in enumerate(_groups(results).items()):
        rows = np.array([[r["sweep"][s]["score"] for s in splits] for r in group])
        colour = f"C{number}"
        seeds = "1 seed" if len(rows) == 1 else f"mean of {len(rows)} seeds"
        axes.plot(splits, rows.mean(0), "o-", color=colour, label=f"{label} ({seeds})")
        if len(rows) > 1:
            axes.plot(splits, rows.T, color=colour, alpha=0.3, linewidth=0.8)
    axes.set_xlabel("split (sizes never seen in training lie to the right)")
    axes.set_ylabel(results[0]["score_name"])
    axes.set_title(results[0]["env_id"])
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(figure_png(figure, dpi=120))
