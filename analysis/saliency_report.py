"""The page behind the table: everything in one file, pictures included."""

from pathlib import Path

from ..files import write_json, write_text
from ..viz import pages
from ..viz.pages import number, table
from ..viz.plots import figure_png, subplots
from ..wrappers.saliency import METHODS
from .origin import Made, Origin, about
from .saliency_benchmark import Row
from .saliency_scores import FRACTIONS
from .saliency_study import COLUMNS, NO_SCORE, Study


def write_report(folder: Path, study: Study, made: Made, origin: Origin) -> None:
    """Write saliency.json, curves.png and saliency.html (which needs neither of them) to a folder.

    Args:
        folder: there.
        study: what is written.
        made: how the page is made.
        origin: where its figures come from.
    """
    write_json(folder / "saliency.json", {**study.plain(), "made": made, "origin": origin})
    picture = draw_curves(study.rows)
    (folder / "curves.png").write_bytes(picture)
    write_text(folder / "saliency.html", page(study, picture, about(made, [(origin["agent"], origin)])))


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


def page(study: Study, curves: bytes, origin: str) -> str:
    """The whole page; it asks for nothing from anywhere.

    Args:
        study: what it shows.
        curves: a picture of them, as a PNG.
        origin: the part that says where the figures come from.
    """
    title = f"Saliency of {study.env_id}"
    scores = [[row.method, row.target, *[number(getattr(row, name)) for name in COLUMNS]] for row in study.rows]
    parts = [
        pages.heading(title),
        f"<p>{study.count} moments of play, seed {study.seed}. "
        "Every method is measured on the same moments; <em>random</em> is the control.</p>",
        table(["method", "target", *COLUMNS], scores, NO_SCORE),
        pages.definitions(COLUMNS),
        pages.definitions({row.method: METHODS[row.method].about for row in study.rows}),
        pages.heading("Deletion and insertion", 2),
        pages.image_tag(curves, "deletion and insertion curves"),
        *_shares(study),
        *_interventions(study),
        origin,
    ]
    return pages.page(title, "".join(parts))


def _shares(study: Study) -> list[str]:
    """How much of each map is on each object, where objects are known."""
    if not study.areas:
        return []
    rows = [[r.method, r.target, *[number(r.shares.get(name)) for name in study.areas]] for r in study.rows]
    rows.append(["(area)", "", *[number(area) for area in study.areas.values()]])
    return [
        pages.heading("Share of the map on each object", 2),
        table(["method", "target", *study.areas], rows, "the object is in no frame, or the map is zero"),
    ]


def _interventions(study: Study) -> list[str]:
    """What changing each object does to each target, where that is known."""
    rows = [
        [target, name, number(e.mean, ".4g"), f"{number(e.low, '.4g')} to {number(e.high, '.4g')}", str(e.moments)]
        for target, effects in study.effects.items()
        for name, e in effects.items()
    ]
    if not rows:
        return []
    return [
        pages.heading("What interventions show", 2),
        pages.paragraph("How far the output moves when something is done to the object (95 % bootstrap interval)."),
        table(["target", "object", "mean change", "interval", "moments"], rows),
    ]
