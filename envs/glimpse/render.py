"""The picture of a glimpse world: the image with the retina's outlines and its path, beside what it sees."""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

SIDE = 384  # pixels of the image panel
PATCH_SIDE = 112  # of each patch beside it
MARGIN = 16
CAPTION = 40
BACKGROUND = (24, 26, 32)
TEXT = (230, 232, 236)
PATH = (255, 214, 64)
# the finest scale first; colours that people with colour blindness can tell apart (Okabe & Ito 2008)
SCALE_COLOURS = [(86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (213, 94, 0), (240, 228, 66)]


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
    canvas = blank(SIDE + 2 * MARGIN + CAPTION, SIDE + 2 * MARGIN + column * columns).copy()
    height, width = (round(SIDE * n / max(picture.shape[:2])) for n in picture.shape[:2])
    panel = canvas[MARGIN : MARGIN + height, MARGIN : MARGIN + width]  # a view: what is drawn on it is on the canvas
    panel[:] = enlarge(picture, height, width)
    if outlines is not None:
        draw_outlines(panel, outlines, picture.shape[:2], SCALE_COLOURS)
    if path is not None:
        draw_path(panel, path)
    for k in range(scales):
        assert patches is not None
        left = SIDE + 2 * MARGIN + column * (k // rows)
        top = MARGIN + (k % rows) * (PATCH_SIDE + 22 + 4)
        canvas[top : top + PATCH_SIDE, left : left + PATCH_SIDE] = enlarge(
            (patches[k] * 255).astype(np.uint8), PATCH_SIDE, PATCH_SIDE
        )
        colour = SCALE_COLOURS[k % len(SCALE_COLOURS)]
        cv2.rectangle(canvas, (left - 2, top - 2), (left + PATCH_SIDE + 1, top + PATCH_SIDE + 1), colour, 2)
        write(canvas, f"seen at 1/{2**k}" if k else "seen at full size", (left, top + PATCH_SIDE + 15), 0.42)
    write(canvas, caption, (MARGIN, SIDE + 2 * MARGIN + 16), 0.55)
    return canvas


@cache
def blank(height: int, width: int) -> np.ndarray:
    """An empty frame; shared, so draw on a copy."""
    return np.full((height, width, 3), BACKGROUND, np.uint8)


def enlarge(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image, grey or in colours, at another size, its pixels as squares."""
    if image.ndim == 2:
        image = np.repeat(image[:, :, None], 3, 2)
    return cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=cv2.INTER_NEAREST)


def draw_outlines(
    panel: np.ndarray, outlines: np.ndarray, size: tuple[int, int], colours: Sequence[tuple[int, int, int]]
) -> None:
    """Draw patches, (scales, 4) in pixels of a picture of this size, on its enlargement; a colour for each scale."""
    scale = np.array([panel.shape[1] / size[1], panel.shape[0] / size[0]] * 2)
    for k in reversed(range(len(outlines))):
        left, top, right, bottom = np.round(outlines[k] * scale).astype(int).tolist()
        cv2.rectangle(panel, (left, top), (right - 1, bottom - 1), colours[k % len(colours)], 2)


def draw_path(panel: np.ndarray, path: np.ndarray, colour: tuple[int, int, int] = PATH) -> None:
    """Draw the places that were looked at, (n, 2) in [-1, 1], the present one filled."""
    height, width = panel.shape[:2]
    points = np.round((path + 1) / 2 * (width - 1, height - 1)).astype(int)
    for start, end in zip(points[:-1].tolist(), points[1:].tolist(), strict=True):
        cv2.line(panel, start, end, colour, 2, cv2.LINE_AA)
    for number, point in enumerate(points.tolist(), 1):
        current = number == len(points)
        cv2.circle(panel, point, 6 if current else 4, colour, -1 if current else 2, cv2.LINE_AA)
        write(panel, str(number), (min(point[0] + 7, width - 14), max(point[1] - 6, 12)), 0.42)


def write(
    image: np.ndarray, text: str, corner: tuple[int, int], size: float, colour: tuple[int, int, int] = TEXT
) -> None:
    """Write a line of text, its lower left end at the corner."""
    cv2.putText(image, text, corner, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
