"""What there is to look at: scenes, which know their picture and what matters in it, and nothing of rules or gazes."""

import abc
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from ...errors import FoveateError, check_choice, check_range
from ..batch import State
from ..counter_rng import CounterRNG
from . import data as datasets
from . import retina
from .canvas import disturbed, draw_pieces, piece_pixels, pixels_at, warped
from .layers import Layers

MOST_PIXELS = 4096  # of a side of a picture
INK = 64  # a pixel at least this bright belongs to the digit (for `relevance`)


class Scene(abc.ABC):
    """A picture that stays as it is for an episode.

    Its entries are part of a world's state, under these names; a world adds entries of its own.

    Attributes:
        derived: names of entries that `derive` recomputes from the others.
        shape: height and width of the picture in pixels.
    """

    derived: ClassVar[frozenset[str]] = frozenset()
    shape: tuple[int, int]

    @abc.abstractmethod
    def to(self, device: torch.device) -> None:
        """Move what all pictures are made of to a device."""

    @abc.abstractmethod
    def start(self, rng: CounterRNG) -> State:
        """All that is random about ``len(rng)`` pictures."""

    def derive(self, state: State) -> State:
        """The entries named in `derived`."""
        return {}

    @abc.abstractmethod
    def picture(self, state: State) -> Tensor:
        """The pictures, uint8 (B, H, W)."""

    def pooled(self, state: State, scales: int) -> retina.Fields:
        """The pictures as the retina wants them; a scene may pool a smaller part than the whole."""
        return retina.pool(self.picture(state).float().div_(255)[:, None], scales)

    def origin(self, state: State) -> Tensor | None:
        """Where the part that `pooled` pooled lies in the picture, int64 (B, 2), or None for (0, 0)."""
        return None

    def layers(self, state: State) -> Layers | None:
        """What lies on the pictures, where that is known without drawing them; else None."""
        return None


class LabelledScene(Scene):
    """A scene that shows something that has a name; its entry `label`, int64 (B,), is the right one."""

    @property
    @abc.abstractmethod
    def classes(self) -> int:
        """How many names there are."""

    @abc.abstractmethod
    def relevance(self, state: State) -> Tensor:
        """Where the ink of what is named is, bool (B, H, W)."""

    @abc.abstractmethod
    def commonest(self) -> int:
        """The label that is right most often."""

    def name(self, label: int) -> str:
        """A label as it is called under pictures."""
        return str(label)


