"""Pictures of sequence worlds: what was shown, written and due, over time."""

from typing import Any

import cv2
import numpy as np

from ..batch import State

INK, PAPER, SOFT = (40, 40, 40), (250, 250, 250), (225, 225, 225)
RIGHT, WRONG, NOW = (60, 150, 80), (200, 60, 60), (40, 90, 200)
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
    canvas = np.full((len(strips) * (ROW + MARGIN) + MARGIN + 8, WIDTH, 3), PAPER, np.uint8)
    for i, (name, strip) in enumerate(strips):
        y = MARGIN + i * (ROW + MARGIN)
        text(canvas, name, (4, y - 7))
        canvas[y : y + ROW, 4 : WIDTH - 4] = cv2.resize(strip, (WIDTH - 8, ROW), interpolation=cv2.INTER_NEAREST)
        x = 4 + int((min(clock, length - 1) + 0.5) / length * (WIDTH - 8))
        cv2.line(canvas, (x, y - 4), (x, y + ROW + 3), NOW, 1)
    text(canvas, caption, (4, canvas.shape[0] - 8))
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


def text(canvas: np.ndarray, words: str, at: tuple[int, int], scale: float = 0.45, colour: Any = INK) -> None:
    """Write on a picture."""
    cv2.putText(canvas, words, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)


def cells(canvas: np.ndarray, symbols: list[int | None], y: int, head: int, size: int = 24) -> None:
    """A tape: one square a symbol (None is blank), the head's square framed."""
    for i, symbol in enumerate(symbols):
        corner, far = (8 + i * size, y), (8 + (i + 1) * size - 2, y + size)
        cv2.rectangle(canvas, corner, far, SOFT, -1)
        if symbol is not None:
            text(canvas, str(symbol), (corner[0] + 6, y + 17))
        if i == head:
            cv2.rectangle(canvas, corner, far, NOW, 2)
