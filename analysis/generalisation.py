"""How agents do on splits of other sizes: a table, and a picture for several runs together."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from ..agents.learning.evaluation import Episodes, clustered_interval
from ..viz.plots import figure_png, subplots
from .measure import main_figure


def number_or_none(value: float) -> float | None:
    """A number for JSON: NaN, which JSON lacks, is None."""
    return None if math.isnan(value) else float(value)


def sweep_row(episodes: Episodes) -> dict[str, Any]:
    """The figures of one split."""
    score, low, high = clustered_interval(main_figure(episodes), episodes.index)
    return {
        "score": score,
        "interval": [low, high],
        "mean_return": float(episodes.returns.mean()),
        "bits": number_or_none(episodes.bits.mean()),
    }


def print_sweep(results: list[dict[str, Any]]) -> None:
    """One line a run, one column a split."""
    splits = list(results[0]["sweep"])
    name = results[0]["score_name"]
    print(f"\n{name} by split")
    print(f"{'agent':<24}" + "".join(f"{split:>16}" for split in splits))
    for r in results:
        label = f"{r['agent']} (seed {r['seed']})"
        print(f"{label:<24}" + "".join(f"{r['sweep'][split]['score']:>16.3f}" for split in splits))


def _groups(results: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Runs of one agent with the same options together; options that tell agents of one name apart are in the label."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for r in results:
        others = [o["agent_options"] for o in results if o["agent"] == r["agent"]]
        telling = [f"{k}={v}" for k, v in r["agent_options"].items() if any(o.get(k) != v for o in others)]
        groups.setdefault(" ".join([r["agent"], *telling]), []).append(r)
    return groups


def plot_sweep(results: list[dict[str, Any]], path: Path) -> None:
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
