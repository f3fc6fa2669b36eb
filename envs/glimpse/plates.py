"""House numbers: plates put together from single digits, or SVHN's own photographs."""

import abc
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import FoveateError, check_range
from ..batch import State
from ..counter_rng import CounterRNG
from . import data as datasets
from .canvas import draw_pieces, overlaid, piece_pixels
from .layers import Layers
from .scene import INK, MOST_PIXELS, Scene, augmented
from .svhn import END, read_plates

SPACING = (17, 22)  # pixels from one digit to the next, the larger one excluded; MNIST's digits are about 20 wide
DRIFT = 2  # how many rows a digit may stand higher or lower than the one before


class PlateOptions(NamedTuple):
    """Which plates there are.

    Attributes:
        split: "train", "validation" or "test".
        height: of the plates in pixels.
        width: of the plates; None leaves it to the kind of plate.
        least: fewest digits of a number.
        most: most digits of a number.
        room: most digits that the plates have room for.
        clutter: number of pieces of other digits, where plates are composed.
        piece: side of each.
        augment: how strongly training digits are distorted, 0 to 1.
    """

    split: str
    height: int
    width: int | None
    least: int
    most: int
    room: int
    clutter: int
    piece: int
    augment: float


class Plates(Scene):
    """Plates with a number; the entry `number` is its digits, with `END` behind them, int64 (B, most)."""

    derived = frozenset({"canvas"})

    def derive(self, state: State) -> State:
        """The finished plates, `canvas`: once an episode, since they stay."""
        return {"canvas": self.compose(state)}

    def picture(self, state: State) -> Tensor:
        return state["canvas"]

    def layers(self, state: State) -> Layers:
        return Layers.of(state["canvas"])

    @abc.abstractmethod
    def compose(self, state: State) -> Tensor:
        """The plates, uint8 (B, H, W)."""

    @abc.abstractmethod
    def ink(self, state: State, slot: Tensor) -> Tensor:
        """Where the slot-th digit is, bool (B, H, W); all digits where there is none."""


class ComposedPlates(Plates):
    """Digits in a row on a lit plate, among pieces of other digits; if no width is given the longest has room to move.

    Args:
        data: a data set of single digits.
        options: which plates.
    """

    def __init__(self, data: str, options: PlateOptions):
        split, height, width, least, most, room, clutter, piece, augment = options
        source = datasets.load(data, split)
        self.images, self.labels = torch.from_numpy(source.images), torch.from_numpy(source.labels)
        self.digit = (self.images.shape[1], self.images.shape[2])
        span = self.digit[1] + (room - 1) * (SPACING[1] - 1)
        check_range("height", height, self.digit[0] + 2 * DRIFT, MOST_PIXELS)
        if width is not None:
            check_range("width", width, span, MOST_PIXELS)
        self.shape = (height, span + self.digit[1] if width is None else width)
        check_range("clutter", clutter, 0, 1000)
        if clutter:
            check_range("piece", piece, 1, min(self.digit))
        self.least, self.most, self.room, self.clutter, self.piece = least, most, room, clutter, piece
        self.augment = augment if split == "train" else 0.0

    def to(self, device: torch.device) -> None:
        self.images, self.labels = self.images.to(device), self.labels.to(device)

    def start(self, rng: CounterRNG) -> State:
        count = self.least + rng.integers("count", self.most - self.least + 1)  # (B,)
        index = rng.integers("digit image", len(self.labels), self.room)  # (B, M)
        low, high = SPACING
        steps = low + rng.integers("spacing", high - low, self.room)
        column = steps.cumsum(1) - steps[:, :1]  # (B, M) from the first digit
        span = column.gather(1, count[:, None] - 1) + self.digit[1]  # (B, 1)
        left = (rng.uniform("left") * (self.shape[1] - span[:, 0] + 1)).long()  # (B,)
        row = rng.integers("top", self.shape[0] - self.digit[0] + 1)[:, None]
        drift = (rng.integers("drift", 2 * DRIFT + 1, self.room) - DRIFT).cumsum(1)
        row = (row + drift).clamp(0, self.shape[0] - self.digit[0])  # (B, M)
        there = torch.arange(self.room, device=index.device) < count[:, None]  # (B, M)
        column = torch.where(there, column + left[:, None], 0)
        state = {
            "number": torch.where(there, self.labels[index], END),
            "images": index,
            "there": there,
            "corners": torch.stack([row, column], -1),  # (B, M, 2)
            # how bright the plate is on its left and on its right, and how bright the ink
            "tones": torch.stack(
                [
                    0.35 * rng.uniform("left tone"),
                    0.35 * rng.uniform("right tone"),
                    0.65 + 0.35 * rng.uniform("ink"),
                ],
                -1,
            ),  # (B, 3)
        }
        if self.augment:
            state["warps"] = rng.uniform("warps", self.room, 4) * 2 - 1
        if self.clutter:
            shape = (len(self.labels), *self.digit)
            state["pieces"] = draw_pieces(rng, self.clutter, self.piece, shape, self.shape)
        return state

    def sprites(self, state: State) -> Tensor:
        """The digits, uint8 (B, M, h, w); black where a number has no more."""
        sprites = augmented(self.images[state["images"]], state.get("warps"), self.augment)
        return torch.where(state["there"][..., None, None], sprites, 0)

    def compose(self, state: State) -> Tensor:
        height, width = self.shape
        ink = torch.zeros(len(state["number"]), height * width, dtype=torch.uint8, device=state["number"].device)
        if self.clutter:
            source, place = piece_pixels(self.images, state["pieces"], self.piece, width)
            ink.scatter_reduce_(1, place, source, "amax")
        ink = overlaid(ink, self.sprites(state), state["corners"], width).view(-1, height, width).float() / 255
        left, right, bright = state["tones"][..., None].unbind(1)  # (B, 1) each
        ramp = torch.linspace(0, 1, width, device=ink.device, dtype=ink.dtype)
        plate = (left + (right - left) * ramp)[:, None]  # (B, 1, W)
        return ((plate + (bright[..., None] - plate) * ink) * 255).round().to(torch.uint8)

    def ink(self, state: State, slot: Tensor) -> Tensor:
        wanted = torch.arange(self.room, device=slot.device) == slot[:, None]  # (B, M)
        beyond = ~(wanted & state["there"]).any(1, keepdim=True)
        shown = ((wanted | beyond) & state["there"])[..., None, None]
        canvas = torch.zeros(len(slot), self.shape[0] * self.shape[1], dtype=torch.bool, device=slot.device)
        inked = (self.sprites(state) >= INK) & shown
        return overlaid(canvas, inked, state["corners"], self.shape[1]).view(-1, *self.shape)


