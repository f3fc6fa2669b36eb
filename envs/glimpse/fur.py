"""An animal that is told by the texture of its fur, before a ground that may or may not go with it."""

from typing import Any, Literal

import torch
from torch import Tensor

from ...errors import check_choice, check_range
from ..batch import State
from ..counter_rng import CounterRNG
from ..kernels import arrays, kernel, worth_it
from ..protocols import Intervention, chosen_intervention
from ..scale import Certified, ScoreScale
from .animals import HEIGHT, WIDTH, silhouettes
from .canvas import pixels_at
from .classification import Classification
from .gaze import SceneWorld
from .scene import LabelledScene
from .sensor import GlimpseSensor
from .textures import COATS, GROUNDS, SHEETS, SIDE, sheets

DARKEST = (120, 70)  # the mean greys of fur and of ground begin here, so that fur is mostly the brighter of the two
OBJECTS = ("fur", "background")
TONES = 71  # how many mean greys each may have


class FurScene(LabelledScene):
    """The silhouette of an animal, filled with fur, somewhere before a ground.

    A state's `surfaces`, int64 (B, 2, 5), say of the fur and of the ground which texture it is, which of its sheets,
    from which row and column on it is cut, and its mean grey.

    Args:
        split: "train", "validation" or "test"; no two share a silhouette or a sheet of texture.
        size: side of the picture in pixels.
        spurious: how often the ground goes with the fur in the training split; else, and in the other splits, it is
            any of the four.
    """

    def __init__(
        self, *, split: Literal["train", "validation", "test"] = "train", size: int = 64, spurious: float = 0.0
    ):
        check_choice("split", split, list(SHEETS))
        check_range("size", size, WIDTH, SIDE)
        check_range("spurious", spurious, 0.0, 1.0)
        self.size, self.spurious = size, spurious if split == "train" else 0.0
        self.shape = (size, size)
        self.animals = silhouettes(split)  # (N, HEIGHT, WIDTH)
        self.sheets = torch.stack([sheets(COATS, split), sheets(GROUNDS, split)])  # (2, 4, sheets, SIDE, SIDE)

    @property
    def classes(self) -> int:
        return len(COATS)

    def name(self, label: int) -> str:
        return COATS[label]

    def commonest(self) -> int:
        return 0

    def to(self, device: torch.device) -> None:
        self.animals, self.sheets = self.animals.to(device), self.sheets.to(device)

    def start(self, rng: CounterRNG) -> State:
        label = rng.integers("coat", len(COATS))
        agrees = rng.uniform("agrees") < self.spurious
        ground = torch.where(agrees, label, rng.integers("ground", len(GROUNDS)))
        surfaces = [
            torch.stack([label, ground], 1),
            rng.integers("sheet", self.sheets.shape[2], 2),
            rng.integers("sheet row", SIDE - self.size + 1, 2),
            rng.integers("sheet column", SIDE - self.size + 1, 2),
            torch.stack(
                [dark + rng.integers(f"{name} tone", TONES) for dark, name in zip(DARKEST, OBJECTS, strict=True)], 1
            ),
        ]
        row, column = rng.integers("row", self.size - HEIGHT + 1), rng.integers("column", self.size - WIDTH + 1)
        return {
            "label": label,
            "corner": torch.stack([row, column], -1),
            "animal": rng.integers("animal", len(self.animals)),
            "turned": rng.integers("turned", 2),  # 1 looks to the left
            "surfaces": torch.stack(surfaces, -1),  # (B, 2, 5)
        }

    def relevance(self, state: State) -> Tensor:
        animal = self.animals[state["animal"]]  # (B, HEIGHT, WIDTH)
        animal = torch.where(state["turned"][:, None, None] == 1, animal.flip(2), animal)
        canvas = torch.zeros(len(animal), self.size**2, dtype=torch.bool, device=animal.device)
        canvas.scatter_(1, pixels_at(state["corner"], (HEIGHT, WIDTH), self.size), animal.flatten(1))
        return canvas.view(-1, *self.shape)

    def picture(self, state: State) -> Tensor:
        surfaces = state["surfaces"]
        if worth_it("coats", surfaces.device, len(surfaces)):
            pictures = torch.empty(len(surfaces), *self.shape, dtype=torch.uint8)
            where = (state["animal"], state["turned"], state["corner"], surfaces)
            kernel("coats")(*arrays((self.animals, self.sheets, *where)), pictures.numpy())
            return pictures
        return torch.where(self.relevance(state), self._surface(surfaces, 0), self._surface(surfaces, 1))

    def _surface(self, surfaces: Tensor, which: int) -> Tensor:
        """The pictures full of fur (0) or of ground (1), uint8 (B, size, size)."""
        texture, sheet, row, column, tone = surfaces[:, which, :, None, None].unbind(1)  # (B, 1, 1) each
        along = torch.arange(self.size, device=surfaces.device)
        marks = self.sheets[which][texture, sheet, row + along[:, None], column + along]  # int16 (B, size, size)
        return (tone + marks).clamp(0, 255).to(torch.uint8)


