"""The page behind the table: everything in one file, pictures included."""

import base64
import html
import io
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from ..wrappers.saliency import METHODS
from .saliency_benchmark import Row
from .saliency_scores import FRACTIONS

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
.scroll { overflow-x: auto; } img { max-width: 100%; } .best { font-weight: 700; } small { color: #666; }
"""


def write_report(folder: Path, found: dict[str, Any], rows: list[Row]) -> None:
    """Write saliency.json, curves.png and saliency.html (which needs neither of them) to a folder."""
    (folder / "saliency.json").write_text(json.dumps(found, indent=1))
    picture = draw_curves(rows)
    (folder / "curves.png").write_bytes(picture)
    (folder / "saliency.html").write_text(page(found, picture))


def draw_curves(rows: list[Row]) -> bytes:
    """Deletion and insertion of every method, one line of panels a target, as a PNG."""
    targets = list(dict.fromkeys(row.target for row in rows))
    figure, axes = plt.subplots(len(targets), 2, figsize=(11, 3.6 * len(targets)), squeeze=False, sharex=True)
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


def figure_png(figure: Any) -> bytes:
    """A matplotlib figure as a PNG; it is closed."""
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    plt.close(figure)
    return buffer.getvalue()


def image_tag(png: bytes, alt: str) -> str:
    """A picture inside the page itself."""
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def page_of(title: str, body: str) -> str:
    """A whole page around a body; it asks for nothing from anywhere."""
    head = (
        f"<meta charset=utf-8><meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<link rel=icon href='data:,'><title>{html.escape(title)}</title>"
    )
    return f"<!doctype html><html lang=en><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>"


def page(found: dict[str, Any], picture: bytes) -> str:
    """The whole page; it asks for nothing from anywhere."""
    from ..cli.saliency import COLUMNS

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
    return page_of(title, "".join(parts))


def _score_rows(found: dict[str, Any], columns: list[str]) -> list[list[str]]:
    return [[row["method"], row["target"], *[_number(row[name]) for name in columns]] for row in found["rows"]]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table that scrolls by itself where the screen is narrow."""
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table><tr>{top}</tr>{body}</table></div>"
