"""Two digits on one canvas: which they are, or what they add up to (Ba et al. 2014, section 4.1)."""

import abc
from itertools import combinations_with_replacement
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...errors import FoveateError, check_range
from ..batch import State
from ..counter_rng import CounterRNG
from ..scale import Certified, ScoreScale
from . import retina
from .canvas import overlaid
from .classification import Classification
from .gaze import SceneWorld
from .layers import Layers
from .scene import INK, ImageScene, Scene, augmented

TRIES = 12  # random places tried for the second digit; the first that leaves the first digit free is taken


class PairScene(ImageScene):
    """Two images on one canvas, and one name for both; a subclass says which.

    The arguments are those of `ImageScene`; with ``order="each"`` each image is once the first of the two.

    Attributes:
        names: how many names there are.
    """

    derived = frozenset({"sprites"})
    names: ClassVar[int]

    @property
    def classes(self) -> int:
        return self.names

    @abc.abstractmethod
    def combined(self, first: Tensor, second: Tensor) -> Tensor:
        """The label for two classes, int64 (B,)."""

    def start(self, rng: CounterRNG) -> State:
        state = super().start(rng)
        count, height, width = self.images.shape
        other = rng.integers("second image", count)  # (B,)
        rows = rng.integers("second row", self.size - height + 1, TRIES)
        columns = rng.integers("second column", self.size - width + 1, TRIES)
        places = torch.stack([rows, columns], -1)  # (B, TRIES, 2)
        apart = (places - state["corner"][:, None]).abs()
        # the first place that is free, or the farthest where none is
        free = (apart[..., 0] >= height) | (apart[..., 1] >= width)  # (B, TRIES)
        worth = free * 10_000 + torch.where(free, -torch.arange(TRIES, device=free.device), apart.amax(-1))
        chosen = places[torch.arange(len(places), device=places.device), worth.argmax(1)]
        pair = torch.stack([state["index"], other], 1)  # (B, 2)
        state |= {
            "pair": pair,
            "corners": torch.stack([state["corner"], chosen], 1),  # (B, 2, 2)
            "label": self.combined(*self.labels[pair].unbind(1)),
        }
        if self.augment:
            state["warps"] = rng.uniform("warps", 2, 4) * 2 - 1
        return state

    def derive(self, state: State) -> State:
        """Both images themselves, `sprites`, uint8 (B, 2, h, w)."""
        return {"sprites": augmented(self.images[state["pair"]], state.get("warps"), self.augment)}

    def origin(self, state: State) -> None:
        return None

    def pooled(self, state: State, scales: int) -> retina.Fields:
        return Scene.pooled(self, state, scales)  # there is no part that holds both and is smaller than the whole

    def layers(self, state: State) -> Layers | None:
        if self.noise or self.contrast != 1.0:
            return None
        return self._layered(state["sprites"], state["corners"], state)._replace(divide=True)

    def picture(self, state: State) -> Tensor:
        canvas = self._cluttered(self._black(state, torch.uint8), state)
        return self._disturbed(overlaid(canvas, state["sprites"], state["corners"], self.size), state)

    def relevance(self, state: State) -> Tensor:
        canvas = self._black(state, torch.bool)
        return overlaid(canvas, state["sprites"] >= INK, state["corners"], self.size).view(-1, *self.shape)


class PairNumber(PairScene):
    """Named by the number of the unordered pair: (0, 0), (0, 1), …, (0, 9), (1, 1), …, (9, 9)."""

    names = 55

    def combined(self, first: Tensor, second: Tensor) -> Tensor:
        low, high = torch.minimum(first, second), torch.maximum(first, second)
        return low * 10 - low * (low - 1) // 2 + high - low  # rows of the upper triangle have 10, 9, 8, … entries

    def name(self, label: int) -> str:
        low, high = list(combinations_with_replacement(range(10), 2))[label]
        return f"{low} and {high}"


class PairSum(PairScene):
    """Named by the sum of both.

    Attributes:
        digits: 2, or 1 where the second one is left out; then the first is the sum.
    """

    names = 19
    digits: int = 2

    def combined(self, first: Tensor, second: Tensor) -> Tensor:
        return first + second if self.digits == 2 else first

    def derive(self, state: State) -> State:
        sprites = super().derive(state)["sprites"]
        sprites[:, self.digits :] = 0
        return {"sprites": sprites}

    def commonest(self) -> int:
        return 9


class TwoDigits(Classification):
    """Two images on one canvas and one answer about both; base of the worlds in this module."""

    scene: PairScene
    derived = SceneWorld.derived | PairScene.derived

    def __init__(
        self, *, size: int = 100, patch: int = 12, scales: int = 4, glimpses: int = 4, clutter: int = 0, **rest: Any
    ):
        super().__init__(size=size, patch=patch, scales=scales, glimpses=glimpses, clutter=clutter, **rest)
        found = self.scene.image_classes
        if found > 10:
            raise FoveateError(f"{type(self).__name__} is about ten digits, the data have {found} classes.")


class DigitPairs(TwoDigits):
    """Two digits anywhere on a black canvas of 100x100: which two are they, in whatever order?

    Everything else is as in `Classification`; there are 55 answers, the unordered pairs, numbered (0, 0), (0, 1), …,
    (0, 9), (1, 1), …, (9, 9). Four glimpses of four scales, 12x12 each; the digits overlap only where
    no place is left (in about one of ten thousand pictures). `order="each"` shows
    each image once as the first of the two.

    Source:
        Ba, Mnih & Kavukcuoglu 2014, "Multiple Object Recognition with Visual Attention", section 4.1 (5 % error).

    Version history:
        v0: first version.
    """

    scene_class = PairNumber
    scale = ScoreScale(oracle=Certified(1.0, 0.0), blind=Certified(0.02, 0.02), random=Certified(0.018, 0.02))


class AddDigits(TwoDigits):
    """Two digits anywhere on a black canvas of 100x100: what is their sum?

    Everything else is as in `DigitPairs`; there are 19 answers, 0 to 18. Always saying 9 is right in a tenth of all
    episodes. In the first of two lessons there is one digit, which is the sum.

    Args:
        lesson: of the curriculum, 1 for one digit, 2 for two; None is the last.

    Source:
        Ba, Mnih & Kavukcuoglu 2014, section 4.1 (addition: 2.5 % error, a convolutional network 3.2 %). The lessons are
        ours.

    Version history:
        v0: first version.
    """

    scene: PairSum
    scene_class = PairSum
    lessons: ClassVar[list[dict[str, int]]] = [{"digits": 1}, {"digits": 2}]
    scale = ScoreScale(oracle=Certified(1.0, 0.0), blind=Certified(0.1, 0.02), random=Certified(0.053, 0.02))

    def __init__(self, *, lesson: int | None = None, **rest: Any):
        super().__init__(**rest)
        lessons = len(self.lessons)
        lesson = check_range("lesson", lessons if lesson is None else lesson, 1, lessons)
        self.scene.digits = self.lessons[lesson - 1]["digits"]
