"""Arcs from each symbol of a text to those that a head of a transformer looks at."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .plots import figure_png, subplots

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAINT = 0.1  # weights below are not drawn
LETTERS = 3.0  # points below the line that arcs stand on
BLUE = "#1f5fa8"
EXPLAINED = (
    "An arc goes from a symbol back to one that it looks at, a dot below it stands for itself; the wider and darker, "
    "the more. · is a space."
)


class Head(NamedTuple):
    """One head over one text.

    Attributes:
        title: above it.
        weights: how much each symbol counted at each, float (T, T).
    """

    title: str
    weights: np.ndarray


def draw_arcs(symbols: Sequence[str], heads: Sequence[Head], first: int = 0, count: int = 60) -> bytes:
    """A PNG with a line of symbols for each head, and arcs above it: the wider and darker, the more it counts.

    Args:
        symbols: what was shown.
        heads: what looks at it.
        first: the first symbol that is drawn; of arcs, those of which both ends are.
        count: how many.
    """
    from matplotlib.patches import Arc

    shown = list(symbols[first : first + count])
    height = 1.9 * max(1, len(heads)) + 0.4
    figure, rows = subplots(max(1, len(heads)), 1, (max(6.0, 0.19 * len(shown)), height), layout="constrained")
    figure.suptitle(
        EXPLAINED if heads else "no head looks at anything more than at the rest", x=0.01, ha="left", fontsize=9
    )
    if not heads:
        rows[0, 0].axis("off")
    for axes, head in zip(rows[:, 0], heads, strict=False):
        weights = head.weights[first : first + count, first : first + count]
        reach = 1
        for now, then in np.argwhere(weights >= FAINT):
            amount = float(weights[now, then])
            if now == then:
                _below(axes, now, "●", LETTERS + 15, color=BLUE, alpha=amount, fontsize=5)
                continue
            reach = max(reach, now - then)
            middle, width = (now + then) / 2, float(now - then)
            axes.add_patch(
                Arc(
                    (middle, 0),
                    width,
                    2 * np.sqrt(width),
                    theta1=0,
                    theta2=180,
                    lw=2.2 * amount,
                    color=BLUE,
                    alpha=amount,
                )
            )
        for place, symbol in enumerate(shown):
            _below(axes, place, {" ": "·", "\n": "¶"}.get(symbol, symbol), LETTERS, family="monospace")
        axes.set_title(head.title, loc="left", fontsize=9)
        axes.set_xlim(-1, len(shown))
        axes.set_ylim(-0.5 * np.sqrt(reach), 1.1 * np.sqrt(reach))
        axes.axis("off")
    return figure_png(figure)


def _below(axes: "Axes", place: int, letter: str, points: float, **style: object) -> None:
    """Write a letter so many points below the line that arcs stand on."""
    at, away = (place, 0), (0, -points)
    axes.annotate(letter, at, away, textcoords="offset points", ha="center", va="top", annotation_clip=False, **style)  # pyright: ignore[reportArgumentType]
