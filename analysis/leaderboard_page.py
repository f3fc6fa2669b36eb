"""The page of a leaderboard: it stands alone, in bright and in dark, and its figures are beside it as JSON and CSV."""

import contextlib
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import FoveateError
from ..files import as_csv, write_json, write_text
from ..viz import pages
from ..viz.pages import NONE, figure_tag, number, paragraph, table
from ..viz.plots import in_both_lights, subplots
from .leaderboard import DONE, FAILED, GIVEN_UP, Board, Row
from .origin import Origin, about, origin_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIRST = 12  # settings in the table above the figures
COLOURED = 6  # settings in colours of their own
ORIGINS = 3  # settings whose runs are named at the end of the page
WIDTH = 5.6  # of figures, in inches: text that can be read on a phone
COLUMNS, MOST_SLICES = 2, 12  # of the small pictures: in a line, and at most


def write_board(folder: Path, board: Board) -> Path:
    """Write leaderboard.html, .json and .csv; returns the page."""
    page = folder / "leaderboard.html"
    write_json(folder / "leaderboard.json", board)
    flat = [
        {**row["setting"], **{k: v for k, v in row.items() if k not in ("setting", "runs")}} for row in board["rows"]
    ]
    write_text(folder / "leaderboard.csv", as_csv(flat))
    write_text(page, whole_page(board))
    return page


def whole_page(board: Board) -> str:
    """The page as HTML."""
    parts = [pages.heading("Leaderboard"), paragraph(board["title"]), paragraph(_best(board))]
    parts += [_table(board, board["rows"][:FIRST]), *_figures(board)]
    if len(board["rows"]) > FIRST:
        parts += [pages.heading("All settings", 2), _table(board, board["rows"])]
    parts += _origins(board)
    return pages.page("Leaderboard", "".join(parts))


def _best(board: Board) -> str:
    first = next((row for row in board["rows"] if row["rank"] == 1), None)
    begun = len(board["rows"])
    known = f"{sum(row['state'] == DONE for row in board['rows'])} of {board['total']} settings are done"
    given_up = sum(row["state"] == GIVEN_UP for row in board["rows"])
    known += f", {given_up} were given up" * bool(given_up)
    if first is None or not begun:
        return f"{known}."
    words = ", ".join(f"{name} = {shown(value)}" for name, value in first["setting"].items())
    return f"{known}. The best so far: {words}, with {number(first['score'], '.4f')}."


def _table(board: Board, shown_rows: Sequence[Row]) -> str:
    options = list(shown_rows[0]["setting"]) if shown_rows else []
    head = ["rank", "score", "95 % interval", "seeds", *options, "best at step", "CPU minutes", "state"]
    rows = [
        [
            str(row["rank"] or ""),
            number(row["score"], ".4f"),
            NONE if np.isnan(row["low"]) else f"{row['low']:.4f}\u00a0to\u00a0{row['high']:.4f}",  # in one line
            str(row["seeds"]),
            *(shown(row["setting"][name]) for name in options),
            number(row["steps"], ",.0f"),
            number(row["minutes"], ".1f"),
            state_words(row),
        ]
        for row in shown_rows
    ]
    better = "lower" if board["lower"] else "higher"
    note = (
        f"The score is each training's best on the validation split ({better} is better), the mean over seeds; the "
        "interval a bootstrap over seeds. The best of many such scores is a little too good: measure the winner anew, "
        "on the test split, with evaluate.py. What was given up has no rank."
    )
    none = "of one seed there is no interval, and of what was not evaluated no score"
    return table(head, rows, none) + f"<p><small>{html.escape(note)}</small></p>"


def _figures(board: Board) -> list[str]:
    scored = [row for row in board["rows"] if row["seeds"]]
    if not scored:
        return []
    lights = in_both_lights(lambda colours: draw_curves(board, colours))
    parts = [pages.heading("Learning curves", 2), figure_tag(*lights, "score against steps")]
    parts.append(
        f"<p><small>The mean over seeds, and their range; the best {COLOURED} in colours, all others grey. A cross: "
        "given up.</small></p>"
    )
    parts += [pages.heading("What matters", 2), *_importances(board)]
    lights = in_both_lights(lambda colours: draw_slices(scored, colours))
    parts += [pages.heading("Score by option", 2), figure_tag(*lights, "score against each option")]
    return parts


def _importances(board: Board) -> list[str]:
    explained = board["explained"]
    if not board["importances"]:
        why = (
            "too few settings are done, or all score alike"
            if np.isnan(explained)
            else f"a random forest explains only {max(0.0, explained):.0%} of the differences between settings"
        )
        return [paragraph(f"Nothing can be said yet: {why}.")]
    lights = in_both_lights(lambda colours: draw_importances(board, colours))
    note = (
        f"Permutation importance of a random forest, on settings that it was not fitted to: what share of what it "
        f"knows is lost where an option's value is another setting's. It explains {explained:.0%} of the differences."
    )
    return [figure_tag(*lights, "importance of each option"), f"<p><small>{html.escape(note)}</small></p>"]


