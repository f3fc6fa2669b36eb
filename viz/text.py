"""The one way to write on a picture."""

from collections.abc import Sequence

import numpy as np

from .palette import INK, Colour


def write(
    canvas: np.ndarray,
    words: str,
    at: tuple[int, int],
    size: float = 0.45,
    colour: Colour = INK,
    right: bool = False,
    halo: Colour | None = None,
) -> None:
    """Write a line of text, in place.

    Args:
        canvas: uint8 (H, W, 3).
        words: one line; what isn't ASCII comes out as question marks.
        at: (x, y) of the line's lower left end.
        size: of the letters; at 0.45 a capital is about 10 pixels high.
        colour: of the letters.
        right: whether `at` is the lower right end instead.
        halo: a colour around the letters, where the ground may be of theirs.
    """
    import cv2

    if right:
        at = (at[0] - width_of(words, size), at[1])
    if halo is not None:
        cv2.putText(canvas, words, at, cv2.FONT_HERSHEY_SIMPLEX, size, halo, 4, cv2.LINE_AA)
    cv2.putText(canvas, words, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)


def width_of(words: str, size: float = 0.45) -> int:
    """The pixels that a line of text takes from left to right.

    Args:
        words: one line.
        size: of the letters, as in `write`.
    """
    import cv2

    return cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, size, 1)[0][0]


def laid_out(
    words: Sequence[str], sides: tuple[int, int], top: int, line: int, gap: int, size: float = 0.45
) -> list[tuple[str, int, int]]:
    """Words in lines, each with the lower left end of its letters.

    Args:
        words: one behind the other.
        sides: where lines begin, and before which they end, unless a word is longer than a line.
        top: of the first line.
        line: from one line to the next.
        gap: between words.
        size: of the letters, as in `write`.
    """
    left, right = sides
    laid, x, y = [], left, top + 16
    for word in words:
        wide = width_of(word, size)
        if x + wide > right and x > left:
            x, y = left, y + line
        laid.append((word, x, y))
        x += wide + gap
    return laid