class ImageScene(LabelledScene):
    """An image of a data set at a random place of a black canvas, perhaps among pieces of other images.

    Args:
        data: "mnist", "fashion-mnist", "openml:NAME" or a folder of IDX files.
        images: your own images instead, (N, H, W), uint8 or floats in [0, 1], with `labels`; divided into splits as
            all others.
        labels: (N,), whole numbers from 0.
        split: "train", "validation" or "test".
        size: side of the canvas in pixels.
        clutter: number of pieces of other images on the canvas.
        piece: side of each such piece in pixels.
        augment: from 0 to 1, how strongly images of the training split are turned (up to 20°), stretched and sheared
            (up to a fifth) at each reset; validation and test images never are.
        noise: standard deviation of Gaussian noise on each pixel, as a share of white.
        contrast: what brightness is multiplied by, about the middle grey; 1 leaves it as it is.
        order: "random", or "each": a world seeded with s shows image s modulo the number of images in every episode,
            so as many worlds as images show each once.

    Attributes:
        items: how many images the split has.
        image_classes: how many classes the images are of.
    """

    derived = frozenset({"sprite"})

    def __init__(
        self,
        *,
        data: str = "mnist",
        images: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        split: Literal["train", "validation", "test"] = "train",
        size: int = 28,
        clutter: int = 0,
        piece: int = 8,
        augment: float = 0.0,
        noise: float = 0.0,
        contrast: float = 1.0,
        order: Literal["random", "each"] = "random",
    ):
        check_range("clutter", clutter, 0, 1000)
        check_range("augment", augment, 0.0, 1.0)
        check_range("noise", noise, 0.0, 10.0)
        check_range("contrast", contrast, 0.0, 10.0)
        check_choice("order", order, ["random", "each"])
        if images is not None and labels is not None:
            source, everything = datasets.from_arrays(images, labels, split), np.asarray(labels)
        elif images is None and labels is None:
            source, everything = datasets.load(data, split), datasets.load(data, "train").labels
        else:
            raise FoveateError("images and labels belong together: give both or neither.")
        height, width = source.images.shape[1:]
        check_range("size", size, max(height, width), MOST_PIXELS)
        if clutter:  # without clutter nobody cares how large its pieces would be
            check_range("piece", piece, 1, min(height, width))
        self.images, self.labels = torch.from_numpy(source.images), torch.from_numpy(source.labels)
        # the classes of the whole source, not of the split: a split may lack one
        self.image_classes = max(int(everything.max()), int(source.labels.max())) + 1
        self.items = len(source.labels)
        self.augment = augment if split == "train" else 0.0
        self.noise, self.contrast = noise, contrast
        self.plain = not (clutter or noise or contrast != 1.0)  # black but for the image
        self.size, self.clutter, self.piece, self.order = size, clutter, piece, order
        self.shape = (size, size)

    @property
    def classes(self) -> int:
        return self.image_classes

    def to(self, device: torch.device) -> None:
        self.images, self.labels = self.images.to(device), self.labels.to(device)

    def start(self, rng: CounterRNG) -> State:
        count, height, width = self.images.shape
        index = rng.key % count if self.order == "each" else rng.integers("image", count)  # (B,)
        row = rng.integers("row", self.size - height + 1)
        column = rng.integers("column", self.size - width + 1)
        state = {"index": index, "label": self.labels[index], "corner": torch.stack([row, column], -1)}
        if self.augment:
            state["warp"] = rng.uniform("warp", 4) * 2 - 1  # (B, 4) turn, two stretches, shear
        if self.noise:
            state["grain"] = rng.bits("grain")  # (B,), the seed of the noise
        if self.clutter:
            shape = (count, height, width)
            state["pieces"] = draw_pieces(rng, self.clutter, self.piece, shape, (self.size, self.size))
        return state

    def derive(self, state: State) -> State:
        """The images themselves, `sprite`, uint8 (B, h, w)."""
        return {"sprite": augmented(self.images.index_select(0, state["index"]), state.get("warp"), self.augment)}

    def origin(self, state: State) -> Tensor | None:
        return state["corner"] if self.plain else None

    def pooled(self, state: State, scales: int) -> retina.Fields:
        if not self.plain:
            return super().pooled(state, scales)
        # the canvas is black around the image: pooling the image alone gives the same glimpses, much faster
        image = state["sprite"].float().mul_(1 / 255)[:, None]  # (B, 1, h, w)
        return retina.pool(image, scales, state["corner"], self.shape)

    def layers(self, state: State) -> Layers | None:
        if self.noise or self.contrast != 1.0:
            return None
        return self._layered(state["sprite"][:, None], state["corner"][:, None], state)

    def _layered(self, sprites: Tensor, corners: Tensor, state: State) -> Layers:
        """Sprites (B, n, h, w) at corners (B, n, 2), and the pieces."""
        found = Layers(sprites, corners, self.shape, divide=not self.plain)
        return found._replace(library=self.images, pieces=state["pieces"], piece=self.piece) if self.clutter else found

    def picture(self, state: State) -> Tensor:
        canvas = self._black(state, torch.uint8).scatter_(1, self._place(state), state["sprite"].flatten(1))
        return self._disturbed(self._cluttered(canvas, state), state)

    def relevance(self, state: State) -> Tensor:
        ink = (state["sprite"] >= INK).flatten(1)
        return self._black(state, torch.bool).scatter_(1, self._place(state), ink).view(-1, *self.shape)

    def commonest(self) -> int:
        return int(self.labels.mode().values)

    def _black(self, state: State, dtype: torch.dtype) -> Tensor:
        """Empty canvases, (B, H·W)."""
        return torch.zeros(len(state["index"]), self.size**2, dtype=dtype, device=state["index"].device)

    def _place(self, state: State) -> Tensor:
        """Where on the flattened canvas the image's pixels lie, int64 (B, h·w)."""
        return pixels_at(state["corner"], (self.images.shape[1], self.images.shape[2]), self.size)

    def _cluttered(self, canvas: Tensor, state: State) -> Tensor:
        """The canvas, (B, H·W), with pieces of other images; written to."""
        if self.clutter:
            source, place = piece_pixels(self.images, state["pieces"], self.piece, self.size)
            canvas.scatter_reduce_(1, place, source, "amax")
        return canvas

    def _disturbed(self, canvas: Tensor, state: State) -> Tensor:
        """The finished picture, (B, H, W), of a canvas (B, H·W)."""
        return disturbed(canvas, state.get("grain"), self.noise, self.contrast).view(-1, *self.shape)


def augmented(sprites: Tensor, warp: Tensor | None, strength: float) -> Tensor:
    """Sprites (…, h, w), distorted where there is a warp (…, 4) and a strength."""
    if warp is None or not strength:
        return sprites
    flat = sprites.flatten(0, -3)
    return warped(flat, warp.reshape(-1, 4) * strength).view(sprites.shape)


def around_picture(picture: State, entries: State) -> State:
    """The state of a world that is about a picture: the image, the world's own entries, then the rest of the scene's.

    Their order is that of `BatchWorld.true_state`, so it must stay.

    Args:
        picture: what the scene's `start` returned.
        entries: the world's own.
    """
    image = {name: picture[name] for name in ("index", "label", "corner") if name in picture}
    return {**image, **entries, **picture}
