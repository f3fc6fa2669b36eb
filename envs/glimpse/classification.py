"""Classify an image that is seen in glimpses: the tasks of Mnih et al. 2014 and of any images a user has."""

import math
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import FoveateError, check_choice, check_range
from ..batch import State, Tensors
from ..draws import Draws
from . import data as datasets
from . import retina
from .gaze import GazeWorld

INK = 64  # a pixel at least this bright belongs to the digit (for `relevance`)


class Classification(GazeWorld):
    """Say what an image shows, after a number of glimpses; base of all worlds in this module.

    Description:
        An image lies on a larger black canvas, at a random place, perhaps among pieces of other images. The agent
        sees it through a retina that it moves, and says at each step which class it believes to see.

    Observation space:
        ``Dict(glimpse=Box(0, 1, (scales, patch, patch)), location=Box(-1, 1, (2,)))``, or the whole canvas
        ``Box(0, 255, (1, size, size), uint8)`` with view="image".

    Action space:
        ``Dict(label=Discrete(classes), location=Box(-1, 1, (2,)))``: the answer so far and where to look next; see
        `GazeWorld` for tiles, relative moves and zoom. With `ready` also ``ready=Discrete(2)``: 1 ends the episode
        with this answer. With view="image" just the label (and `ready`).

    Rewards:
        reward="end": 1 for the right label at the last step, else 0. reward="every": 1/glimpses for each right label,
        and with `ready` a final answer counts for the steps left too. In both the best return is 1. Each glimpse
        after the first costs `price`.

    Starting state:
        A random image of the split at a random place, new clutter, the gaze at a random place.

    Episode end:
        After `glimpses` steps, or when the agent is ready. Never truncated.

    Info:
        target: the class; target_mask: whether the answer at this step is rewarded; index: which image of the split
        it is; score: 1 if the label just given was right, else 0; relevance (on request): where the image's ink is,
        bool (size, size).

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
        order: "random", or "each": a world seeded with s shows image s modulo the number of images in every episode,
            so as many worlds as images show each once.
        glimpses: the number of glimpses, which is the number of steps.
        reward: "end" or "every".
        price: what each glimpse after the first costs.
        ready: whether the action has a part that ends the episode.

    Source:
        Mnih, Heess, Graves & Kavukcuoglu 2014, "Recurrent Models of Visual Attention", section 4.

    Version history:
        v0: first version.
    """

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
        order: Literal["random", "each"] = "random",
        glimpses: int = 6,
        reward: Literal["end", "every"] = "end",
        price: float = 0.0,
        ready: bool = False,
        **gaze: Any,
    ):
        super().__init__(**gaze)
        check_range("glimpses", glimpses, 1, 1000)
        check_range("clutter", clutter, 0, 1000)
        check_range("price", price, 0.0)
        check_range("augment", augment, 0.0, 1.0)
        check_choice("order", order, ["random", "each"])
        check_choice("reward", reward, ["end", "every"])
        if (images is None) != (labels is None):
            raise FoveateError("images and labels belong together: give both or neither.")
        source = datasets.load(data, split) if images is None else datasets.from_arrays(images, labels, split)  # type: ignore[arg-type]
        height, width = source.images.shape[1:]
        check_range("size", size, max(height, width))
        check_range("piece", piece, 1, min(height, width))
        self.images, self.labels = torch.from_numpy(source.images), torch.from_numpy(source.labels)
        # the classes of the whole source, not of the split: a split may lack one
        everything = datasets.load(data, "train").labels if labels is None else np.asarray(labels)
        self.classes = max(int(everything.max()), int(source.labels.max())) + 1
        self.items = len(source.labels)
        self.augment = augment if split == "train" else 0.0
        self.size, self.clutter, self.piece, self.order = size, clutter, piece, order
        self.glimpses, self.reward, self.price, self.ready = glimpses, reward, price, ready
        self.episode_length = None if ready else glimpses
        parts: dict[str, spaces.Space] = {"label": spaces.Discrete(self.classes)}
        if ready:
            parts["ready"] = spaces.Discrete(2)
        self.set_spaces((size, size), parts, longest_episode=glimpses)

    def build(self, num_worlds: int, device: torch.device | str = "cpu", keep_trail: bool = False) -> None:
        super().build(num_worlds, device, keep_trail)
        self.images, self.labels = self.images.to(self.device), self.labels.to(self.device)

    # ---- the rules ----

    def start(self, draws: Draws) -> State:
        count, height, width = self.images.shape
        index = draws.key % count if self.order == "each" else draws.integers("image", count)  # (B,)
        row = draws.integers("row", self.size - height + 1)
        column = draws.integers("column", self.size - width + 1)
        state = {
            "index": index,
            "label": self.labels[index],
            "corner": torch.stack([row, column], -1),  # (B, 2)
            "answer": torch.full_like(index, -1),
            **self.start_gaze(draws),
        }
        if self.augment:
            state["warp"] = draws.uniform("warp", 4) * 2 - 1  # (B, 4) turn, two stretches, shear
        if self.clutter:
            # for each piece: which image, where in it (y, x), where on the canvas (y, x)
            free = self.size - self.piece + 1
            state["pieces"] = torch.stack(
                [
                    draws.integers("piece image", count, self.clutter),
                    draws.integers("piece row", height - self.piece + 1, self.clutter),
                    draws.integers("piece column", width - self.piece + 1, self.clutter),
                    draws.integers("canvas row", free, self.clutter),
                    draws.integers("canvas column", free, self.clutter),
                ],
                -1,
            )  # (B, clutter, 5)
        return state

    def advance(self, state: State, action: Any, draws: Draws) -> tuple[State, Tensor, Tensor]:
        answer = self.part(action, "label")
        right = (answer == state["label"]).float()
        steps_left = self.glimpses - 1 - state["clock"]  # (B,) after this one
        last = steps_left <= 0
        if self.ready:
            last = last | (action["ready"] == 1)
        if self.reward == "every":
            counts = torch.where(last, 1 + steps_left.clamp(min=0), 1)  # how many steps this answer counts for
            reward = right * counts / self.glimpses
        else:
            reward = right * last
        if self.price:
            reward = reward - self.price * (~last).float()
        return {**state, **self.move_gaze(state, action, last), "answer": answer}, reward, last

    def annotate(self, state: State) -> dict[str, Tensor]:
        if self.reward == "every" or self.ready:
            rewarded = torch.ones_like(state["label"], dtype=torch.bool)
        else:
            rewarded = state["clock"] + 1 >= self.glimpses
        return {"target": state["label"].clone(), "target_mask": rewarded, "index": state["index"].clone()}

    def score(self, state: State) -> Tensor:
        return (state["answer"] == state["label"]).float()

    # ---- the picture ----

    derived = frozenset({"levels", "sprite"})

    def derive(self, state: State) -> State:
        sprite = self.images[state["index"]]  # (B, h, w)
        if self.augment:
            sprite = warped(sprite, state["warp"] * self.augment)
        return {"sprite": sprite, **super().derive({**state, "sprite": sprite})}

    def origin(self, state: State) -> Tensor | None:
        return None if self.clutter else state["corner"]

    def pooled(self, state: State) -> retina.Fields:
        if self.clutter:
            return super().pooled(state)
        # the canvas is black around the image: pooling the image alone gives the same glimpses, much faster
        image = state["sprite"].float().mul_(1 / 255)[:, None]  # (B, 1, h, w)
        return retina.pool(image, self.pooled_scales, state["corner"], self.picture_size)

    def picture(self, state: State) -> Tensor:
        canvas = torch.zeros(len(state["index"]), self.size**2, dtype=torch.uint8, device=self.device)
        canvas.scatter_(1, self._pixels(state["corner"], self.images.shape[1:]), state["sprite"].flatten(1))
        if self.clutter:
            source, place = self._piece_pixels(state["pieces"])
            canvas.scatter_reduce_(1, place, source, "amax")
        return canvas.view(-1, self.size, self.size)

    def _pixels(self, corner: Tensor, shape: Any) -> Tensor:
        """Where on the flattened canvas the pixels of an image at a corner lie, int64 (B, h·w)."""
        rows = corner[:, 0, None] + torch.arange(shape[0], device=self.device)
        columns = corner[:, 1, None] + torch.arange(shape[1], device=self.device)
        return (rows[:, :, None] * self.size + columns[:, None, :]).flatten(1)

    def _piece_pixels(self, pieces: Tensor) -> tuple[Tensor, Tensor]:
        """The pixels of all pieces, uint8, and where they go on the flattened canvas, each (B, clutter·piece²)."""
        image, row, column, canvas_row, canvas_column = pieces[..., None, None].unbind(2)  # (B, clutter, 1, 1) each
        y = torch.arange(self.piece, device=self.device)[:, None]
        x = torch.arange(self.piece, device=self.device)
        source = self.images[image, row + y, column + x]  # (B, clutter, piece, piece)
        place = (canvas_row + y) * self.size + canvas_column + x
        return source.flatten(1), place.flatten(1)

    def relevance(self, state: State) -> Tensor:
        ink = (state["sprite"] >= INK).flatten(1)
        canvas = torch.zeros(len(ink), self.size**2, dtype=torch.bool, device=self.device)
        return canvas.scatter_(1, self._pixels(state["corner"], self.images.shape[1:]), ink).view(
            -1, self.size, self.size
        )

    def caption(self, state: State, index: int) -> str:
        step, answer, target = (int(state[name][index]) for name in ("clock", "answer", "label"))
        said = "nothing yet" if answer < 0 else f"{answer} ({'right' if answer == target else 'wrong'})"
        return f"glimpse {min(step + 1, self.glimpses)}/{self.glimpses}   truth {target}   agent says {said}"

    # ---- the certified policies ----

    def oracle(self) -> Tensors:
        return self._answering(self.state["label"])

    def blind(self) -> Tensors:
        return self._answering(torch.full_like(self.state["label"], int(self.labels.mode().values)))

    def _answering(self, label: Tensor) -> Tensors:
        actions: dict[str, Tensor] = {"label": label}
        if self.ready:
            actions["ready"] = torch.ones_like(label)
        if self.view == "image":
            return actions if self.ready else label
        if self.location == "tiles":
            actions["location"] = torch.zeros_like(label)
        else:
            actions["location"] = torch.zeros(len(label), 2, device=self.device)
        if self.zoom:
            actions["zoom"] = torch.zeros(len(label), 1, device=self.device)
        return actions


def warped(images: Tensor, warp: Tensor) -> Tensor:
    """Images turned, stretched and sheared about their centres, uint8 (B, h, w).

    Args:
        images: uint8, (B, h, w).
        warp: float, (B, 4) in [-1, 1]: the turn in units of 20°, the stretch of x and of y and the shear in fifths.
    """
    turn = warp[:, 0] * (math.pi / 9)
    stretch_x, stretch_y, shear = (warp[:, 1:] * 0.2).unbind(1)
    cos, sin, zero = turn.cos(), turn.sin(), torch.zeros_like(turn)
    # from places in the result to places in the source: turn · shear · stretch
    top = torch.stack([cos * (1 + stretch_x), (cos * shear - sin) * (1 + stretch_y), zero], -1)
    bottom = torch.stack([sin * (1 + stretch_x), (sin * shear + cos) * (1 + stretch_y), zero], -1)
    shape = [len(images), 1, *images.shape[1:]]
    grid = F.affine_grid(torch.stack([top, bottom], 1), shape, align_corners=False)  # (B, h, w, 2)
    return F.grid_sample(images[:, None].float(), grid, align_corners=False)[:, 0].round().to(torch.uint8)
