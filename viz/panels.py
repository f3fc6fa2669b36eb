"""The picture of an instrument: frame, policy and maps side by side, each with its legend."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from .canvas import blank, enlarge, in_colour, shrink, trimmed
from .palette import BLUE, DIM, LIGHT, NIGHT, PALE_RED, RED, YELLOW
from .text import write

SIDE = 252  # pixels of a panel: three for each of an Atari frame
MARGIN, TITLE, LEGEND = 8, 22, 46  # a legend is two lines
MOST_BARS = 18
SIZE = 0.42  # of letters
WIDE = 1.3  # times as wide as it is tall: a frame that has room for two
RED_INK = np.array(RED, np.float32)


class Bar(NamedTuple):
    """A line of a panel of bars.

    Attributes:
        name: what stands before the bar.
        share: how long it is, in [0, 1]; None for a line of text without a bar.
    """

    name: str
    share: float | None


def compose(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Panels of one height in rows, uint8 (H, W, 3), with even sides; short rows are filled up."""
    widest = max(sum(panel.shape[1] for panel in row) for row in rows)
    lines = []
    for row in rows:
        left = widest - sum(panel.shape[1] for panel in row)
        lines.append(np.concatenate([*row, *([blank(row[0].shape[0], left, NIGHT)] if left else [])], 1))
    return np.concatenate(lines)


