"""The Street View House Numbers as their authors pack them: pictures beside a MATLAB file of boxes."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import FoveateError
from ...files import open_regular
from .data import MOST_BYTES, VALIDATION_SHARE

MARGIN = 0.3  # the box around a number is made this much larger on all sides together (Goodfellow et al. 2014)
END = 10  # the symbol behind the last digit


class Entry(NamedTuple):
    """One photograph: its file's name, and each digit's label and box (left, top, width, height)."""

    name: str
    labels: list[int]
    boxes: np.ndarray


def read_struct(file: Path) -> Iterator[Entry]:
    """The entries of a digitStruct.mat (MATLAB 7.3, which is HDF5), read by a process that it may crash.

    Raises:
        FoveateError: the file can't be read, or h5py is missing.
    """
    if importlib.util.find_spec("h5py") is None:
        raise FoveateError("SVHN's digitStruct.mat needs h5py: pip install h5py.")
    open_regular(file, MOST_BYTES).close()
    command = [sys.executable, "-P", str(Path(__file__).with_name("svhn_struct.py")), str(file)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    lines = done.stdout.splitlines()
    try:
        if done.returncode:
            why = json.loads(lines[-1]) if done.returncode == 1 else "HDF5's library crashed on it"
            raise ValueError(why)
        for line in lines:
            name, labels, *sides = json.loads(line)
            # the data set writes a zero as 10
            yield Entry(name, [int(label) % 10 for label in labels], np.array(sides, dtype=np.float64).T)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise FoveateError(f"{file} can't be read as SVHN's digitStruct.mat: {error}.") from error


def read_plates(
    folder: Path, split: str, shape: tuple[int, int], least: int, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The photographs of a split, cut to their numbers.

    Args:
        folder: holds train/ and test/.
        split: "train", "validation" or "test".
        shape: height and width of what is returned.
        least: fewest digits.
        most: most digits.

    Returns:
        Images uint8 (N, H, W), numbers int64 (N, most) with 10 behind the last digit, and boxes int64 (N, most, 4) as
        left, top, right, bottom in pixels of the returned images.

    Raises:
        FoveateError: the split is not there, or a photograph is missing, unreadable or outside the folder.
    """
    import cv2  # takes its time: only who reads photographs waits for it

    home = Path(folder) / ("test" if split == "test" else "train")
    if not (home / "digitStruct.mat").exists():
        raise FoveateError(
            f"no SVHN found: {home / 'digitStruct.mat'} is missing (unpack train.tar.gz and test.tar.gz)."
        )
    images, numbers, boxes = [], [], []
    for index, entry in enumerate(read_struct(home / "digitStruct.mat")):
        if split != "test" and (index % round(1 / VALIDATION_SHARE) == 0) != (split == "validation"):
            continue
        if not least <= len(entry.labels) <= most:
            continue
        if Path(entry.name).name != entry.name:  # a name is never a way out of the folder
            raise FoveateError(f"{home / 'digitStruct.mat'} names {entry.name!r}, which is no file of this folder.")
        open_regular(home / entry.name, MOST_BYTES).close()
        image = cv2.imread(str(home / entry.name), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise FoveateError(f"{home / entry.name} is missing or no picture.")
        cut, moved = _cut(image, entry.boxes, shape)
        images.append(cut)
        numbers.append(entry.labels + [END] * (most - len(entry.labels)))
        boxes.append(np.pad(moved, ((0, most - len(moved)), (0, 0))))
    empty = (np.zeros((0, *shape), np.uint8), np.zeros((0, most), np.int64), np.zeros((0, most, 4), np.int64))
    return (np.stack(images), np.array(numbers), np.stack(boxes)) if images else empty


def _cut(image: np.ndarray, boxes: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The part around all boxes, resized, and the boxes on it as left, top, right, bottom."""
    import cv2

    low, high = boxes[:, :2].min(0), (boxes[:, :2] + boxes[:, 2:]).max(0)
    margin = (high - low) * MARGIN / 2
    left, top = np.floor(np.maximum(low - margin, 0)).astype(int)
    right, bottom = np.ceil(np.minimum(high + margin, image.shape[::-1])).astype(int)
    part = image[top:bottom, left:right]
    scale = np.array([shape[1] / part.shape[1], shape[0] / part.shape[0]])
    corners = np.concatenate(
        [(boxes[:, :2] - (left, top)) * scale, (boxes[:, :2] + boxes[:, 2:] - (left, top)) * scale], 1
    )
    limits = np.array([shape[1], shape[0], shape[1], shape[0]])
    return cv2.resize(part, shape[::-1], interpolation=cv2.INTER_AREA), np.clip(np.round(corners), 0, limits).astype(
        int
    )