def _origins(board: Board) -> list[str]:
    origins: list[tuple[str, Origin]] = []
    for row in [row for row in board["rows"] if row["rank"]][:ORIGINS]:
        for run in row["runs"]:
            with contextlib.suppress(FoveateError):  # somebody moved it meanwhile
                origins.append((f"rank {row['rank']}", origin_of(Path(run))))
    return [about(board["made"], origins)]


def shown(value: object) -> str:
    """A value of an option, for people."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return " ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def state_words(row: Row) -> str:
    """What became of a setting."""
    return f"{row['state']}: {row['note']}" if row["state"] == FAILED else f"{row['state']} {row['note']}".strip()


def label(setting: Mapping[str, object]) -> str:
    """A setting in few letters."""
    return ", ".join(f"{name.rpartition('.')[2]} {shown(value)}" for name, value in setting.items())


# ---- figures ----


def draw_curves(board: Board, colours: Sequence[str]) -> "Figure":
    """The score against the steps of every setting."""
    figure, ((axis,),) = subplots(1, 1, (WIDTH, 3.9))
    for place, row in reversed(list(enumerate(board["rows"]))):  # the best on top
        runs: dict[int, list[tuple[float, float]]] = {}
        for point in board["curves"]:
            if point["trial"] == row["trial"]:
                runs.setdefault(point["seed"], []).append((point["steps"], point["score"]))
        if not runs:
            continue
        steps = np.unique([x for curve in runs.values() for x, _ in curve])
        steps = steps[steps <= min(curve[-1][0] for curve in runs.values())]
        steps = steps[steps >= max(curve[0][0] for curve in runs.values())]
        lines = np.array([np.interp(steps, *np.array(curve).T) for curve in runs.values()])
        best = row["rank"] is not None and place < COLOURED
        colour = colours[place % len(colours)] if best else "#8a8f99"
        name = f"{row['rank']}. {label(row['setting'])}"[:60] if best else None
        axis.plot(
            steps, lines.mean(0), color=colour, label=name, linewidth=1.8 if best else 0.8, alpha=1.0 if best else 0.7
        )
        if len(lines) > 1 and best:
            axis.fill_between(steps, lines.min(0), lines.max(0), color=colour, alpha=0.18, linewidth=0)
        if row["state"] == GIVEN_UP and len(steps):
            axis.plot(steps[-1], lines.mean(0)[-1], "x", color=colour, markersize=5)
    axis.set_xlabel("steps")
    axis.set_ylabel("score on the validation split")
    axis.grid(alpha=0.3)
    handles, names = axis.get_legend_handles_labels()
    if names:
        axis.legend(handles[::-1], names[::-1], fontsize=7)
    return figure


def draw_importances(board: Board, colours: Sequence[str]) -> "Figure":
    """A bar for each option."""
    names = [row["option"] for row in board["importances"]][::-1]
    shares = [row["share"] for row in board["importances"]][::-1]
    figure, ((axis,),) = subplots(1, 1, (WIDTH, 1.0 + 0.35 * len(names)))
    bars = axis.barh(names, shares, color=colours[0])
    axis.bar_label(bars, [f"{share:.0%}" for share in shares], padding=3)
    axis.set_xlim(0, 1.1 * max(shares))
    axis.set_xlabel("share")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    return figure


def draw_slices(rows: Sequence[Row], colours: Sequence[str]) -> "Figure":
    """The score of every setting against each option; what was given up hollow."""
    names = list(rows[0]["setting"])[:MOST_SLICES]
    lines, columns = -(-len(names) // COLUMNS), min(COLUMNS, len(names))
    figure, axes = subplots(lines, columns, (WIDTH / COLUMNS * columns, 2.2 * lines + 0.2), share="y")
    for number_, axis in enumerate(axes.flat):
        if number_ >= len(names):
            axis.set_visible(False)
            continue
        values = [row["setting"][names[number_]] for row in rows]
        numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
        words = sorted({shown(value) for value in values})
        places = np.array(values if numbers else [words.index(shown(value)) for value in values], dtype=float)
        scores = np.array([row["score"] for row in rows])
        for state, face in ((True, colours[0]), (False, "none")):
            some = np.array([(row["state"] != GIVEN_UP) == state for row in rows])
            axis.scatter(places[some], scores[some], s=16, facecolors=face, edgecolors=colours[0], linewidths=0.8)
        if not numbers:
            axis.set_xticks(range(len(words)), words)
        elif places.min() > 0 and places.max() / places.min() > 20:
            axis.set_xscale("log")
        axis.set_xlabel(names[number_], fontsize=8)
        axis.tick_params(labelsize=7)
        axis.grid(alpha=0.3)
        if number_ % columns == 0:
            axis.set_ylabel("score", fontsize=8)
    return figure
