"""Pictures of sounds: a spectrogram with its time below, and what was written of it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...viz.canvas import blank, box, even, heat, line
from ...viz.palette import DIM, INK, NOW, RIGHT, SOFT, WRONG
from ...viz.text import write
from .sounds import FRAME

WIDE, HIGH, MARGIN = 6, 8, 12  # pixels of a frame, of a band, and around the spectrogram
TITLE, AXIS, ROW, LETTER = 24, 24, 24, 12
TICK = 0.5  # seconds


class Sound(NamedTuple):
    """What a picture shows.

    Attributes:
        bands: loudness, the highest band first, float (bands, frames) in [0, 1].
        due: which frames say what is due, bool (frames,).
        seen: the frame that is heard now; None if it is none of them, or all.
        written: the symbols that were written.
        gold: those that are due.
    """

    bands: np.ndarray
    due: np.ndarray
    seen: int | None
    written: Sequence[str]
    gold: Sequence[str]


def page(sound: Sound, frames: int, letters: int) -> np.ndarray:
    """The sound as a picture, uint8 (H, W, 3), both even.

    Args:
        sound: what it shows.
        frames: that there is room for.
        letters: that there is room for in a text.
    """
    bands, count = sound.bands.shape
    top, bottom = TITLE, TITLE + bands * HIGH
    across = 2 * MARGIN + max(frames * WIDE, (letters + 8) * LETTER)
    canvas = blank(even(bottom + AXIS + 2 * ROW + MARGIN), even(across))
    write(canvas, "heard, up to 4 kHz (line: says what is due)", (MARGIN, 16), 0.42, DIM)
    picture = np.repeat(np.repeat(heat(sound.bands), HIGH, 0), WIDE, 1)
    canvas[top:bottom, MARGIN : MARGIN + picture.shape[1]] = picture
    for frame in np.flatnonzero(sound.due).tolist():
        x = MARGIN + frame * WIDE
        line(canvas, (x, bottom + 3), (x + WIDE - 1, bottom + 3), NOW, 3)
    if sound.seen is not None and sound.seen < count:
        x = MARGIN + sound.seen * WIDE
        box(canvas, (x - 1, top - 1), (x + WIDE, bottom), NOW, 2)
    for number in range(int(frames * FRAME / TICK) + 1):
        x = MARGIN + round(number * TICK / FRAME * WIDE)
        line(canvas, (x, bottom + 5), (x, bottom + 9), SOFT if x > MARGIN + picture.shape[1] else INK, 1)
        write(canvas, f"{number * TICK:g} s", (x + 2, bottom + 20), 0.36, DIM)
    base = bottom + AXIS + 18
    _row(canvas, "due", sound.gold, None, base)
    _row(canvas, "written", sound.written, sound.gold, base + ROW)
    return canvas


def _row(canvas: np.ndarray, title: str, text: Sequence[str], gold: Sequence[str] | None, base: int) -> None:
    write(canvas, title, (MARGIN, base), 0.42, DIM)
    x = MARGIN + 7 * LETTER
    for place, letter in enumerate(text):
        right = gold is not None and place < len(gold) and letter == gold[place]
        write(canvas, letter, (x, base), colour=INK if gold is None else RIGHT if right else WRONG)
        x += LETTER if len(letter) == 1 else 4 * LETTER
