"""The report: one HTML page that stands alone, and the figures behind it as CSV and JSON."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...files import as_csv, write_json, write_text
from ...viz import pages
from ...viz.pages import NONE, image_tag, number, table
from ...viz.palette import OKABE_ITO_LINES
from ...viz.plots import figure_png, subplots
from ..origin import Origin, about
from .figures import AttackRow, Figures, LookRow, ShiftRow, WorldFigures

FULL = 0.99  # of a map's pixels that are below full red


def write_pages(folder: Path, figures: Figures) -> None:
    """Write report.html, report.json, one CSV a table and the pictures of where the arms look to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "report.html", page(figures))
    for place, world in enumerate(figures["worlds"], 1):
        if world["pictures"]:
            (folder / f"looks-{place}.png").write_bytes(world["pictures"])
    worlds: list[dict[str, object]] = [{k: v for k, v in one.items() if k != "pictures"} for one in figures["worlds"]]
    plain = {"made": figures["made"], "how": figures["how"], "left_out": figures["left_out"], "worlds": worlds}
    write_json(folder / "report.json", plain)
    for name in ("summary", "runs", "curves", "cost", "robustness", "attack", "looking", "estimators"):
        rows: list[Mapping[str, object]] = []
        for world in figures["worlds"]:
            rows += [{"world": world["world"], **row} for row in world[name]]
        write_text(folder / f"{name}.csv", as_csv(rows))


def page(figures: Figures) -> str:
    """The whole page."""
    parts = ["<h1>Hard against soft attention</h1>", f"<p>{html.escape(figures['how'])}</p>"]
    for world in figures["worlds"]:
        parts += _world(world)
    origins: list[tuple[str, Origin]] = [
        (f"{row['arm']}, {world['world']}", row) for world in figures["worlds"] for row in world["runs"]
    ]
    parts.append(about(figures["made"], origins))
    if figures["left_out"]:
        rows = [[path, reason] for path, reason in figures["left_out"]]
        parts += ["<h2>Left out</h2>", "<p>These runs can't be compared and are in no figure above.</p>"]
        parts.append(table(["run", "reason"], rows))
    return pages.page("Hard against soft attention", "".join(parts))


def _world(world: WorldFigures) -> list[str]:
    heading = f"<h2>{html.escape(world['world'])}</h2>"
    return [heading, *_accuracy(world), *_decisions(world), *_attention(world), *_robust(world), *_gradients(world)]


def _accuracy(world: WorldFigures) -> list[str]:
    head = ["arm", "seeds", "test score", "95 % interval", "IQM", "equal time", "equal samples", "CPU minutes"]
    rows = [
        [r["arm"], str(r["seeds"]), _share(r["score"]), f"{_share(r['low'])} to {_share(r['high'])}", _share(r["iqm"]),
         _share(r["equal_time"]), _share(r["equal_samples"]), number(r["minutes"], ".1f")]
        for r in world["summary"]
    ]  # fmt: skip
    minutes, episodes = number(world["equal"]["minutes"], ".2f"), number(world["equal"]["episodes"], ",.0f")
    return [
        "<h3>Accuracy</h3>",
        table(head, rows, "a run was not evaluated before that much time or that many episodes"),
        f"<p><small>Equal time: best validation score within {minutes} minutes of processor time "
        f"(and 15 % more), which every run had. Equal samples: within {episodes} episodes; the learning "
        "rate falls to the end of each run's own budget, so an arm with a longer one is seen there before its rate "
        "has fallen. The interval is a bootstrap over seeds and, within each, its test images. With fewer than four "
        "seeds the interquartile mean (IQM) is the mean. A pass backwards counts as two forwards.</small></p>",
        image_tag(draw_curves(world), "learning curves"),
    ]


def _decisions(world: WorldFigures) -> list[str]:
    rows = [
        [c["arm"], str(c["side"]), f"{number(c['multiply_adds'] / 1e6, '.2f')} M", number(c["milliseconds"], ".2f"),
         number(c["bytes"], ","), number(c["pixels"], ",")]
        for c in world["cost"]
    ]  # fmt: skip
    return [
        "<h3>What a decision costs</h3>",
        image_tag(draw_cost(world), "cost against the side of the picture"),
        table(["arm", "side", "multiply–adds", "ms", "bytes read", "pixels seen"], rows),
        "<p><small>One picture, one thread, the agent alone: the world's making, pooling and cropping of the picture "
        "is not in it. Matrix products, convolutions and recurrent layers are counted.</small></p>",
    ]


