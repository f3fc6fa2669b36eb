"""One page: how a differentiable neural computer reads a graph, in five panels."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .graph_map import ORANGE, GraphMap, draw_map
from .palette import DIM, INK, RIGHT, WRONG, hexadecimal
from .plots import figure_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BEFORE = 8  # moments of the description that are shown of what is read
MOST_ROWS = 110  # of memory that are shown
USED = 0.1  # of a weight
MODES = ("backward", "content", "forward")
GAP = "\N{MIDDLE DOT}"
LABELS = ("from", "edge", "to")
GREY = hexadecimal(DIM)
PHASE = {"color": "#444444", "lw": 0.8, "ls": (0, (3, 2))}


class GraphPage(NamedTuple):
    """An episode of D moments of description, Q of the question and A of the answer (T in all), and R read heads.

    Attributes:
        written: the weight with which each row is written, float (T, N).
        read: the weight with which each head reads it, float (T, R, N).
        modes: backward, content and forward of each head, float (T, R, 3).
        described: D.
        asked: Q.
        right: how many answers are right.
        due_rows: the row of the edge that is due at each answer, int (A,).
        head: the head whose keys and readings are told in digits, from 0.
        shown: the digits that are asked, and that are due, int (Q + A, 9); -1 is a gap.
        wanted: what the head's keys look for, the same.
        told: what is told from what it reads, the same.
        map: the graph.
    """

    written: np.ndarray
    read: np.ndarray
    modes: np.ndarray
    described: int
    asked: int
    right: int
    due_rows: np.ndarray
    head: int
    shown: np.ndarray
    wanted: np.ndarray
    told: np.ndarray
    map: GraphMap


def draw_graph_page(page: GraphPage, where: str) -> bytes:
    """A PNG of five panels that says by itself what they are.

    Args:
        page: what is drawn.
        where: the environment.
    """
    from matplotlib.figure import Figure

    heads, answers = page.read.shape[1], len(page.due_rows)
    figure: Any = Figure(figsize=(8.2 + 2.1 * heads, 12.6), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[1, 1.08])
    figure.suptitle(
        f"How a differentiable neural computer reads a graph: an episode of {where}\n"
        f"First {page.described} edges are described, one a moment, each as three labels of three digits: from, edge, "
        f"to. The question then gives the first node and\nthe labels of {page.asked} edges, one after the other. At "
        f"the answer nothing is shown, and the {answers} edges of this path are due, one a moment, with all labels.\n"
        f"{page.right} of these {answers} answers are right.",
        x=0.01, ha="left", fontsize=10.5,
    )  # fmt: skip
    _draw_weightings(top, page)
    left, right = bottom.subfigures(1, 2, width_ratios=[1.25, 1])
    axes = left.subplots()
    draw_map(axes, page.map)
    _title(
        axes, "3  The way through the graph",
        "Nodes are as far apart as the shortest ways between them are long, as well as a plane can show it\n"
        "(classical scaling). Orange: the path that is asked for. Blue, with the number of the answer: the edge in "
        f"whose row\nhead {page.head + 1} reads most.",
    )  # fmt: skip
    _draw_digits(right, page)
    return figure_png(figure)


def _title(axes: "Axes", title: str, words: str) -> None:
    """What a panel is, and below it how to read it."""
    axes.set_title(words, loc="left", fontsize=8, color="#333333")
    axes.annotate(
        title, (0, 1), (0, 6 + 11 * (1 + words.count("\n"))), xycoords="axes fraction", textcoords="offset points",
        fontsize=10.5, fontweight="bold", va="bottom", annotation_clip=False,
    )  # fmt: skip


def _rows(page: GraphPage) -> np.ndarray:
    """The rows that are shown: those that are used or due, in the order in which they are written, int (n,)."""
    told = page.described + page.asked
    first = np.where(page.written[:told].max(0) > USED, page.written[:told].argmax(0), told)
    later = page.read[page.described :].max((0, 1))
    due = np.isin(np.arange(len(first)), page.due_rows)
    used = np.flatnonzero((first < told) | (later > USED) | due)
    if len(used) > MOST_ROWS:  # those that are due, that are read, and the last ones
        wanted = 10.0 * due[used] + later[used] + 1e-3 * first[used] / told
        used = used[np.argsort(-wanted, kind="stable")[:MOST_ROWS]]
    return used[np.argsort(first[used], kind="stable")]


def _draw_weightings(figure: Any, page: GraphPage) -> None:
    """Where is written, where each head reads, and how it finds that."""
    heads, rows = page.read.shape[1], _rows(page)
    start = max(0, page.described - BEFORE)
    grid = figure.subplots(2, 1 + heads, width_ratios=[1.9, *[1] * heads], height_ratios=[7, 1], squeeze=False)
    first = grid[0, 0]
    _strip(first, _root(page.written[:, rows]), "Greens")
    _phases(first, page, 0)
    first.set_ylabel(f"{len(rows)} of {page.written.shape[1]} rows of memory, the first written on top", fontsize=8)
    _title(
        first, "1  Where it writes and reads",
        "Green: how much each row is written, moment by moment (colours grow\n"
        "with the root). Blue, on the right: how much each head reads it.",
    )  # fmt: skip
    for head in range(heads):
        above, below = grid[0, 1 + head], grid[1, 1 + head]
        _strip(above, _root(page.read[start:, head][:, rows]), "Blues")
        _strip(below, page.modes[start:, head], "Purples")
        for number, row in enumerate(page.due_rows):
            x, y = page.described + page.asked + number - start, int(np.flatnonzero(rows == row)[0])
            above.plot(x, y, "s", ms=6, mfc="none", mec=ORANGE, mew=1.2)
        _phases(above, page, start)
        _phases(below, page, start, False)
        below.set_yticks(range(3), MODES if head == 0 else [""] * 3, fontsize=8)
        _title(above, f"head {head + 1}", "\nOrange: the row of the edge that is due." if head == 0 else "\n")
        share = page.modes[page.described + page.asked :, head].mean(0)
        below.set_xlabel(f"at answers {MODES[int(share.argmax())]}: {share.max():.0%}", fontsize=8)
    note = grid[1, 0]
    note.axis("off")
    note.text(1, 1.0, "2  How it finds what it reads", fontsize=10.5, fontweight="bold", ha="right", va="top")
    note.text(
        1, 0.68, "backward and forward: what was written before and after what was read last;\n"
        "content: what is most like a key. Violet: how much each way counts.",
        fontsize=8, color="#333333", ha="right", va="top",
    )  # fmt: skip


def _root(weights: np.ndarray) -> np.ndarray:
    """Of weights, which may be below zero by a rounding."""
    return np.sqrt(weights.clip(min=0))


def _strip(axes: "Axes", amounts: np.ndarray, colours: str) -> None:
    """Amounts in [0, 1] over time, (T, rows)."""
    axes.imshow(amounts.T, aspect="auto", cmap=colours, vmin=0, vmax=1, interpolation="nearest")


def _phases(axes: "Axes", page: GraphPage, start: int, named: bool = True) -> None:
    """Lines between description, question and answer, and what these are called."""
    end = len(page.read) - start
    marks = [0, page.described - start, page.described + page.asked - start, end]
    for mark in marks[1:3]:
        axes.axvline(mark - 0.5, **PHASE)
    axes.set_yticks([])
    axes.set_xticks([])
    if named:
        below = {"fontsize": 7.5, "va": "top", "transform": axes.get_xaxis_transform()}
        axes.text((marks[0] + marks[1]) / 2 - 0.5, -0.012, "description", ha="center", **below)
        axes.text(marks[2] - 0.5, -0.012, "question ", ha="right", **below)
        axes.text(marks[2] - 0.5, -0.012, " answer", ha="left", **below)


def _draw_digits(figure: Any, page: GraphPage) -> None:
    """What is asked and due, what a key looks for, and what is at the place that is read, in digits."""
    axes = figure.subplots()
    axes.axis("off")
    columns = (("asked, then due", page.shown), ("4  looked for", page.wanted), ("5  read", page.told))
    moments = len(page.shown)
    axes.set_xlim(-2.2, 38.5)
    axes.set_ylim(max(moments, 16) + 0.8, -2.4)
    size = 9 if moments <= 24 else 7.5
    mono: dict[str, Any] = {"family": "monospace", "fontsize": size, "ha": "center", "va": "center"}
    for column, (title, digits) in enumerate(columns):
        left = 13 * column
        axes.text(left, -1.9, title, fontsize=9.5, fontweight="bold", va="center")
        for label, name in enumerate(LABELS):
            axes.text(left + 4 * label + 1, -0.9, name, fontsize=8, color=GREY, ha="center", va="center")
        for (row, place), digit in np.ndenumerate(digits):
            x, y = left + place + place // 3, row + (0.6 if row >= page.asked else 0)
            if digit < 0:
                axes.text(x, y, GAP, color=GREY, **mono)
                continue
            judged = column > 0 and row >= page.asked
            colour = (RIGHT if digit == page.shown[row, place] else WRONG) if judged else INK
            axes.text(x, y, str(digit), color=hexadecimal(colour), **mono)
    axes.axhline(page.asked - 0.2, **PHASE)
    for begin, count, name in ((0, page.asked, "question"), (page.asked, moments - page.asked, "answer")):
        y = begin + count / 2 - 0.5 + (0.6 if begin else 0)
        axes.text(-1.6, y, name, fontsize=8, color=GREY, rotation=90, ha="center", va="center")
    _title(
        axes, f"4 and 5  What head {page.head + 1} looks for, and what it reads, moment by moment",
        "4: the digits that rows have which its key finds. 5: the digits in the vector that it reads. Both are told\n"
        "by linear fits to the memory of other episodes. Green is as it is due, red isn't;\n"
        f"{GAP} is a gap: no digit stands out.",
    )  # fmt: skip
