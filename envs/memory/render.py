"""Pictures of sequence worlds: what was shown, written and due, over time."""

import numpy as np

from ...viz.canvas import FILLED, blank, box, enlarge, line
from ...viz.palette import INK, NOW, PAPER, RIGHT, SOFT, WRONG
from ...viz.text import write
from ..batch import State

WIDTH, ROW, MARGIN = 640, 120, 26


def sequence(state: State, index: int, caption: str) -> np.ndarray:
    """One world's episode so far, uint8 (H, W, 3): a strip of inputs, of what was written and of what was due."""
    length, clock = int(state["length"][index]), int(state["clock"][index])
    inputs = state["inputs"][index, :length].cpu().numpy().T  # (D, T)
    targets = state["targets"][index, :length].cpu().numpy().T  # (K, T)
    mask = state["mask"][index, :length].cpu().numpy()
    written = state["written"][index, :length].cpu().numpy().T if "written" in state else np.full_like(targets, -1)
    top = max(1.0, float(np.abs(inputs).max()))
    high = max(1, int(targets.max()))
    shown = np.where(np.arange(length) <= clock, inputs / top, np.nan)
    done = mask & (np.arange(length) < clock)
    strips = [
        ("input", _grey(shown)),
        ("written", _judged(written / high, written == targets, done)),
        ("due", _grey(np.where(mask, targets / high, np.nan))),
    ]
    canvas = blank(len(strips) * (ROW + MARGIN) + MARGIN + 8, WIDTH)
    for i, (name, strip) in enumerate(strips):
        y = MARGIN + i * (ROW + MARGIN)
        write(canvas, name, (4, y - 7))
        canvas[y : y + ROW, 4 : WIDTH - 4] = enlarge(strip, ROW, WIDTH - 8)
        x = 4 + int((min(clock, length - 1) + 0.5) / length * (WIDTH - 8))
        line(canvas, (x, y - 4), (x, y + ROW + 3), NOW)
    write(canvas, caption, (4, canvas.shape[0] - 8))
    return canvas


def _grey(values: np.ndarray) -> np.ndarray:
    """Numbers in [-1, 1] as ink, NaN as soft grey, (K, T) -> (K, T, 3)."""
    ink = np.clip(np.nan_to_num(np.abs(values)), 0, 1)[..., None]
    picture = (1 - ink) * np.array(PAPER) + ink * np.array(INK)
    return np.where(np.isnan(values)[..., None], SOFT, picture).astype(np.uint8)


def _judged(values: np.ndarray, right: np.ndarray, done: np.ndarray) -> np.ndarray:
    """What was written in green where right and red where wrong, and grey where nothing was due."""
    colour = np.where(right[..., None], RIGHT, WRONG)
    strength = (0.25 + 0.75 * np.clip(values, 0, 1))[..., None]
    picture = (1 - strength) * np.array(PAPER) + strength * colour
    return np.where(done[None, :, None], picture, SOFT).astype(np.uint8)


def cells(canvas: np.ndarray, symbols: list[int | None], y: int, head: int, size: int = 24) -> None:
    """A tape: one square a symbol (None is blank), the head's square framed.

    Args:
        canvas: is drawn on, uint8 (H, W, 3).
        symbols: of the squares, from left to right.
        y: the top of the tape in pixels.
        head: index of the framed square; where there is none, nothing is framed.
        size: from one square to the next in pixels.
    """
    for i, symbol in enumerate(symbols):
        corner, far = (8 + i * size, y), (8 + (i + 1) * size - 2, y + size)
        box(canvas, corner, far, SOFT, FILLED)
        if symbol is not None:
            write(canvas, str(symbol), (corner[0] + 6, y + 17))
        if i == head:
            box(canvas, corner, far, NOW, 2)