class _Coats(Classification):
    """Classification of fur; with the defaults of all other parts."""

    scene_class = FurScene
    scene: FurScene
    derived = SceneWorld.derived
    configures = (FurScene, GlimpseSensor)


class Fur(_Coats):
    """Which fur has the animal: spots, rosettes, stripes or none of these? The ground is a distractor.

    Everything else is as in `Classification`; the observation is what the retina sees, six glimpses of three scales,
    12x12 each, or with view="image" the whole picture of 64x64; there are four answers, in this order. A silhouette
    says nothing about the fur: any animal wears any. The grounds are grass, leaves, stones and sand, one for each kind
    of fur; with `spurious` it is that one so often where one trains, and nowhere else. An agent that answers to the
    ground then does well in training and at chance in tests (a "Clever Hans"), and a map of what it looks at shows why.

    `objects` are the "fur" and the "background"; an intervention shifts either's texture to the next of the four, in
    the order above. Shifting the fur's changes what is right.

    Info:
        relevance (on request): the fur, bool (size, size).

    Source:
        The example of Graves, "Attention and Memory in Deep Learning" (DeepMind x UCL 2020, lecture 8): a classifier
        of big cats that answers to the fur's spots and ignores what is behind them. Lapuschkin et al. 2019, "Unmasking
        Clever Hans predictors and assessing what machines really learn", for the spurious ground. Pictures are ours.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(oracle=Certified(1.0, 0.0), blind=Certified(0.25, 0.02), random=Certified(0.25, 0.02))
    interventions = tuple(Intervention("shift", name, 1.0) for name in OBJECTS)

    def __init__(self, *, patch: int = 12, scales: int = 3, **rest: Any):
        super().__init__(patch=patch, scales=scales, **rest)

    def objects(self, state: State) -> dict[str, Tensor]:
        """Where the fur and the background are, bool (B, size, size)."""
        fur = self.relevance(state)
        return dict(zip(OBJECTS, (fur, ~fur), strict=True))

    def intervene(self, state: State, kind: str, name: str, amount: float | None = None) -> State:
        """The state with another texture; the given one stays as it is.

        Args:
            state: of the worlds.
            kind: "shift".
            name: "fur" or "background".
            amount: by how many textures, a whole number; None takes the next.

        Raises:
            FoveateError: there is no such object or intervention, or the amount is no whole number.
        """
        chosen = chosen_intervention(self.interventions, kind, name, amount, whole=True)
        which = OBJECTS.index(name)
        surfaces = state["surfaces"].clone()
        surfaces[:, which, 0] = (surfaces[:, which, 0] + int(chosen.amount)) % len(COATS)
        after = {**state, "surfaces": surfaces, "label": surfaces[:, 0, 0].clone()}
        return {**after, **self.derive(after)}
