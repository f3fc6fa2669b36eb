"""Small data sets of random images in the files that MNIST comes in."""

import gzip
import struct
from pathlib import Path

import numpy as np


def write_idx(path: Path, array: np.ndarray, zipped: bool) -> None:
    """One array, uint8 of any shape, as a file."""
    raw = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(raw) if zipped else raw)


def write_data_set(folder: Path, train: int = 60, test: int = 20, size: int = 9, classes: int = 4) -> None:
    """The four files of a data set: so many images of noise, (size, size), whose classes take turns."""
    generator = np.random.default_rng(0)
    for stem, count in (("train", train), ("t10k", test)):
        images = generator.integers(0, 256, (count, size, size), dtype=np.uint8)
        write_idx(folder / f"{stem}-images-idx3-ubyte.gz", images, True)
        write_idx(folder / f"{stem}-labels-idx1-ubyte", (np.arange(count) % classes).astype(np.uint8), False)
