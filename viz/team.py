"""A picture that several agents look at: each has its colour, in the picture and in the notes beside it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .canvas import FILLED, blank, box, enlarge, even
from .glimpses import CAPTION, MARGIN, SIDE, draw_outlines, draw_path
from .palette import LIGHT, NIGHT, PALE_RED, colour_of
from .text import write

NOTES, LINE, PATCH, BELOW = 260, 20, 72, 28  # below a patch: how wide it is, and a gap


class Looker(NamedTuple):
    """What a picture says of one agent.

    Attributes:
        name: of the agent.
        notes: lines of text about it.
        outlines: float, (scales, 4), its patches in pixels of the picture; None if it doesn't look.
        path: float, (n, 2), where it looked so far, in [-1, 1].
        patches: float, (scales, size, size), what it sees.
    """

    name: str
    notes: Sequence[str]
    outlines: np.ndarray | None = None
    path: np.ndarray | None = None
    patches: np.ndarray | None = None


def team_frame(picture: np.ndarray, caption: str, lookers: Sequence[Looker]) -> np.ndarray:
    """One frame, uint8 (height, width, 3), both even: the picture with everybody's attention, and their notes.

    Args:
        picture: uint8, (H, W) or (H, W, 3).
        caption: one line under the picture.
        lookers: the agents.
    """
    seen = sum(one.patches is not None for one in lookers)
    beside = sum(LINE * (1 + len(one.notes)) + LINE // 2 for one in lookers) + seen * (PATCH + BELOW)
    tall = max(SIDE + 2 * MARGIN + CAPTION, beside + 2 * MARGIN)
    canvas = blank(even(tall), SIDE + 3 * MARGIN + NOTES, NIGHT)
    height, width = (round(SIDE * n / max(picture.shape[:2])) for n in picture.shape[:2])
    panel = canvas[MARGIN : MARGIN + height, MARGIN : MARGIN + width]
    panel[:] = enlarge(picture, height, width)
    left, top = SIDE + 2 * MARGIN, MARGIN
    numbers: list[tuple[int, int]] = []  # where paths have theirs
    for number, looker in enumerate(lookers):
        colour = colour_of(number)
        if looker.outlines is not None:
            draw_outlines(panel, looker.outlines, picture.shape[:2], [colour])
        if looker.path is not None:
            draw_path(panel, looker.path, colour, numbers)
        box(canvas, (left, top + 2), (left + 12, top + 14), colour, FILLED)
        write(canvas, looker.name, (left + 20, top + 13), 0.5, colour)
        top += LINE
        for note in looker.notes:
            write(canvas, note, (left, top + 13), 0.45, PALE_RED if note.endswith("(wrong)") else LIGHT)
            top += LINE
        for k, patch in enumerate([] if looker.patches is None else looker.patches[:3]):
            x = left + k * (PATCH + 8)
            canvas[top + 4 : top + 4 + PATCH, x : x + PATCH] = enlarge((patch * 255).astype(np.uint8), PATCH, PATCH)
            box(canvas, (x - 1, top + 3), (x + PATCH, top + 4 + PATCH), colour, 1)
            write(canvas, f"seen at 1/{2**k}" if k else "full size", (x, top + PATCH + 18), 0.36, LIGHT)
        top += 0 if looker.patches is None else PATCH + BELOW
        top += LINE // 2
    write(canvas, caption, (MARGIN, SIDE + 2 * MARGIN + 16), 0.55, LIGHT)
    return canvas
