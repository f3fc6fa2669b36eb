"""How the agents of docs/results.md learned: each run's validation scores by processor minutes, docs/learning.png.

python benchmarks/learning.py --runs runs/benchmarks   take the curves of finished runs into benchmarks/learning.json
                                                       (after benchmarks/results.py, which says whose figures count)
python benchmarks/learning.py --draw                   only draw what is there
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from run_jobs import benchmarks
from run_jobs import kept as figures_kept

from foveate.analysis.comparison.gather import Point, curve_of
from foveate.viz.palette import OKABE_ITO_LINES
from foveate.viz.plots import figure_png, subplots

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOT = Path(__file__).resolve().parent.parent
KEPT, PICTURE = ROOT / "benchmarks" / "learning.json", ROOT / "docs" / "learning.png"
POINTS = 40  # of a curve: enough for a panel as small as these
COLUMNS = 3  # panels beside each other
ENOUGH = 3  # curves that make a panel


class Curve(TypedDict):
    """How one run learned.

    Attributes:
        table: of docs/results.md.
        label: of its row.
        figure: what the score is.
        seed: of the run.
        minutes: of processor time, at each validation.
        scores: there.
    """

    table: str
    label: str
    figure: str
    seed: int
    minutes: list[float]
    scores: list[float]


def thinned(points: Sequence[Point]) -> Sequence[Point]:
    """At most `POINTS` of a curve's points, evenly taken, its first and last among them."""
    if len(points) <= POINTS:
        return points
    return [points[i] for i in np.linspace(0, len(points) - 1, POINTS).round().astype(int)]


def curves(runs: Path) -> dict[str, Curve]:
    """The curves of finished runs of today's plan, by their names.

    Args:
        runs: folder of the plan's runs.
    """
    found = {}
    for entry in benchmarks(runs).entries():
        result = entry.home / "result.json"
        if entry.job is None or not result.exists():
            continue
        run = json.loads(result.read_text(encoding="utf-8"))
        if run["command"] != entry.job["command"]:
            continue  # of an earlier preset
        points = thinned(curve_of(entry.home / run["run"]))
        found[entry.home.name] = Curve(
            table=run["table"],
            label=run["label"],
            figure=run.get("score_name") or "score",
            seed=run["seed"],
            minutes=[round(point.seconds / 60, 2) for point in points],
            scores=[round(point.score, 4) for point in points],
        )
    return found


def of_today(kept: Mapping[str, Curve]) -> dict[str, list[Curve]]:
    """Curves that make a panel, by table, as the plan has them in order: of runs whose figures count today."""
    tables: dict[str, list[Curve]] = {}
    counts = figures_kept()
    for entry in benchmarks().entries():
        if entry.job is not None and entry.home.name in kept and counts(entry):
            tables.setdefault(str(entry.job["table"]), []).append(kept[entry.home.name])
    return {name: here for name, here in tables.items() if len(here) >= ENOUGH}


def draw(kept: Mapping[str, Curve]) -> bytes:
    """One panel a table: a line a run, a colour a row."""
    tables = of_today(kept)
    rows = -(-len(tables) // COLUMNS)
    figure, axes = subplots(rows, COLUMNS, (5.2 * COLUMNS, 3.3 * rows))
    for panel, (name, here) in zip(axes.flat, tables.items(), strict=False):
        _panel(panel, name, here)
    for panel in axes.flat[len(tables) :]:
        panel.set_axis_off()
    return figure_png(figure, dpi=90)


def _panel(axes: "Axes", name: str, here: Sequence[Curve]) -> None:
    labels = list(dict.fromkeys(curve["label"] for curve in here))
    for curve in here:
        number = labels.index(curve["label"])
        first = curve is next(other for other in here if other["label"] == curve["label"])
        style: dict[str, Any] = {"label": _short(curve["label"]) if first else None, "linewidth": 1.1}
        style |= {"linestyle": "-" if number < len(OKABE_ITO_LINES) else "--"}
        axes.plot(curve["minutes"], curve["scores"], color=OKABE_ITO_LINES[number % len(OKABE_ITO_LINES)], **style)
    axes.set_title(_short(name, 64), fontsize=9)
    axes.set_xlabel("processor minutes", fontsize=8)
    axes.set_ylabel(here[0]["figure"], fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=6, loc="best", framealpha=0.7)


def _short(words: str, most: int = 46) -> str:
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"


def pages(kept: Mapping[str, Curve]) -> list[str]:
    """The part of docs/results.md."""
    return [
        "\n## How they learned (`python benchmarks/learning.py`)\n",
        "A line a training, a colour a row of the table whose name stands above the panel: the score on the validation "
        "split by processor minutes. Where a training has lessons it is the score in the lesson that was due, which "
        "falls where a harder one begins. Runs whose curves were not kept are not here.\n",
        f"![learning curves of {sum(map(len, of_today(kept).values()))} trainings]({PICTURE.name})",
    ]


def main(words: list[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "benchmarks", help="where the run folders are")
    parser.add_argument("--draw", action="store_true", help="only draw the curves that are kept")
    parser.add_argument("--json", type=Path, default=KEPT, help="file of the curves")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    arguments = parser.parse_args(words)
    kept = json.loads(arguments.json.read_text(encoding="utf-8")) if arguments.json.exists() else {}
    if not arguments.draw:
        kept |= curves(arguments.runs)
        lines = [f"{json.dumps(name)}: {json.dumps(curve)}" for name, curve in sorted(kept.items())]
        arguments.json.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    arguments.picture.write_bytes(draw(kept))
    print(f"{arguments.picture}: {len(kept)} curves")
    return 0


if __name__ == "__main__":
    sys.exit(main())
