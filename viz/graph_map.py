"""A graph laid out by the lengths of its shortest paths, with a path through it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .palette import OKABE_ITO_LINES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE = OKABE_ITO_LINES[0], OKABE_ITO_LINES[4]
EDGE, NODE = "#c9ccd1", "#8a8f98"
MANY = 30  # nodes, whose names are small
BADGE = np.array([[0.0, 0.0], [1.5, 0.0], [-1.5, 0.0], [0.0, 1.0], [0.0, -1.0]])  # points of a number, in letters
BEND = 0.16  # of arrows, so that there and back are two


class GraphMap(NamedTuple):
    """A graph of n nodes, and a path of A edges through it.

    Attributes:
        names: of the nodes.
        places: float, (n, 2).
        edges: the nodes that each joins, int (E, 2).
        path: those of the edges of the path, int (A, 2).
        read: those of the edge that is read where each is due, int (A, 2); -1 where it is none.
    """

    names: Sequence[str]
    places: np.ndarray
    edges: np.ndarray
    path: np.ndarray
    read: np.ndarray


def classical_scaling(away: np.ndarray) -> np.ndarray:
    """Points of the plane whose distances come near to given ones (Torgerson 1952), (n, 2).

    The two axes with the greatest variance, each turned so that its point farthest from the middle is on the positive
    side, so that the same distances give the same map.

    Args:
        away: float, (n, n), symmetric.
    """
    n = len(away)
    middle = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-0.5 * middle @ away**2 @ middle)  # of B = -½ J D² J, the least value first
    points = np.zeros((n, 2))
    for axis in range(min(2, n)):
        one = vectors[:, -1 - axis] * np.sqrt(max(0.0, float(values[-1 - axis])))
        points[:, axis] = one * (np.sign(one[np.abs(one).round(9).argmax()]) or 1.0)
    return points


def draw_map(axes: "Axes", shown: GraphMap) -> None:
    """The map: edges grey, the path orange and wide, what is read as blue arrows with their numbers.

    Args:
        axes: that it is drawn on.
        shown: the map.
    """
    places = _apart(shown.places)
    many = len(places) > MANY
    letter = float(np.ptp(places, axis=0).max()) * (0.009 if many else 0.011)
    for a, b in {tuple(sorted(edge)) for edge in shown.edges.tolist()}:
        axes.plot(*places[[a, b]].T, "-", color=EDGE, lw=1, zorder=1)
    for a, b in shown.path.tolist():
        axes.plot(*places[[a, b]].T, "-", color=ORANGE, alpha=0.55, lw=9, solid_capstyle="round", zorder=2)
    on_way = set(shown.read[shown.read[:, 0] >= 0].ravel().tolist())
    numbers: dict[tuple[int, int], list[str]] = {}
    for number, (a, b) in enumerate(shown.read.tolist(), 1):
        if a >= 0:
            numbers.setdefault((a, b), []).append(str(number))
    badges = [_arrow(axes, places[a], places[b], ", ".join(every)) for (a, b), every in numbers.items()]
    # a name may stand on a grey edge rather than on anything else
    crowd = _Crowd([places, _along(places[shown.path]), *(at + letter * BADGE for at in badges)])
    crowd.take(_along(places[shown.edges]), 2.5 * letter)
    for node in sorted(range(len(places)), key=lambda node: node not in on_way):
        (x, y), bold = places[node], node in on_way
        axes.plot(x, y, "o", color=BLUE if bold else NODE, ms=7 if bold else 5, zorder=4)
        across, up = _side(places[node], shown.names[node], letter, crowd)
        axes.annotate(
            shown.names[node], (x, y), (6 * across, 6 * up), textcoords="offset points", zorder=6,
            ha=("right", "center", "left")[across + 1], va=("top", "center", "bottom")[up + 1],
            fontsize=6.5 if many else 8, fontweight="bold" if bold else "normal",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )  # fmt: skip
    axes.set_frame_on(False)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.12)
    axes.set_xticks([])
    axes.set_yticks([])


class _Crowd:
    """Points that are taken, each so far away as it seems and a little more where it matters less."""

    def __init__(self, points: Sequence[np.ndarray]):
        self.points, self.more = np.zeros((0, 2)), np.zeros(0)
        for each in points:
            self.take(each)

    def take(self, points: np.ndarray, more: float = 0.0) -> None:
        """Take points, (m, 2)."""
        self.points = np.concatenate([self.points, points])
        self.more = np.concatenate([self.more, np.full(len(points), more)])

    def room(self, points: np.ndarray) -> float:
        """How far away from points, (m, 2), the nearest one is."""
        return float((np.linalg.norm(points[:, None] - self.points, axis=-1) + self.more).min())


def _along(ways: np.ndarray) -> np.ndarray:
    """Points on lines, (n, 2, 2) from … to: (m, 2)."""
    share = np.linspace(0.1, 0.9, 15)[:, None, None]
    return (share * ways[:, 0] + (1 - share) * ways[:, 1]).reshape(-1, 2)


def _side(place: np.ndarray, name: str, letter: float, crowd: _Crowd) -> tuple[int, int]:
    """Take that of eight sides of a node where its name has the most room: (-1, 0 or 1, -1, 0 or 1).

    Args:
        place: of the node, (2,).
        name: of the node.
        letter: how wide one is.
        crowd: what is taken.
    """
    sides = [(across, up) for up in (-1, 1, 0) for across in (0, -1, 1) if across or up]
    line = np.linspace(-0.5, 0.5, 7)[:, None] * (letter * len(name), 0)  # points of a name in the middle
    names = [place + line + (across * letter * (0.5 * len(name) + 1.5), 3 * up * letter) for across, up in sides]
    best = int(np.argmax([round(crowd.room(each), 9) for each in names]))
    crowd.take(names[best])
    return sides[best]


def _arrow(axes: "Axes", start: np.ndarray, end: np.ndarray, number: str) -> np.ndarray:
    """A bent arrow with its number at the bend, whose place (2,) is returned."""
    bent = {"arrowstyle": "-|>", "connectionstyle": f"arc3,rad={BEND}", "color": BLUE, "lw": 1.6}
    axes.annotate("", tuple(end), tuple(start), arrowprops={**bent, "shrinkA": 5, "shrinkB": 5}, zorder=5)
    x, y = middle = (start + end) / 2 + 0.5 * BEND * (end - start)[::-1] * (1, -1)
    badge = {"boxstyle": "round,pad=0.2,rounding_size=0.6", "facecolor": BLUE, "edgecolor": "white"}
    axes.text(
        x, y, number, color="white", fontsize=8, ha="center", va="center", fontweight="bold", bbox=badge, zorder=7
    )
    return middle


def _apart(places: np.ndarray) -> np.ndarray:
    """The same places, but those that fall together are put on a small circle around theirs."""
    places, near = places.copy(), 0.04 * max(1e-9, float(np.ptp(places, axis=0).max()))
    left = set(range(len(places)))
    for first in range(len(places)):
        if first not in left:
            continue
        close = [other for other in sorted(left) if np.linalg.norm(places[other] - places[first]) < near]
        left -= set(close)
        if len(close) > 1:
            turns = 2 * np.pi * np.arange(len(close)) / len(close)
            places[close] = places[close].mean(0) + 1.5 * near * np.stack([np.cos(turns), np.sin(turns)], 1)
    return places
