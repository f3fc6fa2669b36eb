"""Pictures as files: PNGs read and written, contact sheets, pictures brought to one size."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import FoveateError
from .canvas import scaled, shrink

WIDE = 1.7  # times as wide as tall: pictures that a sheet has below each other
EDGE = 2  # pixels between those


def write_picture(path: str | Path, picture: np.ndarray) -> None:
    """Write a picture, uint8 (H, W, 3), as a PNG; its folder is created if need be.

    Raises:
        FoveateError: the name doesn't end in .png, or the file can't be written.
    """
    import cv2

    path = Path(path)
    if path.suffix.lower() != ".png":
        raise FoveateError(f"{path}: pictures are written as .png.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written = cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    except OSError as error:
        raise FoveateError(f"{path} can't be written: {error}.") from error
    if not written:
        raise FoveateError(f"{path} can't be written.")


def as_png(picture: np.ndarray) -> bytes:
    """A picture, uint8 (H, W, 3), as the content of a PNG."""
    import cv2

    done, content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    assert done
    return content.tobytes()


def read_picture(path: str | Path) -> np.ndarray | None:
    """A picture, uint8 (H, W, 3), from a file; None if it holds none."""
    import cv2

    picture = cv2.imread(str(path))
    return None if picture is None else np.ascontiguousarray(picture[..., ::-1])


def contact_sheet(
    path: str | Path, pictures: Sequence[np.ndarray], columns: int | None = None, scale: float | None = None
) -> None:
    """Write pictures of one size side by side into a PNG.

    Args:
        path: the file; its folder is created if need be.
        pictures: uint8 (H, W, 3).
        columns: pictures in a row; None is 3, or 1 of pictures so wide that their letters would get too small.
        scale: by how much each is shrunk; None is 0.6, or 1 of one column.

    Raises:
        FoveateError: there are no pictures, or the file can't be written.
    """
    if not pictures:
        raise FoveateError("there are no pictures for the sheet.")
    height, width = pictures[0].shape[:2]
    if columns is None:
        columns = 1 if width > WIDE * height else 3
    if scale is None:
        scale = 1.0 if columns == 1 else 0.6
    small = [scaled(picture, scale) for picture in pictures]
    if columns == 1:  # nothing else tells where one ends
        small = [np.pad(picture, ((0, EDGE), (0, 0), (0, 0)), constant_values=160) for picture in small]
    small += [np.zeros_like(small[0])] * (-len(small) % columns)
    rows = [np.concatenate(small[i : i + columns], 1) for i in range(0, len(small), columns)]
    write_picture(path, np.concatenate(rows))


def padded_to_tallest(pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Pictures of one width, padded below with white to the height of the tallest."""
    tallest = max(len(picture) for picture in pictures)
    return [np.pad(p, ((0, tallest - len(p)), (0, 0), (0, 0)), constant_values=255) for p in pictures]


def fitted(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """A picture shrunk to fit, if need be, and padded with white below and on the right: (height, width, 3)."""
    if picture.shape[:2] == (height, width):
        return picture
    scale = min(1.0, height / picture.shape[0], width / picture.shape[1])
    small = shrink(picture, int(picture.shape[0] * scale), int(picture.shape[1] * scale))
    room = ((0, height - small.shape[0]), (0, width - small.shape[1]), (0, 0))
    return np.pad(small, room, constant_values=255)
