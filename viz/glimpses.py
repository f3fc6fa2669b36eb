"""A picture with a retina on it: the outlines of its patches and its path, and beside it what the retina passes on."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from .canvas import FILLED, blank, box, dot, enlarge, line
from .palette import LIGHT, NIGHT, OKABE_ITO, YELLOW, Colour, colour_of
from .text import write

SIDE = 384  # pixels of the image panel
PATCH_SIDE = 112  # of each patch beside it
MARGIN = 16
CAPTION = 40
# where a number may stand beside a point: on the right first, then clockwise
AROUND = [(math.cos(turn * math.pi / 6), math.sin(turn * math.pi / 6)) for turn in range(12)]
NEAR = 36  # places beside a point


def glimpse_frame(
    picture: np.ndarray,
    caption: str,
    patches: np.ndarray | None = None,
    outlines: np.ndarray | None = None,
    path: np.ndarray | None = None,
) -> np.ndarray:
    """One frame, uint8 (height, width, 3), both even (video encoders want that).

    Args:
        picture: uint8, (H, W) grey or (H, W, 3).
        caption: one line of text under the picture.
        patches: float, (scales, size, size[, 3]) in [0, 1], what the network sees; None leaves it out.
        outlines: float, (scales, 4), each patch's left, top, right, bottom in pixels of the picture.
        path: float, (n, 2), the places looked at so far as (x, y) in [-1, 1], the current one last.
    """
    scales = 0 if patches is None else len(patches)
    column = PATCH_SIDE + MARGIN if scales else 0
    rows = max(1, (SIDE + MARGIN) // (PATCH_SIDE + 22 + 4))
    columns = -(-scales // rows)
    canvas = blank(SIDE + 2 * MARGIN + CAPTION, SIDE + 2 * MARGIN + column * columns, NIGHT)
    height, width = (round(SIDE * n / max(picture.shape[:2])) for n in picture.shape[:2])
    panel = canvas[MARGIN : MARGIN + height, MARGIN : MARGIN + width]  # a view: what is drawn on it is on the canvas
    panel[:] = enlarge(picture, height, width)
    if outlines is not None:
        draw_outlines(panel, outlines, picture.shape[:2], OKABE_ITO)
    if path is not None:
        draw_path(panel, path)
    for k in range(scales):
        assert patches is not None
        left = SIDE + 2 * MARGIN + column * (k // rows)
        top = MARGIN + (k % rows) * (PATCH_SIDE + 22 + 4)
        canvas[top : top + PATCH_SIDE, left : left + PATCH_SIDE] = enlarge(
            (patches[k] * 255).astype(np.uint8), PATCH_SIDE, PATCH_SIDE
        )
        box(canvas, (left - 2, top - 2), (left + PATCH_SIDE + 1, top + PATCH_SIDE + 1), colour_of(k), 2)
        label = f"seen at 1/{2**k}" if k else "seen at full size"
        write(canvas, label, (left, top + PATCH_SIDE + 15), 0.42, LIGHT)
    write(canvas, caption, (MARGIN, SIDE + 2 * MARGIN + 16), 0.55, LIGHT)
    return canvas


def draw_outlines(panel: np.ndarray, outlines: np.ndarray, size: tuple[int, ...], colours: Sequence[Colour]) -> None:
    """Draw the outlines of patches on an enlarged picture.

    Args:
        panel: the enlarged picture, uint8 (H, W, 3), drawn on in place.
        outlines: (scales, 4), left, top, right, bottom in pixels of the picture before it was enlarged.
        size: height and width of the picture before it was enlarged.
        colours: one for each scale; after the last they come again.
    """
    scale = np.array([panel.shape[1] / size[1], panel.shape[0] / size[0]] * 2)
    for k in reversed(range(len(outlines))):
        left, top, right, bottom = np.round(outlines[k] * scale).astype(int).tolist()
        box(panel, (left, top), (right - 1, bottom - 1), colours[k % len(colours)], 2)


def draw_path(
    panel: np.ndarray, path: np.ndarray, colour: Colour = YELLOW, taken: list[tuple[int, int]] | None = None
) -> None:
    """Draw the places that were looked at, numbered; the newest is filled.

    Args:
        panel: is drawn on.
        path: (n, 2), in [-1, 1].
        colour: of the path.
        taken: where other paths on this panel have their numbers, which this one's are added to.
    """
    taken = [] if taken is None else taken
    height, width = panel.shape[:2]
    points = np.round((path + 1) / 2 * (width - 1, height - 1)).astype(int)
    for start, end in zip(points[:-1].tolist(), points[1:].tolist(), strict=True):
        line(panel, start, end, colour, 2, smooth=True)
    for number, point in enumerate(points.tolist(), 1):
        current = number == len(points)
        dot(panel, point, 6 if current else 4, colour, FILLED if current else 2, smooth=True)
    for number, point in enumerate(points.tolist(), 1):
        taken.append(_free_place(point, taken, points.tolist(), 9 * len(str(number)), height, width))
        write(panel, str(number), taken[-1], 0.42, LIGHT, halo=NIGHT)


def _free_place(
    point: list[int], taken: list[tuple[int, int]], points: list[list[int]], wide: int, height: int, width: int
) -> tuple[int, int]:
    """Where a number beside a point covers no other, and none of the points: the lower left end of its text."""

    def candidates() -> Iterator[tuple[int, int]]:
        for reach in (13, 20, 28, 36, 48, 60):
            for x_part, y_part in AROUND:
                x, y = point[0] + round(reach * x_part) - wide // 2, point[1] + round(reach * y_part) + 5
                if 0 <= x <= width - wide and 10 <= y <= height - 1:
                    yield x, y
        # in a corner these may not be enough: then anywhere, the nearest first
        anywhere = [(x, y) for x in range(0, max(1, width - wide), wide + 4) for y in range(12, height, 13)]
        yield from sorted(anywhere, key=lambda at: (at[0] - point[0]) ** 2 + (at[1] - point[1]) ** 2)

    free = None
    for count, (x, y) in enumerate(candidates()):
        if all(abs(x - x2) > wide + 3 or abs(y - y2) > 12 for x2, y2 in taken):
            free = free or (x, y)
            if all(abs(px - x - wide / 2) > wide / 2 + 5 or abs(py - y + 5) > 10 for px, py in points):
                return x, y
        if free is not None and count >= NEAR:  # farther off it would be read as another point's
            break
    return free or (point[0], point[1])
