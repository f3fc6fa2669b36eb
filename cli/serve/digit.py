"""A digit that was drawn in a browser as a picture like those of MNIST."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from ...errors import FoveateError, shortened
from ...viz.canvas import blank, dot, line, shrink

SIDE, INNER = 28, 20  # of an image of MNIST, and of the box that its digit is fitted into (LeCun et al. 1998)
DETAIL = 16  # how much finer lines are drawn
PEN = 2.3  # the width of a line, in pixels of the image
MOST_STROKES, MOST_POINTS = 100, 5000


def checked_strokes(given: object) -> list[np.ndarray]:
    """Strokes as they came from a browser: each (n, 2), x and y in [0, 1] from the upper left.

    Raises:
        FoveateError: they are none, too many, or no numbers in that range.
    """
    if not isinstance(given, Sequence) or not given or not all(isinstance(stroke, Sequence) for stroke in given):
        raise FoveateError("nothing is drawn yet: draw a digit with the mouse, a pen or a finger.")
    if len(given) > MOST_STROKES or sum(map(len, given)) > MOST_POINTS:
        raise FoveateError(f"a drawing has at most {MOST_STROKES} strokes and {MOST_POINTS} points: clear it first.")
    try:
        strokes = [np.asarray(stroke, np.float64).reshape(-1, 2) for stroke in given if len(stroke)]
    except (TypeError, ValueError) as error:
        raise FoveateError(f"a drawing is strokes of points (x, y), got {shortened(given)}.") from error
    if not strokes:
        raise FoveateError("nothing is drawn yet: draw a digit with the mouse, a pen or a finger.")
    for stroke in strokes:
        if not (np.isfinite(stroke).all() and (stroke >= -1).all() and (stroke <= 2).all()):
            raise FoveateError("a drawing's points lie on its canvas, in [0, 1].")
    return [stroke.clip(0, 1) for stroke in strokes]


def as_digit(strokes: Sequence[np.ndarray]) -> np.ndarray:
    """The strokes as an image of MNIST: fitted into 20x20 pixels, its mass in the middle of 28x28; uint8 (28, 28).

    Args:
        strokes: from `checked_strokes`.
    """
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    extent = max(float((high - low).max()), 1e-3)
    scale = (INNER - PEN) / extent if extent > 0.05 else INNER / 4 / extent  # a dot stays small
    large = blank(SIDE * DETAIL, SIDE * DETAIL, (0, 0, 0))
    placed = [((stroke - (low + high) / 2) * scale + SIDE / 2) * DETAIL for stroke in strokes]
    for stroke in placed:
        corners = [(round(x), round(y)) for x, y in stroke.tolist()]
        for start, end in itertools.pairwise(corners):
            line(large, start, end, (255, 255, 255), round(PEN * DETAIL))
        for corner in corners:
            dot(large, corner, round(PEN * DETAIL / 2), (255, 255, 255))
    image = shrink(np.ascontiguousarray(large[..., 0]), SIDE, SIDE)
    return _centred(image)


def _centred(image: np.ndarray) -> np.ndarray:
    """The image moved by whole pixels, so that the centre of its mass is in the middle."""
    mass = image.astype(np.float64)
    rows, columns = np.indices(image.shape)
    moved = image
    for axis, places in enumerate((rows, columns)):
        middle = (SIDE - 1) / 2
        ink = np.flatnonzero(image.any(1 - axis))
        by = math.floor(middle - (mass * places).sum() / mass.sum() + 0.5)
        by = min(max(by, -int(ink[0])), SIDE - 1 - int(ink[-1]))  # nothing leaves the image
        moved = np.roll(moved, by, axis)
    return moved
