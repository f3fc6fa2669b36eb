"""Pages of handwriting: strokes as smooth curves, in an SVG or as pixels."""

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

import numpy as np

from .canvas import blank, even, shrink
from .palette import INK, WHITE, hexadecimal
from .text import write

UNIT, MARGIN, GAP = 20, 24, 18  # pixels of the height of an x, around all, and between lines
LEGEND = 24  # pixels of a line of text
PEN = 2.0  # pixels of a stroke's width
DETAIL = 4  # how much larger a picture is drawn than it is kept


class Placed(NamedTuple):
    """Lines below each other.

    Attributes:
        lines: of each its strokes as curves, each (k, 4, 2): ends and control points, in pixels.
        width: of the page.
        height: of it.
    """

    lines: list[list[np.ndarray]]
    width: int
    height: int


def curves(stroke: np.ndarray) -> np.ndarray:
    """The smooth line through points (n, 2), n > 0, as cubic Bézier curves, each (k, 4, 2) with its ends and controls.

    Catmull & Rom 1974, "A class of local interpolating splines": at each point it goes as its neighbours lie.
    """
    if len(stroke) == 1:
        return np.repeat(stroke[None], 4, 1)  # a dot
    around = np.concatenate([stroke[:1], stroke, stroke[-1:]])
    before, start, end, after = (around[i : i + len(stroke) - 1] for i in range(4))
    return np.stack([start, start + (end - before) / 6, end - (after - start) / 6, end], 1)


def placed(lines: Sequence[Sequence[np.ndarray]], legend: str) -> Placed:
    """Lines of strokes, each (n, 2) in heights of an x with y going up, one below the other on a page.

    Args:
        lines: of strokes.
        legend: lines of text that have room below them.
    """
    laid, top, width = [], float(MARGIN), 12 * UNIT
    for strokes in lines:
        points = np.concatenate([*strokes, np.array([[0.0, -1.5], [0.0, 3.0]])])  # room for what most letters take
        left, high, low = points[:, 0].min(), points[:, 1].max(), points[:, 1].min()
        laid.append(
            [
                curves(np.stack([MARGIN + (s[:, 0] - left) * UNIT, top + (high - s[:, 1]) * UNIT], 1))
                for s in strokes
                if len(s)
            ]
        )
        top += (high - low) * UNIT + GAP
        width = max(width, round((points[:, 0].max() - left) * UNIT))
    return Placed(laid, even(width + 2 * MARGIN), even(round(top) + LEGEND * len(legend.splitlines()) + 10))


def svg(lines: Sequence[Sequence[np.ndarray]], legend: str) -> str:
    """A page of handwriting as SVG.

    Args:
        lines: as of `placed`.
        legend: lines of text below them.
    """
    page = placed(lines, legend)
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {page.width} {page.height}" '
        f'width="{page.width}" height="{page.height}">',
        f"<title>{escape(legend)}</title>",
        f'<rect width="100%" height="100%" fill="{hexadecimal(WHITE)}"/>',
        f'<g fill="none" stroke="{hexadecimal(INK)}" stroke-width="{PEN:g}" stroke-linecap="round" '
        'stroke-linejoin="round">',
    ]
    rows += [f'<path d="{" ".join(map(_path, strokes))}"/>' for strokes in page.lines if strokes]
    rows.append("</g>")
    rows += [
        f'<text x="{MARGIN}" y="{y}" font-family="sans-serif" font-size="16" '
        f'fill="{hexadecimal(INK)}">{escape(words)}</text>'
        for words, y in _below(page, legend)
    ]
    rows.append("</svg>")
    return "\n".join(rows) + "\n"


def _below(page: Placed, legend: str) -> list[tuple[str, int]]:
    """The lines of a legend, and where each stands."""
    lines = legend.splitlines()
    return [(words, page.height - 14 - LEGEND * (len(lines) - 1 - i)) for i, words in enumerate(lines)]


def _path(bends: np.ndarray) -> str:
    """The commands of a stroke."""
    (x, y), *_ = bends[0]
    return f"M{x:.1f},{y:.1f}" + "".join("C" + " ".join(f"{x:.1f},{y:.1f}" for x, y in bend[1:]) for bend in bends)


def pixels(lines: Sequence[Sequence[np.ndarray]], legend: str) -> np.ndarray:
    """The same page as a picture, uint8 (H, W, 3); arguments as of `svg`."""
    import cv2

    page = placed(lines, legend)
    large = blank(page.height * DETAIL, page.width * DETAIL, WHITE)
    t = np.linspace(0, 1, 9)[:, None, None]
    for bends in (stroke for strokes in page.lines for stroke in strokes):
        a, b, c, d = bends.transpose(1, 0, 2)
        along = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d  # (9, k, 2)
        points = (along.transpose(1, 0, 2).reshape(-1, 1, 2) * DETAIL).round().astype(np.int32)
        cv2.polylines(large, [points], False, INK, round(PEN * DETAIL), cv2.LINE_AA)
    picture = shrink(large, page.height, page.width)
    for words, y in _below(page, legend):
        write(picture, words, (MARGIN, y), 0.55)
    return picture
