"""Pictures of running text: what was read, and which characters were foreseen."""

from collections.abc import Sequence

import numpy as np

from ...viz.canvas import FILLED, blank, box
from ...viz.palette import NOW, SOFT, WRONG
from ...viz.text import write

FORESEEN, MISSED = (193, 220, 199), (235, 193, 193)  # behind letters
COLUMNS, WIDE, HIGH, MARGIN = 64, 10, 24, 8


def running(text: str, said: Sequence[str], clock: int, caption: str) -> np.ndarray:
    """A text up to the present, uint8 (H, W, 3); under each character what was said in advance, where that was wrong.

    Args:
        text: all of it.
        said: what was said of each character from the second on; "" where nothing was yet.
        clock: the place of the character that is read now.
        caption: the line under the picture.
    """
    rows = -(-len(text) // COLUMNS)
    canvas = blank(rows * 2 * HIGH + 2 * MARGIN + 30, COLUMNS * WIDE + 2 * MARGIN)
    for place in range(len(text)):
        x, y = MARGIN + place % COLUMNS * WIDE, MARGIN + place // COLUMNS * 2 * HIGH
        corner, far = (x, y), (x + WIDE - 1, y + HIGH - 2)
        if place > clock:
            box(canvas, corner, far, SOFT, FILLED)
            continue
        if place and said[place - 1]:
            right = said[place - 1] == text[place]
            box(canvas, corner, far, FORESEEN if right else MISSED, FILLED)
            if not right:
                write(canvas, said[place - 1].replace("\n", " "), (x + 1, y + HIGH + 15), colour=WRONG)
        write(canvas, text[place].replace("\n", " "), (x + 1, y + 17))
        if place == clock:
            box(canvas, corner, far, NOW)
    write(canvas, caption, (MARGIN, canvas.shape[0] - 10))
    return canvas
