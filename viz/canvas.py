"""What pictures are put together from: empty canvases, enlarged images, boxes, lines, dots, colour maps.

All of it draws in place on uint8 (H, W, 3). Points are (x, y) in pixels, from the upper left.
"""

from functools import cache
from typing import Literal

import numpy as np

from ..errors import FoveateError
from .palette import PAPER, Colour

Point = tuple[int, int]
FILLED = -1  # a thickness


def blank(height: int, width: int, colour: Colour = PAPER) -> np.ndarray:
    """An empty canvas, uint8 (height, width, 3)."""
    return _blank(height, width, colour).copy()


@cache
def _blank(height: int, width: int, colour: Colour) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def even(side: int) -> int:
    """The side, or one pixel more: video encoders want even sides."""
    return side + side % 2


def in_colour(picture: np.ndarray) -> np.ndarray:
    """A picture, grey (H, W) or in colour (H, W, 3), as (H, W, 3)."""
    return np.repeat(picture[..., None], 3, 2) if picture.ndim == 2 else picture


def as_picture(frame: object) -> np.ndarray:
    """What anybody's ``render()`` may return as a picture, uint8 (H, W, 3): the one place where it is converted.

    Args:
        frame: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), of which the last channel is left out; integers in 0 … 255,
            floats in [0, 1], or bools.

    Raises:
        FoveateError: it is none of these.
    """
    try:
        picture = np.asarray(frame)
    except ValueError:  # ragged lists
        picture = np.asarray(None)
    if picture.ndim == 3 and picture.shape[2] in (1, 3, 4):
        picture = picture[..., 0] if picture.shape[2] == 1 else picture[..., :3]
    elif picture.ndim != 2:
        raise FoveateError(f"a frame must be (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), got {picture.shape}.")
    if not picture.size:
        raise FoveateError(f"a frame must have pixels, got {picture.shape}.")
    if picture.dtype.kind in "fb":
        return in_colour(_in_bytes(picture, 1))
    if picture.dtype.kind in "iu":
        return in_colour(picture if picture.dtype == np.uint8 else _in_bytes(picture, 255))
    raise FoveateError(f"a frame must be of integers, floats or bools, got {picture.dtype}.")


def _in_bytes(picture: np.ndarray, white: int) -> np.ndarray:
    low, high = picture.min(), picture.max()
    if not (low >= 0 and high <= white):  # NaN is neither
        raise FoveateError(
            f"a frame of {picture.dtype} must lie in 0 … {white}, got {float(low):.4g} … {float(high):.4g}: "
            "floats are shares of white, integers are bytes."
        )
    return (picture.astype(np.float32) * (255 / white)).round().astype(np.uint8)


def enlarge(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture, grey or in colour, at another size, its pixels as rectangles: (height, width, 3)."""
    import cv2

    return cv2.resize(np.ascontiguousarray(in_colour(picture)), (width, height), interpolation=cv2.INTER_NEAREST)


def shrink(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture at a smaller size, each pixel the mean of those that it stands for."""
    import cv2

    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def trimmed(picture: np.ndarray, colour: Colour) -> np.ndarray:
    """A picture without its margin of one colour: as much as there is on the left, from the left, the right and above.

    What is drawn on the left of our worlds' frames doesn't move, so the frames of a film all lose the same.

    Args:
        picture: uint8 (H, W, 3).
        colour: of the margin.
    """
    empty = (picture == np.asarray(colour, np.uint8)).all((0, 2))  # (W,), columns
    left = int(empty.argmin()) if not empty.all() else 0
    side = min(left, int(empty[::-1].argmin()))
    above = (picture[:left] == np.asarray(colour, np.uint8)).all((1, 2))  # (left,), rows
    top = left if above.all() else int(above.argmin())
    return picture[top:, left : picture.shape[1] - side]


def scaled(picture: np.ndarray, scale: float) -> np.ndarray:
    """A picture at a share of its size, each pixel the mean of those that it stands for."""
    import cv2

    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def box(canvas: np.ndarray, corner: Point, far: Point, colour: Colour, thickness: int = 1) -> None:
    """Draw the outline of a box.

    Args:
        canvas: is drawn on.
        corner: one corner.
        far: the opposite one; both lie on the outline.
        colour: of the box.
        thickness: of its outline; `FILLED` fills it.
    """
    import cv2

    cv2.rectangle(canvas, corner, far, colour, thickness)


def line(
    canvas: np.ndarray, start: Point, end: Point, colour: Colour, thickness: int = 1, smooth: bool = False
) -> None:
    """Draw a line.

    Args:
        canvas: is drawn on.
        start: one end.
        end: the other.
        colour: of the line.
        thickness: in pixels.
        smooth: whether its edges are blended into what is below, for slanted lines.
    """
    import cv2

    cv2.line(canvas, start, end, colour, thickness, cv2.LINE_AA if smooth else cv2.LINE_8)


def dot(
    canvas: np.ndarray, centre: Point, radius: int, colour: Colour, thickness: int = FILLED, smooth: bool = False
) -> None:
    """Draw a disc, or with a thickness a circle.

    Args:
        canvas: is drawn on.
        centre: of the disc.
        radius: in pixels.
        colour: of the disc.
        thickness: of a circle's line; `FILLED` is a disc.
        smooth: whether its edge is blended into what is below.
    """
    import cv2

    cv2.circle(canvas, centre, radius, colour, thickness, cv2.LINE_AA if smooth else cv2.LINE_8)


def heat(values: np.ndarray, colours: Literal["inferno", "twilight"] = "inferno") -> np.ndarray:
    """Numbers (H, W) in [0, 1] as colours (H, W, 3): "inferno" from dark to bright, "twilight" for numbers that
    differ from a middle, which is pale: what is below is blue, what is above red, and both grow dark.
    """
    import cv2

    code = cv2.COLORMAP_INFERNO if colours == "inferno" else cv2.COLORMAP_TWILIGHT_SHIFTED
    return np.ascontiguousarray(cv2.applyColorMap(as_bytes(values), code)[..., ::-1])


def as_bytes(values: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1], clipped, as 0 … 255."""
    return (255 * np.clip(values, 0, 1)).astype(np.uint8)
