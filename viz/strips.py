"""The strips of a sequential Jacobian below each other: what was read, and what one symbol of it owes to when."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .plots import figure_picture, subplots

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = "YlOrRd"  # of a point by how much is owed to it; what owes nothing is still seen on white
BODY, LATE, BLANK = "#0072b2", "#d55e00", "#999999"
HEIGHTS = (2.6, 1.4, 1.4, 1.5)  # of the strips


class Ink(NamedTuple):
    """What a pen wrote.

    Attributes:
        points: float, (S, 2), y going up.
        lifts: after which points the pen goes up, bool (S,).
        late: which belong to a dot or a bar, bool (S,).
    """

    points: np.ndarray
    lifts: np.ndarray
    late: np.ndarray

    def strokes(self) -> list[np.ndarray]:
        """The points of each stroke, by number, in the order in which they were written."""
        return [part for part in np.split(np.arange(len(self.points)), np.flatnonzero(self.lifts) + 1) if len(part)]


class Strips(NamedTuple):
    """What the strips show, of a source of S items and T steps that say something about them.

    Attributes:
        amounts: how much the chosen symbol owes to each item, float (S,).
        outputs: the probability of each symbol at each step, float (T, n), of which 0 is the blank.
        shrink: items that a step is about.
        names: of the symbols.
        read: the symbols that were read, and the step that says each best.
        due: the symbols that should be read, by name.
        chosen: which of those that were read is looked into.
        gold: which items each symbol that is due is about, bool (due, S).
        ink: what a pen wrote, where one did.
        strip: else the items as columns of numbers, float (bands, S), the highest band first.
    """

    amounts: np.ndarray
    outputs: np.ndarray
    shrink: int
    names: Sequence[str]
    read: Sequence[tuple[int, int]]
    due: Sequence[str]
    chosen: int
    gold: np.ndarray
    ink: Ink | None = None
    strip: np.ndarray | None = None

    @property
    def letter(self) -> str:
        """The symbol that is looked into."""
        return self.names[self.read[self.chosen][0]]

    @property
    def own(self) -> np.ndarray:
        """Which items it is about, bool (S,); none where another symbol is due there."""
        right = self.chosen < len(self.due) and self.due[self.chosen] == self.letter
        return self.gold[self.chosen] if right else np.zeros(self.gold.shape[1], bool)

    @property
    def bands(self) -> list[tuple[str, str, np.ndarray]]:
        """Name, colour and items, bool (S,), of what it consists of."""
        if self.ink is None:
            return [("where it is", BODY, self.own)]
        late = self.own & self.ink.late
        return [("its body", BODY, self.own & ~late), ("its bar" if self.letter == "t" else "its dot", LATE, late)]


def draw_strips(strips: Strips) -> np.ndarray:
    """The picture, uint8 (H, W, 3): the source, what is owed over time, the outputs, and the strokes in their order."""
    rows = 3 if strips.ink is None else 4
    figure, axes = subplots(rows, 1, (11, sum(HEIGHTS[:rows]) + 0.6), layout="constrained")
    grid = figure.axes[0].get_gridspec()
    assert grid is not None
    grid.set_height_ratios(HEIGHTS[:rows])
    every: list[Axes] = list(axes[:, 0])
    for below in every[1:]:
        below.set_xlim(0, len(strips.amounts))
        below.spines[["top", "right"]].set_visible(False)
        _own(below, strips)
    said, due = ("".join(words) for words in ([strips.names[symbol] for symbol, _ in strips.read], strips.due))
    figure.suptitle(f'read: "{said}"   written: "{due}"   What does the reading of its "{strips.letter}" depend on?')
    if strips.ink is None:
        _strip(every[0], strips)
    else:
        _paper(every[0], strips, strips.ink)
        _order(every[3], strips, strips.ink)
    _curve(every[1], strips)
    _outputs(every[2], strips)
    for between in every[1:-1]:
        between.tick_params(labelbottom=False)
    every[-1].set_xlabel(
        "time: the points of the pen, one after the other" if strips.ink else "time: items of the source"
    )
    return figure_picture(figure)


def _runs(which: np.ndarray) -> list[tuple[int, int]]:
    """Where a mask is True, as (first, one behind the last)."""
    edges = np.diff(np.pad(which.astype(np.int8), 1))
    return list(zip(np.flatnonzero(edges > 0).tolist(), np.flatnonzero(edges < 0).tolist(), strict=True))


def _own(axes: "Axes", strips: Strips) -> None:
    """Bands behind the items that the symbol is about, and the moment at which it is said."""
    for _, colour, which in strips.bands:
        for first, end in _runs(which):
            axes.axvspan(first, end, color=colour, alpha=0.15, linewidth=0)
    axes.axvline(float(_middle(strips, strips.read[strips.chosen][1])), color="black", linestyle=":", linewidth=1)


def _middle(strips: Strips, step: int | np.ndarray) -> float | np.ndarray:
    """Where a step is on the axis of items."""
    return np.minimum((step + 0.5) * strips.shrink, len(strips.amounts))


def _paper(axes: "Axes", strips: Strips, ink: Ink) -> None:
    """The ink, each point coloured by what is owed to it, and the number of each stroke where it begins."""
    axes.set_title(
        f'the ink, its strokes numbered: the redder a point, the more the reading of "{strips.letter}" depends on it',
        fontsize=10,
    )
    for number, stroke in enumerate(ink.strokes(), 1):
        axes.plot(*ink.points[stroke].T, color="#cccccc", linewidth=1, zorder=1)
        x, y = ink.points[stroke[0]]
        axes.annotate(str(number), (x, y), (-5, 5), textcoords="offset points", fontsize=8, color=BODY)
    drawn = axes.scatter(
        *ink.points.T, c=strips.amounts, cmap=COLOURS, s=22, zorder=2, edgecolors="#bbbbbb", linewidths=0.3
    )
    name, colour, late = strips.bands[-1]
    if late.any():
        x, y = ink.points[late].mean(0)
        axes.annotate(
            name.replace("its", "the"), (x, y), (0, 16), textcoords="offset points", ha="center",
            color=colour, fontsize=9,
        )  # fmt: skip
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.03, 0.25)
    axes.axis("off")
    axes.figure.colorbar(drawn, ax=axes, label="|d log p / d point|", shrink=0.8, pad=0.01)


def _strip(axes: "Axes", strips: Strips) -> None:
    """The source as columns of numbers."""
    assert strips.strip is not None
    axes.set_title("the source, its highest band above", fontsize=10)
    axes.imshow(strips.strip, aspect="auto", cmap="inferno", extent=(0, len(strips.amounts), 0, 1))
    axes.tick_params(labelbottom=False, left=False, labelleft=False)


def _curve(axes: "Axes", strips: Strips) -> None:
    """What is owed over time."""
    axes.set_title(
        f'how much log p("{strips.letter}"), where the network emits it (dotted line), changes with each point',
        fontsize=10,
    )
    axes.fill_between(np.arange(len(strips.amounts)) + 0.5, strips.amounts, color="#444444", alpha=0.35, linewidth=0)
    axes.plot(np.arange(len(strips.amounts)) + 0.5, strips.amounts, color="#444444", linewidth=1)
    axes.set_ylim(0, 1.25 * max(1e-12, float(strips.amounts.max())))
    axes.set_ylabel("|J|")
    for name, colour, which in strips.bands:
        for first, end in _runs(which)[:1]:
            axes.text((first + end) / 2, 0.98, name, transform=axes.get_xaxis_transform(), color=colour,
                      ha="center", va="top", fontsize=9)  # fmt: skip


def _outputs(axes: "Axes", strips: Strips) -> None:
    """The probabilities over time of all that was read, each with its name where it is said."""
    axes.set_title(
        "the outputs of the network: the probability of each letter over time (grey: of no letter)", fontsize=10
    )
    at = _middle(strips, np.arange(len(strips.outputs)))
    axes.plot(at, strips.outputs[:, 0], color=BLANK, linewidth=0.8, drawstyle="steps-mid")
    for symbol in sorted({symbol for symbol, _ in strips.read}):
        mine = symbol == strips.read[strips.chosen][0]
        axes.plot(
            at, strips.outputs[:, symbol], color="black" if mine else "#56b4e9", linewidth=1.8 if mine else 1,
            drawstyle="steps-mid",
        )  # fmt: skip
    for place, (symbol, step) in enumerate(strips.read):
        bold = "bold" if place == strips.chosen else "normal"
        axes.text(float(_middle(strips, step)), 1.08, strips.names[symbol], ha="center", fontweight=bold,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})  # fmt: skip
    axes.set_ylim(0, 1.3)
    axes.set_yticks([0, 1])
    axes.set_ylabel("p")


def _order(axes: "Axes", strips: Strips, ink: Ink) -> None:
    """The height of the pen over time, stroke by stroke, each with its number where it begins."""
    axes.set_title(
        "the strokes, numbered, in the order in which they were written: the height of the pen, and whose they are",
        fontsize=10,
    )
    for number, stroke in enumerate(ink.strokes(), 1):
        axes.plot(stroke + 0.5, ink.points[stroke, 1], color="#444444", linewidth=1, marker=".", markersize=3)
        axes.text(stroke[0] + 0.5, 1.0, str(number), transform=axes.get_xaxis_transform(), fontsize=8, va="top",
                  color=BODY)  # fmt: skip
    for name, which in zip(strips.due, strips.gold, strict=True):
        for first, end in _runs(which):
            axes.text((first + end) / 2, 0.02, name, transform=axes.get_xaxis_transform(), va="bottom", ha="center",
                      color="#666666")  # fmt: skip
    axes.set_ylabel("height")
    axes.set_yticks([0, 1])
    axes.margins(y=0.35)
