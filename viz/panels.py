"""The picture of an instrument: frame, policy and maps side by side, each with its legend."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from .canvas import blank, enlarge, in_colour, shrink
from .palette import BLUE, DIM, LIGHT, NIGHT, RED, YELLOW
from .text import write

SIDE = 252  # pixels of a panel: three for each of an Atari frame
MARGIN, TITLE, LEGEND = 8, 22, 26
MOST_BARS = 18
SIZE = 0.42  # of letters
RED_INK = np.array(RED, np.float32)


class Bar(NamedTuple):
    """A line of a panel of bars.

    Attributes:
        name: what stands before the bar.
        share: how long it is, in [0, 1]; None for a line of text without a bar.
    """

    name: str
    share: float | None


def compose(rows: list[list[np.ndarray]]) -> np.ndarray:
    """Panels of one size in rows, uint8 (H, W, 3), with even sides."""
    widest = max(len(row) for row in rows)
    return np.concatenate([np.concatenate([*row, *[blank_panel()] * (widest - len(row))], 1) for row in rows])


def blank_panel() -> np.ndarray:
    """A panel with nothing on it."""
    return blank(SIDE + TITLE + LEGEND + MARGIN, SIDE + MARGIN, NIGHT)


def _panel(title: str) -> tuple[np.ndarray, np.ndarray]:
    """An empty panel with its title, and the part of it that is drawn on."""
    canvas = blank_panel()
    write(canvas, title, (MARGIN // 2, 15), SIZE, LIGHT)
    return canvas, canvas[TITLE : TITLE + SIDE, MARGIN // 2 : MARGIN // 2 + SIDE]


def frame_panel(picture: np.ndarray, title: str = "frame") -> np.ndarray:
    """A picture, uint8 (H, W) or (H, W, 3), fitted into a panel."""
    canvas, inner = _panel(title)
    _fit(inner, in_colour(picture))
    return canvas


def map_panel(
    amounts: np.ndarray, backdrop: np.ndarray, title: str, caption: str = "", top: float | None = None
) -> np.ndarray:
    """A map in red on a dimmed picture; the legend says how much full red is.

    Args:
        amounts: float (H, W), none below zero.
        backdrop: uint8 or float in 0 … 255, (H, W) or in colour (H, W, 3).
        title: above the map.
        caption: beside the legend, right: how the map was computed.
        top: how much full red is; None is the map's own maximum. Maps that are compared, as in a film, share one.
    """
    canvas, inner = _panel(title)
    top = float(amounts.max()) if top is None else top
    share = (amounts / top if top > 0 else amounts)[..., None].astype(np.float32)
    share = np.sqrt(share)  # small amounts must be visible; the legend's ramp does the same
    below = in_colour(backdrop).astype(np.float32) * 0.6
    _fit(inner, (below * (1 - share) + RED_INK * share).astype(np.uint8))
    y = TITLE + SIDE + 8
    canvas[y : y + 10, MARGIN // 2 + 14 : MARGIN // 2 + 104] = _ramp()
    write(canvas, "0", (MARGIN // 2 + 2, y + 10), SIZE, DIM)
    write(canvas, f"{top:.2g}" if top > 0 else "nothing", (MARGIN // 2 + 110, y + 10), SIZE, DIM)
    if caption:
        write(canvas, caption, (MARGIN // 2 + SIDE - 2, y + 10), SIZE, DIM, right=True)
    return canvas


@cache
def _ramp() -> np.ndarray:
    """From nothing to full red."""
    return (np.sqrt(np.linspace(0, 1, 90, dtype=np.float32))[None, :, None] * RED_INK).astype(np.uint8)


def bars_panel(title: str, bars: Sequence[Bar], caption: str = "") -> np.ndarray:
    """Bars below one another, the longest in another colour; more than `MOST_BARS` are left out."""
    canvas, inner = _panel(title)
    bars = bars[:MOST_BARS]
    tall = min(26, SIDE // max(1, len(bars)))
    best = max((bar.share for bar in bars if bar.share is not None), default=None)
    for row, (name, share) in enumerate(bars):
        y = row * tall
        if share is not None:
            colour = YELLOW if share == best else BLUE
            inner[y + 3 : y + tall - 3, 104 : 104 + max(1, round(share * (SIDE - 110)))] = colour
        write(inner, name if share is None else name[:14], (2, y + tall // 2 + 5), SIZE, LIGHT)
    if caption:
        write(canvas, caption, (MARGIN // 2 + 2, TITLE + SIDE + 18), SIZE, DIM)
    return canvas


def _fit(inner: np.ndarray, picture: np.ndarray) -> None:
    """Enlarge (or shrink) a picture into a square, without distortion except for vectors, which fill the width."""
    height, width = picture.shape[:2]
    if height == 1:
        tall, wide = 40, SIDE
    else:
        scale = SIDE / max(height, width)
        tall, wide = max(1, round(height * scale)), max(1, round(width * scale))
    resize = enlarge if max(height, width) <= SIDE else shrink
    top, left = (SIDE - tall) // 2, (SIDE - wide) // 2
    inner[top : top + tall, left : left + wide] = resize(picture, tall, wide)
