"""The page behind the table: everything in one file, pictures included."""

import html
import json
from pathlib import Path
from typing import Any

from ..viz import pages
from ..viz.pages import image_tag, table
from ..viz.plots import figure_png, subplots
from ..wrappers.saliency import METHODS
from .saliency_benchmark import Row
from .saliency_scores import FRACTIONS
from .saliency_study import COLUMNS


def write_report(folder: Path, found: dict[str, Any], rows: list[Row]) -> None:
    """Write saliency.json, curves.png and saliency.html (which needs neither of them) to a folder."""
    (folder / "saliency.json").write_text(json.dumps(found, indent=1))
    picture = draw_curves(rows)
    (folder / "curves.png").write_bytes(picture)
    (folder / "saliency.html").write_text(page(found, picture))


def draw_curves(rows: list[Row]) -> bytes:
    """Deletion and insertion of every method, one line of panels a target, as a PNG."""
    targets = list(dict.fromkeys(row.target for row in rows))
    figure, axes = subplots(len(targets), 2, (11, 3.6 * len(targets)), share="x")
    for line, target in enumerate(targets):
        for column, name in enumerate(("deletion", "insertion")):
            axis = axes[line][column]
            for row in rows:
                if row.target == target:
                    style = {"color": "black", "linestyle": ":"} if row.method == "random" else {}
                    axis.plot(FRACTIONS, getattr(row.curves, name), label=row.method, linewidth=1.4, **style)
            doing = "blurred" if name == "deletion" else "shown"
            axis.set_title(f"{target}: {name}", fontsize=10)
            axis.set_xlabel(f"share of the pixels {doing}, the map's greatest first")
            axis.set_ylabel("share of the change" + (" undone" if name == "insertion" else ""))
            axis.set_ylim(-0.02, 1.02)
            axis.grid(alpha=0.3)
        axes[line][0].legend(fontsize=8)
    return figure_png(figure)


def page(found: dict[str, Any], picture: bytes) -> str:
    """The whole page; it asks for nothing from anywhere."""
    title = f"Saliency of {found['env_id']}"
    methods = dict.fromkeys(row["method"] for row in found["rows"])
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{found['moments']} moments of play, seed {found['seed']}. "
        "Every method is measured on the same moments; <em>random</em> is the control.</p>",
        table(["method", "target", *COLUMNS], _score_rows(found, list(COLUMNS))),
        "<ul>" + "".join(f"<li><b>{html.escape(k)}</b>: {html.escape(v)}</li>" for k, v in COLUMNS.items()) + "</ul>",
        "<ul>" + "".join(f"<li><b>{name}</b>: {html.escape(METHODS[name].about)}</li>" for name in methods) + "</ul>",
        "<h2>Deletion and insertion</h2>",
        image_tag(picture, "deletion and insertion curves"),
    ]
    if found["areas"]:
        objects = list(found["areas"])
        shares = [
            [row["method"], row["target"], *[_number(row["shares"].get(name)) for name in objects]]
            for row in found["rows"]
        ]
        shares.append(["(area)", "", *[_number(found["areas"][name]) for name in objects]])
        parts += ["<h2>Share of the map on each object</h2>", table(["method", "target", *objects], shares)]
    moved = {target: effect for target, effect in found["effects"].items() if effect}
    if moved:
        rows = [
            [target, name, f"{e['mean']:.4g}", f"{e['low']:.4g} to {e['high']:.4g}", str(e["moments"])]
            for target, effect in moved.items()
            for name, e in effect.items()
        ]
        parts += [
            "<h2>What interventions show</h2>",
            "<p>How far the output moves when something is done to the object (95 % bootstrap interval).</p>",
            table(["target", "object", "mean change", "interval", "moments"], rows),
        ]
    return pages.page(title, "".join(parts))


def _score_rows(found: dict[str, Any], columns: list[str]) -> list[list[str]]:
    return [[row["method"], row["target"], *[_number(row[name]) for name in columns]] for row in found["rows"]]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
