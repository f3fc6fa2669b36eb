"""The things that pictures of `Caption` show: small images of digits and clothes, and places where they don't touch."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import FoveateError
from ...tree import outside_inference
from ..counter_rng import CounterRNG
from ..glimpse import data as datasets
from ..glimpse.canvas import pixels_at

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
NOUNS = (*DIGITS, *CLOTHES)
SIZE, SIDE = 64, 14  # pixels of a side of a picture, and of a thing
BLOCKS = 3  # along each side of a picture; a block holds one thing at most
MOST = BLOCKS**2
_SETS = ("mnist", "fashion-mnist")  # of images, digits and clothes
DATA = {"digits": _SETS[:1], "clothes": _SETS[1:], "both": _SETS}
_FROM = torch.tensor([SIZE * number // BLOCKS for number in range(BLOCKS)])  # where blocks begin
_PLAY = SIZE // BLOCKS - SIDE  # pixels by which a thing can lie elsewhere in its block
INK = 32  # a pixel at least this bright belongs to the thing


class Kinds(NamedTuple):
    """Images of things.

    Attributes:
        images: uint8, (N, SIDE, SIDE).
        nouns: int64, (N,), what each shows, its place in `NOUNS`.
        boxes: int64, (N, 4), around each one's ink: first row, first column, and the ones behind the last.
        start: where the images of each data set begin, and N.
    """

    images: Tensor
    nouns: Tensor
    boxes: Tensor
    start: tuple[int, ...]


class Things(NamedTuple):
    """What pictures show, M things each, those that aren't there behind those that are.

    The first is the one most to the left; where several are in one column of blocks, the upper one.

    Attributes:
        there: bool, (n, M).
        image: int64, (n, M), the number of each one's image.
        row: int64, (n, M), of its block.
        corner: int64, (n, M, 2), row and column of its first pixel.
    """

    there: Tensor
    image: Tensor
    row: Tensor
    corner: Tensor


@cache
@outside_inference
def kinds(data: str, split: str) -> Kinds:
    """The images of a split, at half their size.

    Args:
        data: of `DATA`.
        split: "train", "validation" or "test".

    Raises:
        FoveateError: they aren't there, or are no 28x28 images of ten classes.
    """
    images, nouns, start = [], [], [0]
    for name in DATA[data]:
        found = datasets.load(name, split)
        if found.images.shape[1:] != (2 * SIDE, 2 * SIDE) or found.labels.max() >= len(DIGITS):
            raise FoveateError(
                f"pictures of {data} need images of 28x28 pixels and labels from 0 to 9: {name} has "
                f"{found.images.shape[1:]} and labels up to {found.labels.max()}."
            )
        halves = torch.from_numpy(found.images).view(-1, SIDE, 2, SIDE, 2).float().mean((2, 4))
        images.append(halves.round().to(torch.uint8))
        nouns.append(torch.from_numpy(found.labels) + _SETS.index(name) * len(DIGITS))
        start.append(start[-1] + len(found.labels))
    every = torch.cat(images)
    return Kinds(every, torch.cat(nouns), ink_boxes(every), tuple(start))


def ink_boxes(images: Tensor) -> Tensor:
    """The boxes around the ink of images (N, h, w), int64 (N, 4), see `Kinds`; the whole of one without ink."""
    sides = []
    for axis in (2, 1):
        ink = (images >= INK).any(axis)  # (N, h) and (N, w)
        ink = ink | ~ink.any(1, keepdim=True)
        sides.append((ink.int().argmax(1), ink.shape[1] - ink.flip(1).int().argmax(1)))
    return torch.stack([sides[0][0], sides[1][0], sides[0][1], sides[1][1]], 1)


def arranged(rng: CounterRNG, count: Tensor, most: int, known: Kinds) -> Things:
    """Things of any kinds in different blocks, all choices as likely.

    Args:
        rng: random numbers.
        count: how many there are, (n,).
        most: M, the most of them.
        known: the images.
    """
    device = count.device
    there = torch.arange(most, device=device) < count[:, None]
    block = rng.bits("blocks", MOST).argsort(1)[:, :most]  # down the columns, one after the other
    block = (block + MOST * ~there).sort(1).values % MOST  # of those that aren't there, too, where no other is
    row, column = block % BLOCKS, block // BLOCKS
    begins = _FROM.to(device)
    corner = torch.stack([begins[row], begins[column]], -1) + rng.integers("corners", _PLAY + 1, most, 2)
    sizes = torch.tensor(known.start, device=device).diff()
    which = rng.integers("data", len(sizes), most)
    image = torch.tensor(known.start, device=device)[which] + rng.bits("images", most) % sizes[which]
    return Things(there, image, row, corner)


def painted(things: Things, images: Tensor) -> Tensor:
    """The pictures, uint8 (n, SIZE, SIZE).

    Args:
        things: what they show.
        images: of `Kinds`.
    """
    n = len(things.there)
    pixels = images[things.image] * things.there[..., None, None]  # (n, M, SIDE, SIDE)
    place = pixels_at(things.corner, (SIDE, SIDE), SIZE)  # (n, M, SIDE²)
    canvas = images.new_zeros(n, SIZE**2)
    return canvas.scatter_(1, place.flatten(1), pixels.flatten(1)).view(n, SIZE, SIZE)


def boxes_of(things: Things, boxes: Tensor) -> Tensor:
    """Where in the pictures the ink of each thing is, int64 (n, M, 4): as `Kinds.boxes`; 0 where there is none."""
    return (boxes[things.image] + things.corner.repeat(1, 1, 2)) * things.there[..., None]
