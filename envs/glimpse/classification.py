"""Classify an image that is seen in glimpses: the tasks of Mnih et al. 2014 and of any images a user has."""

from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import FoveateError, check_choice, check_range
from ..batch import State, Tensors
from ..counter_rng import CounterRNG
from . import data as datasets
from . import retina
from .canvas import disturbed, draw_pieces, piece_pixels, pixels_at, warped
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
        noise: standard deviation of Gaussian noise on each pixel, as a share of white.
        contrast: what brightness is multiplied by, about the middle grey; 1 leaves it as it is.
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
        noise: float = 0.0,
        contrast: float = 1.0,
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
        check_range("noise", noise, 0.0, 10.0)
        check_range("contrast", contrast, 0.0, 10.0)
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
        self.noise, self.contrast = noise, contrast
        self.plain = not (clutter or noise or contrast != 1.0)  # black but for the image
        self.size, self.clutter, self.piece, self.order = size, clutter, piece, order
        self.glimpses, self.reward, self.price, self.ready = glimpses, reward, price, ready
        self.episode_length = None if ready else glimpses
        self.set_spaces((size, size), self.answer_parts(), longest_episode=glimpses)

    def answer_parts(self) -> dict[str, spaces.Space]:
        """The task's own parts of the action."""
        parts: dict[str, spaces.Space] = {"label": spaces.Discrete(self.classes)}
        return {**parts, "ready": spaces.Discrete(2)} if self.ready else parts

    def build(self, num_worlds: int, device: torch.device | str = "cpu", keep_trail: bool = False) -> None:
        super().build(num_worlds, device, keep_trail)
        self.images, self.labels = self.images.to(self.device), self.labels.to(self.device)

    # ---- the rules ----

    def start(self, rng: CounterRNG) -> State:
        count, height, width = self.images.shape
        index = rng.key % count if self.order == "each" else rng.integers("image", count)  # (B,)
        row = rng.integers("row", self.size - height + 1)
        column = rng.integers("column", self.size - width + 1)
        state = {
            "index": index,
            "label": self.labels[index],
            "corner": torch.stack([row, column], -1),  # (B, 2)
            "answer": torch.full_like(index, -1),
            **self.start_gaze(rng),
        }
        if self.augment:
            state["warp"] = rng.uniform("warp", 4) * 2 - 1  # (B, 4) turn, two stretches, shear
        if self.noise:
            state["grain"] = rng.bits("grain")  # (B,), the seed of the noise
        if self.clutter:
            shape = (count, height, width)
            state["pieces"] = draw_pieces(rng, self.clutter, self.piece, shape, (self.size, self.size))
        return state

    def advance(self, state: State, action: Any, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
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

    derived = GazeWorld.derived | {"sprite"}

    def sprite(self, state: State) -> Tensor:
        """The images themselves, uint8 (B, h, w)."""
        return augmented(self.images[state["index"]], state.get("warp"), self.augment)

    def derive(self, state: State) -> State:
        sprite = self.sprite(state)
        return {"sprite": sprite, **super().derive({**state, "sprite": sprite})}

    def origin(self, state: State) -> Tensor | None:
        return state["corner"] if self.plain else None

    def pooled(self, state: State) -> retina.Fields:
        if not self.plain:
            return super().pooled(state)
        # the canvas is black around the image: pooling the image alone gives the same glimpses, much faster
        image = state["sprite"].float().mul_(1 / 255)[:, None]  # (B, 1, h, w)
        return retina.pool(image, self.pooled_scales, state["corner"], self.picture_size)

    def picture(self, state: State) -> Tensor:
        canvas = torch.zeros(len(state["index"]), self.size**2, dtype=torch.uint8, device=self.device)
        canvas.scatter_(1, self._place(state), state["sprite"].flatten(1))
        if self.clutter:
            source, place = piece_pixels(self.images, state["pieces"], self.piece, self.size)
            canvas.scatter_reduce_(1, place, source, "amax")
        return disturbed(canvas, state.get("grain"), self.noise, self.contrast).view(-1, self.size, self.size)

    def _place(self, state: State) -> Tensor:
        """Where on the flattened canvas the image's pixels lie, int64 (B, h·w)."""
        return pixels_at(state["corner"], (self.images.shape[1], self.images.shape[2]), self.size)

    def relevance(self, state: State) -> Tensor:
        ink = (state["sprite"] >= INK).flatten(1)
        canvas = torch.zeros(len(ink), self.size**2, dtype=torch.bool, device=self.device)
        return canvas.scatter_(1, self._place(state), ink).view(-1, self.size, self.size)

    def caption(self, state: State, index: int) -> str:
        step, answer, target = (int(state[name][index]) for name in ("clock", "answer", "label"))
        said = "nothing yet" if answer < 0 else f"{answer} ({'right' if answer == target else 'wrong'})"
        return f"glimpse {min(step + 1, self.glimpses)}/{self.glimpses}   truth {target}   agent says {said}"

    # ---- the certified policies ----

    def oracle(self) -> Tensors:
        return self._answering(self.state["label"])

    def blind(self) -> Tensors:
        return self._answering(torch.full_like(self.state["label"], self.blind_answer()))

    def blind_answer(self) -> int:
        """The answer that is right most often."""
        return int(self.labels.mode().values)

    def _answering(self, label: Tensor) -> Tensors:
        actions: dict[str, Tensor] = {"label": label}
        if self.ready:
            actions["ready"] = torch.ones_like(label)
        if self.view == "image":
            return actions if self.ready else label
        return {**actions, **self.still()}


def augmented(sprites: Tensor, warp: Tensor | None, strength: float) -> Tensor:
    """Sprites (…, h, w), distorted where there is a warp (…, 4) and a strength."""
    if warp is None or not strength:
        return sprites
    flat = sprites.flatten(0, -3)
    return warped(flat, warp.reshape(-1, 4) * strength).view(sprites.shape)
