"""Plots: figures of Matplotlib that know no window and leave the backend of a notebook as it is."""

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from .palette import OKABE_ITO, OKABE_ITO_LINES, hexadecimal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ON_NIGHT = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), "#e4e6ea")
_NIGHT: Final[dict[Any, Any]] = _ON_NIGHT | {
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor", "legend.facecolor"), "#16181d"),
    **dict.fromkeys(("axes.edgecolor", "grid.color", "legend.edgecolor"), "#5a5f69"),
}


def subplots(
    rows: int,
    columns: int,
    size: tuple[float, float],
    share: Literal["x", "y"] | None = None,
    layout: Literal["constrained"] | None = None,
) -> "tuple[Figure, np.ndarray]":
    """A figure and its axes, an array (rows, columns).

    Args:
        rows: of axes.
        columns: of axes.
        size: width and height in inches, at 110 pixels an inch.
        share: the axis that all have in common, if any.
        layout: "constrained" lays the axes out as they are drawn on; None leaves it to `figure_png`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout=layout)
    return figure, figure.subplots(rows, columns, squeeze=False, sharex=share == "x", sharey=share == "y")


def figure_png(figure: "Figure", dpi: float = 110) -> bytes:
    """A figure as a PNG, its axes laid out so that nothing overlaps."""
    _say_plainly(figure)
    if figure.get_layout_engine() is None:
        figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def in_both_lights(draw: "Callable[[Sequence[str]], Figure]", dpi: float = 160) -> tuple[bytes, bytes]:
    """A figure as two PNGs, for a bright and for a dark page.

    Args:
        draw: makes the figure; called with the colours of its lines.
        dpi: pixels an inch.
    """
    from matplotlib import rc_context

    light = figure_png(draw(OKABE_ITO_LINES[:6]), dpi)
    with rc_context(_NIGHT):
        return light, figure_png(draw([hexadecimal(colour) for colour in OKABE_ITO]), dpi)


def figure_picture(figure: "Figure", dpi: float = 110) -> np.ndarray:
    """A figure as pixels, uint8 (H, W, 3) with even sides, laid out as by `figure_png`."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(figure_png(figure, dpi), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    height, width = pixels.shape[:2]
    return np.pad(pixels[..., ::-1], ((0, height % 2), (0, width % 2), (0, 0)), constant_values=255)


def _say_plainly(figure: "Figure") -> None:
    """Names in a figure are no formulas, whatever dollars they have, and can be drawn; ticks may be formulas."""
    from matplotlib.text import Text

    ticks = {
        label
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for label in axis.get_ticklabels(which="both")
    }
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text not in ticks:
            text.set_parse_math(False)
            text.set_text(text.get_text().encode("utf-8", "backslashreplace").decode())