def _attention(world: WorldFigures) -> list[str]:
    rows = [[r["arm"], r["method"], number(r["pointing"]), number(r["auc"])] for r in world["looking"]]
    return [
        "<h3>Where they look</h3>",
        *([image_tag(world["pictures"], "glimpse paths and soft maps")] if world["pictures"] else []),
        table(["arm", "method", "pointing", "ROC area"], rows, "nothing in these images is relevant, or all of it is"),
        "<p><small>Against the ground truth of what is relevant, as in the scores of saliency: pointing is how often "
        "the greatest pixel is relevant, the ROC area the chance that a relevant pixel has more than another. "
        "Attention is the mean over all glimpses; the Jacobian is of the final answer.</small></p>",
    ]


def _robust(world: WorldFigures) -> list[str]:
    return [
        "<h3>Beyond training</h3>",
        _pivot(_shifted(world["robustness"])),
        "<h3>Against an adversary</h3>",
        _pivot(_attacked(world["attack"])),
        f"<p>{html.escape(world['verdict'])}</p>",
        f"<p><small>{html.escape(world['attack_how'])}</small></p>",
    ]


def _gradients(world: WorldFigures) -> list[str]:
    rows = [
        [r["estimator"], str(r["samples"]), *(number(x) for x in (r["bias"], r["noise"], r["variance"], r["cosine"]))]
        for r in world["estimators"]
    ]
    return [
        "<h3>Gradients of hard attention</h3>",
        table(
            ["estimator", "samples", "bias", "noise expected without bias", "variance", "cosine"],
            rows,
            "the exact gradient is zero here, so nothing is a share of it",
        ),
        "<p><small>Of the choice among nine tiles of this world's images, as shares of the exact gradient's size "
        "(found by enumeration). An unbiased estimator's bias is about the noise that its samples leave.</small></p>",
    ]


class _Cell(NamedTuple):
    """A score, None where the arm can't play, in the line of its arm and the column of what was changed how far."""

    arm: str
    change: str
    value: float
    score: float | None


def _shifted(rows: Sequence[ShiftRow]) -> list[_Cell]:
    return [_Cell(row["arm"], row["change"], row["value"], row["score"]) for row in rows]


def _attacked(rows: Sequence[AttackRow]) -> list[_Cell]:
    return [_Cell(row["arm"], "ε", row["epsilon"], row["score"]) for row in rows]


def _pivot(cells: Sequence[_Cell]) -> str:
    """One line an arm, one column a value."""
    if not cells:
        return "<p>This world has nothing of the kind.</p>"
    columns = list(dict.fromkeys((cell.change, cell.value) for cell in cells))
    lines = []
    for arm in dict.fromkeys(cell.arm for cell in cells):
        own = {(cell.change, cell.value): cell.score for cell in cells if cell.arm == arm}
        scores = [own.get(column) for column in columns]
        shown = [
            "" if column not in own else "can't" if score is None else _share(score)
            for column, score in zip(columns, scores, strict=True)
        ]
        lines.append([arm, *shown])
    return table(["arm", *(f"{change} {value:g}" for change, value in columns)], lines)


def _share(value: float) -> str:
    return NONE if np.isnan(value) else f"{100 * value:.1f} %"


def draw_curves(world: WorldFigures) -> bytes:
    """Validation score against episodes, processor time and multiply–adds, the mean over seeds and their range."""
    from matplotlib.ticker import NullFormatter

    figure, ((*axes,),) = subplots(1, 3, (13, 4), share="y")
    kinds = (("episodes", "training episodes"), ("minutes", "minutes of processor time"), ("macs", "multiply–adds"))
    arms = list(dict.fromkeys(row["arm"] for row in world["curves"]))
    for axis, (key, label) in zip(axes, kinds, strict=True):
        for colour, arm in zip(OKABE_ITO_LINES * 9, arms, strict=False):
            runs: dict[int, list[tuple[float, float]]] = {}
            for row in world["curves"]:
                if row["arm"] == arm:
                    runs.setdefault(row["seed"], []).append((row[key], row["score"]))
            end = min(max(x for x, _ in curve) for curve in runs.values())
            begin = max(min(x for x, _ in curve) for curve in runs.values())
            if not 0 < begin < end:
                continue
            grid = np.geomspace(begin, end, 60)
            lines = np.array([np.interp(grid, *np.array(curve).T) for curve in runs.values()])
            axis.plot(grid, lines.mean(0), color=colour, label=f"{arm} ({len(lines)})", linewidth=1.8)
            axis.fill_between(grid, lines.min(0), lines.max(0), color=colour, alpha=0.18, linewidth=0)
        axis.set_xscale("log")
        axis.xaxis.set_minor_formatter(NullFormatter())  # where the axis spans one decade they would overlap
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("score on the validation split")
    if axes[0].get_lines():
        axes[0].legend(fontsize=8, title="arm (seeds)")
    return figure_png(figure)