class PhotographedPlates(Plates):
    """SVHN's photographs, cut to their numbers, grey, all of one size; if no width is given as wide as high.

    Args:
        folder: holds train/ and test/ as the data set's archives unpack: digitStruct.mat and the pictures.
        options: which plates.
    """

    def __init__(self, folder: str, options: PlateOptions):
        split, height, width, least, most, room, *_ = options
        check_range("height", height, 1, MOST_PIXELS)
        if width is not None:
            check_range("width", width, 1, MOST_PIXELS)
        self.shape = (height, height if width is None else width)
        self.room = room
        images, numbers, boxes = (
            torch.from_numpy(part) for part in read_plates(Path(folder), split, self.shape, least, room)
        )
        shown = (numbers != END).sum(1) <= most
        self.images, self.numbers, self.boxes = images[shown], numbers[shown], boxes[shown]
        if not len(self.images):
            raise FoveateError(f"{folder} has no numbers of {least} to {most} digits in its {split} part.")

    def to(self, device: torch.device) -> None:
        self.images, self.numbers, self.boxes = (x.to(device) for x in (self.images, self.numbers, self.boxes))

    def start(self, rng: CounterRNG) -> State:
        index = rng.integers("plate", len(self.images))
        return {"plate": index, "number": self.numbers[index]}

    def compose(self, state: State) -> Tensor:
        return self.images[state["plate"]]

    def ink(self, state: State, slot: Tensor) -> Tensor:
        """The digits' boxes, since nobody has marked their ink."""
        boxes = self.boxes[state["plate"]]  # (B, M, 4) left, top, right, bottom
        rows = torch.arange(self.shape[0], device=slot.device)[:, None]
        columns = torch.arange(self.shape[1], device=slot.device)
        left, top, right, bottom = boxes[..., None, None].unbind(2)  # (B, M, 1, 1) each
        inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)  # (B, M, H, W)
        wanted = torch.arange(self.room, device=slot.device) == slot[:, None]
        there = state["number"][:, : self.room] != END
        beyond = ~(wanted & there).any(1, keepdim=True)
        return (inside & ((wanted | beyond) & there)[..., None, None]).any(1)


def make_plates(data: str, options: PlateOptions) -> Plates:
    """The plates of a data set: "svhn:FOLDER" for photographs, else single digits that are put together."""
    if data.startswith("svhn:"):
        return PhotographedPlates(data.removeprefix("svhn:"), options)
    return ComposedPlates(data, options)