def arrange(frame: np.ndarray, beside: Sequence[np.ndarray], maps: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Rows of maps, on whose left are a frame and what else there is to say.

    Args:
        frame: a panel of one or of two widths.
        beside: panels, the first before the last: one is on the right of the frame where there is one row of maps, else
            they are below it, as many as find room.
        maps: rows of panels.
    """
    if len(maps) == 1:
        return compose([[frame, beside[0], *maps[0]]])
    abreast = frame.shape[1] // blank_panel().shape[1]
    below = [list(beside[i : i + abreast]) for i in range(0, len(beside), abreast)]
    rows = [[frame], *below, *([[] for _ in maps])][: len(maps)]
    rows = [[*row, *[blank_panel()] * (abreast - len(row))] if row is not rows[0] else row for row in rows]
    return compose([[*left, *right] for left, right in zip(rows, maps, strict=True)])


def blank_panel(abreast: int = 1) -> np.ndarray:
    """A panel with nothing on it, as wide as so many."""
    return blank(SIDE + TITLE + LEGEND + MARGIN, abreast * (SIDE + MARGIN), NIGHT)


def _panel(title: str, abreast: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """An empty panel with its title, and the part of it that is drawn on."""
    canvas = blank_panel(abreast)
    write(canvas, title, (MARGIN // 2, 15), SIZE, LIGHT)
    return canvas, canvas[TITLE : TITLE + SIDE, MARGIN // 2 : canvas.shape[1] - MARGIN // 2]


def frame_panel(picture: np.ndarray, title: str = "frame") -> np.ndarray:
    """A picture, uint8 (H, W) or (H, W, 3), without its margins: as wide as a map, or as two if wider than tall.

    What is written below a square picture may be in the legend's place.
    """
    picture = trimmed(in_colour(picture), NIGHT)
    height, width = picture.shape[:2]
    canvas, _ = _panel(title, 2 if width > WIDE * height > WIDE else 1)
    room = canvas[TITLE : canvas.shape[0] - 4, MARGIN // 2 : canvas.shape[1] - MARGIN // 2]
    _fit(room, picture, above=True)
    return canvas


def map_panel(
    amounts: np.ndarray,
    backdrop: np.ndarray,
    title: str,
    caption: str = "",
    top: float | None = None,
    meaning: str = "",
) -> np.ndarray:
    """A map in red on a dimmed picture; the legend says how much full red is, and what of.

    Args:
        amounts: float (H, W), none below zero.
        backdrop: uint8 or float in 0 … 255, (H, W) or in colour (H, W, 3).
        title: above the map.
        caption: beside the legend, right: how the map was computed.
        top: how much full red is; None is the map's own maximum. Maps that are compared, as in a film, share one.
        meaning: the legend's second line: what red means, in words.
    """
    canvas, inner = _panel(title)
    top = float(amounts.max()) if top is None else top
    _fit(inner, reddened(amounts, backdrop, top))
    y = TITLE + SIDE + 8
    canvas[y : y + 10, MARGIN // 2 + 14 : MARGIN // 2 + 104] = _ramp()
    write(canvas, "0", (MARGIN // 2 + 2, y + 10), SIZE, DIM)
    write(canvas, f"{top:.2g}" if top > 0 else "nothing", (MARGIN // 2 + 110, y + 10), SIZE, DIM)
    if caption:
        write(canvas, caption, (MARGIN // 2 + SIDE - 2, y + 10), SIZE, DIM, right=True)
    if meaning:
        write(canvas, meaning, (MARGIN // 2 + 2, y + 29), SIZE, PALE_RED)
    return canvas


def reddened(amounts: np.ndarray, backdrop: np.ndarray, top: float) -> np.ndarray:
    """A picture, dimmed, with a map in red on it, uint8 (H, W, 3).

    Args:
        amounts: float (H, W), none below zero.
        backdrop: as of `map_panel`.
        top: how much full red is; 0 where there is nothing.
    """
    share = (amounts / top if top > 0 else amounts)[..., None].astype(np.float32)
    share = np.sqrt(np.minimum(share, 1))  # small amounts must be visible; the legend's ramp does the same
    below = in_colour(backdrop).astype(np.float32) * 0.6
    return (below * (1 - share) + RED_INK * share).astype(np.uint8)


@cache
def _ramp() -> np.ndarray:
    """From nothing to full red."""
    return (np.sqrt(np.linspace(0, 1, 90, dtype=np.float32))[None, :, None] * RED_INK).astype(np.uint8)


def bars_panel(
    title: str, bars: Sequence[Bar], captions: Sequence[str] = (), ends: tuple[str, str] = ("0", "1")
) -> np.ndarray:
    """Bars below one another, the longest in another colour; more than `MOST_BARS` are left out.

    Args:
        title: above the bars: what they are, and in which unit.
        bars: of one unit.
        captions: up to two lines below.
        ends: what is written below the shortest and the longest bar that there may be.
    """
    canvas, inner = _panel(title)
    bars = bars[:MOST_BARS]
    measured = any(bar.share is not None for bar in bars)
    tall = min(26, (SIDE - 16 * measured) // max(1, len(bars)))
    best = max((bar.share for bar in bars if bar.share is not None), default=None)
    for row, (name, share) in enumerate(bars):
        y = row * tall
        if share is not None:
            colour = YELLOW if share == best else BLUE
            inner[y + 3 : y + tall - 3, 104 : 104 + max(1, round(share * (SIDE - 110)))] = colour
        write(inner, name if share is None else name[:14], (2, y + tall // 2 + 5), SIZE, LIGHT)
    if measured:
        y = len(bars) * tall
        inner[y : y + 1, 104 : SIDE - 6] = DIM
        write(inner, ends[0], (104, y + 14), SIZE, DIM)
        write(inner, ends[1], (SIDE - 6, y + 14), SIZE, DIM, right=True)
    for line, caption in enumerate(captions[:2]):
        write(canvas, caption, (MARGIN // 2 + 2, TITLE + SIDE + 18 + 19 * line), SIZE, DIM)
    return canvas


def words_panel(title: str, lines: Sequence[str]) -> np.ndarray:
    """Lines of text below one another."""
    canvas, inner = _panel(title)
    for number, line in enumerate(lines):
        write(inner, line, (2, 18 + 22 * number), SIZE, DIM)
    return canvas


def _fit(inner: np.ndarray, picture: np.ndarray, above: bool = False) -> None:
    """Enlarge (or shrink) a picture into its place, without distortion except for vectors, which fill the width.

    Args:
        inner: the place, (H, W, 3).
        picture: what is put there.
        above: whether room that is left is below it, instead of around it.
    """
    height, width = picture.shape[:2]
    if height == 1:
        tall, wide = 40, inner.shape[1]
    else:
        scale = min(inner.shape[0] / height, inner.shape[1] / width)
        tall, wide = max(1, round(height * scale)), max(1, round(width * scale))
    resize = enlarge if tall >= height and wide >= width else shrink
    top, left = 0 if above else (inner.shape[0] - tall) // 2, (inner.shape[1] - wide) // 2
    inner[top : top + tall, left : left + wide] = resize(picture, tall, wide)