def draw_cost(world: WorldFigures) -> bytes:
    """Multiply–adds of a decision against the side of the picture."""
    figure, ((axis,),) = subplots(1, 1, (7, 4))
    for colour, arm in zip(OKABE_ITO_LINES * 9, dict.fromkeys(c["arm"] for c in world["cost"]), strict=False):
        points = [(c["side"], c["multiply_adds"]) for c in world["cost"] if c["arm"] == arm]
        axis.plot(*zip(*points, strict=True), marker="o", color=colour, label=arm)
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    sides = sorted({c["side"] for c in world["cost"]})
    axis.set_xticks(sides, [str(side) for side in sides])
    axis.set_xlabel("side of the picture in pixels")
    axis.set_ylabel("multiply–adds of a decision")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return figure_png(figure)


class Shown(NamedTuple):
    """What is drawn of an arm.

    Attributes:
        method: what its maps are: "attention" or "jacobian".
        maps: float, (N, H, W), none below zero.
        path: the places of its glimpses, (T, N, 2), or None.
        answers: (N,).
    """

    method: str
    maps: np.ndarray
    path: np.ndarray | None
    answers: np.ndarray


def draw_looks(
    images: np.ndarray,
    relevant: np.ndarray,
    arms: Mapping[str, Shown],
    labels: np.ndarray,
    looking: Sequence[LookRow] = (),
) -> bytes:
    """One column an image, one line an arm: its attention in red, the path of its glimpses, and how true both are.

    Args:
        images: float, (N, H, W) in [0, 1].
        relevant: bool, (N, H, W).
        arms: what is drawn of each.
        labels: (N,).
        looking: how the maps of each score against what is relevant.
    """
    lines = len(arms) + 1
    figure, axes = subplots(lines, len(images), (1.65 * len(images) + 1.2, 1.85 * lines + 0.7), layout="constrained")
    height, width = images.shape[1:]
    for column, image in enumerate(images):
        axes[0][column].imshow(_red(image, relevant[column].astype(float)), interpolation="nearest")
        axes[0][column].set_title(f"truth {labels[column]}", fontsize=10)
        for line, shown in enumerate(arms.values(), 1):
            axis = axes[line][column]
            one = shown.maps[column]
            # single pixels, as at an edge at which all beyond it is read, don't set the scale
            top = float(np.quantile(one, FULL)) or float(one.max())
            axis.imshow(_red(image, one / max(top, 1e-12)), interpolation="nearest")
            if shown.path is not None:
                x, y = ((shown.path[:, column] + 1) / 2 * (width, height) - 0.5).T
                axis.plot(x, y, color="#ffd640", linewidth=1.2, marker="o", markersize=3)
                axis.plot(x[:1], y[:1], color="#56b4e9", marker="s", markersize=5)
            wrong = shown.answers[column] != labels[column]
            axis.set_title(
                f"says {shown.answers[column]}{', wrong' if wrong else ''}",
                fontsize=10,
                weight="bold" if wrong else "normal",
            )
    names = {arm: f"{arm}\n{_how_true(arm, shown.method, looking)}" for arm, shown in arms.items()}
    for line, name in enumerate(["the truth: what\nis relevant", *names.values()]):
        axes[line][0].set_ylabel(name, fontsize=9)
        for axis in axes[line]:
            axis.set_xticks([])
            axis.set_yticks([])
            axis.set_xlim(-0.5, width - 0.5)
            axis.set_ylim(height - 0.5, -0.5)
    blind = next((row["pointing"] for row in looking if row["method"] == "random"), None)
    chance = "" if blind is None else f" (chance: {_share(blind)})"
    figure.suptitle(
        "Red: what each model attends to; of one without attention, what its answer depends on (Jacobian).\n"
        f"Full red: the picture's own top {100 * (1 - FULL):.0f} % of pixels. "
        "Yellow: where the middles of its glimpses went; blue square: the first.\n"
        f"Points right: how often the reddest pixel is relevant{chance}; ROC area: 0.5 is chance, 1 perfect.",
        fontsize=10,
    )
    return figure_png(figure)


def _how_true(arm: str, method: str, looking: Sequence[LookRow]) -> str:
    """How an arm's maps by a method score, in two lines."""
    row = next((row for row in looking if row["arm"] == arm and row["method"] == method), None)
    return "" if row is None else f"points right {_share(row['pointing'])}\nROC area {number(row['auc'], '.2f')}"


def _red(image: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """A grey picture under a red map, (H, W, 3)."""
    grey = np.repeat(image[..., None], 3, -1) * 0.75
    strength = np.clip(strength, 0, 1)[..., None]
    return grey * (1 - 0.75 * strength) + np.array([1.0, 0.15, 0.1]) * 0.75 * strength
