"""Visual search: one character among others, which are told from it by a single feature or by none."""

from typing import Any, Literal

import torch
from torch import Tensor

from ...errors import check_choice
from ..batch import State
from ..counter_rng import CounterRNG
from ..kernels import arrays, kernel, worth_it
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from .canvas import overlaid
from .characters import HEIGHT, WIDTH, characters
from .classification import Classification
from .gaze import SceneWorld
from .scene import LabelledScene
from .sensor import GlimpseSensor

SHADES = {"dark": 110, "grey": 180, "bright": 255}
SIDE, CELL = 8, 10  # cells along a side of the picture, and their side in pixels
FEWEST, MOST = 4, SIDE**2
PLAY = (CELL - HEIGHT, CELL - WIDTH)  # pixels by which a character can lie elsewhere in its cell, less one
TARGET = "8"
OTHERS = {"conjunction": "369B", "feature": "/\\|-"}
SPLITS = Splits.of("characters", Range(FEWEST, MOST), exactly=[side**2 for side in range(2, SIDE + 1)])


class SearchScene(LabelledScene):
    """One 8 among other characters, side by side in a block in the middle of a black picture.

    Args:
        split: "train" (4 to 64 characters), "validation" and "test" (the same), "test-4", -9, -16, -25, -36, -49 and
            -64 (exactly so many).
        min_characters: fewest characters, the 8 among them; None leaves it to the split.
        max_characters: most characters; None leaves it to the split.
        search: "conjunction" (the others are 3, 6, 9 and B, made of the same parts as an 8) or "feature" (they are
            single strokes).
        answer: what is asked for, "shade" or "place" of the 8.
    """

    splits = SPLITS

    def __init__(
        self,
        *,
        split: str = "train",
        min_characters: int | None = None,
        max_characters: int | None = None,
        search: Literal["conjunction", "feature"] = "conjunction",
        answer: Literal["shade", "place"] = "shade",
    ):
        check_choice("search", search, list(OTHERS))
        check_choice("answer", answer, ["shade", "place"])
        sizes = self.splits.sizes(split, min_characters=min_characters, max_characters=max_characters)
        self.count = sizes.range("characters", FEWEST, MOST)
        self.answer = answer
        self.shape = (SIDE * CELL, SIDE * CELL)
        self.glyphs = characters(TARGET + OTHERS[search])  # (N, HEIGHT, WIDTH), the 8 first
        self.shades = torch.tensor(list(SHADES.values()))

    @property
    def classes(self) -> int:
        return len(SHADES) if self.answer == "shade" else MOST

    def name(self, label: int) -> str:
        return list(SHADES)[label] if self.answer == "shade" else f"row {label // SIDE + 1} column {label % SIDE + 1}"

    def commonest(self) -> int:
        return 0 if self.answer == "shade" else (SIDE // 2 - 1) * SIDE + SIDE // 2 - 1  # every block has this cell

    def to(self, device: torch.device) -> None:
        self.glyphs, self.shades = self.glyphs.to(device), self.shades.to(device)

    def start(self, rng: CounterRNG) -> State:
        count = self.count.sample(rng, "characters")
        target = (rng.uniform("target") * count).long()  # (B,), its number in the block
        glyph = 1 + rng.integers("glyph", len(self.glyphs) - 1, MOST)
        shade = rng.integers("shade", len(SHADES), MOST)
        glyph.scatter_(1, target[:, None], 0)
        state = {
            "count": count,
            "target": target,
            "glyph": glyph.to(torch.uint8),  # (B, MOST)
            "shade": shade.to(torch.uint8),
            "play": (rng.integers("play", PLAY[0] * PLAY[1], MOST)).to(torch.uint8),
        }
        at = target[:, None]
        label = shade.gather(1, at)[:, 0] if self.answer == "shade" else self.cells(count).gather(1, at)[:, 0]
        return {"label": label, **state}

    def cells(self, count: Tensor) -> Tensor:
        """Where each character lies: the number of its cell, row by row, int64 (B, MOST).

        A block has as many columns as the root of their number, rounded up; the last row may be shorter.
        """
        columns = count.float().sqrt().ceil().long()[:, None]  # exact: squares up to 64 and their roots are
        rows = (count[:, None] + columns - 1) // columns
        number = torch.arange(MOST, device=count.device)
        row, column = (SIDE - rows) // 2 + number // columns, (SIDE - columns) // 2 + number % columns
        return row * SIDE + column

    def corners(self, state: State) -> Tensor:
        """The upper left pixels of the characters, int64 (B, MOST, 2); of those that aren't there anywhere."""
        cell, play = self.cells(state["count"]), state["play"].long()
        row = cell // SIDE * CELL + 1 + play // PLAY[1]
        return torch.stack([row, cell % SIDE * CELL + 1 + play % PLAY[1]], -1)

    def relevance(self, state: State) -> Tensor:
        """The box of the 8."""
        which = state["target"][:, None, None].expand(-1, 1, 2)
        corner = self.corners(state).gather(1, which)  # (B, 1, 2)
        row, column = (torch.arange(side, device=corner.device) for side in self.shape)
        down, across = row - corner[..., 0], column - corner[..., 1]  # (B, H), (B, W)
        inside_rows, inside_columns = (down >= 0) & (down < HEIGHT), (across >= 0) & (across < WIDTH)
        return inside_rows[:, :, None] & inside_columns[:, None, :]

    def picture(self, state: State) -> Tensor:
        count = state["count"]
        if worth_it("displays", count.device, len(count)):
            pictures = torch.empty(len(count), *self.shape, dtype=torch.uint8)
            known = (state["count"], state["glyph"], state["shade"], state["play"])
            kernel("displays")(*arrays((self.glyphs, self.shades, *known)), (SIDE, CELL, PLAY[1]), pictures.numpy())
            return pictures
        there = torch.arange(MOST, device=count.device) < count[:, None]
        ink = self.glyphs[state["glyph"].long()] & there[..., None, None]  # (B, MOST, HEIGHT, WIDTH)
        sprites = (ink * self.shades[state["shade"].long()][..., None, None]).to(torch.uint8)
        corners = torch.where(there[..., None], self.corners(state), 0)
        black = torch.zeros(len(count), self.shape[0] * self.shape[1], dtype=torch.uint8, device=count.device)
        return overlaid(black, sprites, corners, self.shape[1]).view(-1, *self.shape)


class _Search(Classification):
    """Search with a scene; with the defaults of all other parts."""

    scene_class = SearchScene
    scene: SearchScene
    splits = SPLITS
    derived = SceneWorld.derived
    configures = (SearchScene, GlimpseSensor)


class FindEight(_Search):
    """Find the 8 and say which shade it has, or where it is; it takes as many glimpses as one likes.

    Description:
        4 to 64 characters stand side by side in a block in the middle of a black picture of 80x80, each in one of three
        shades. One of them is an 8. The others are 3, 6, 9 and B, which have its parts (search="conjunction"), or
        single strokes, from which its roundness alone tells an 8 (search="feature"). The gaze begins in the middle;
        whoever knows the answer gives it by being ready, which ends the episode.

    Observation space:
        ``Dict(glimpse=Box(0, 1, (3, 16, 16)), location=Box(-1, 1, (2,)))``, or the whole picture
        ``Box(0, 255, (1, 80, 80), uint8)`` with view="image".

    Action space:
        ``Dict(label=Discrete(3), location=Box(-1, 1, (2,)), ready=Discrete(2))``: dark, grey or bright, where to look
        next, and whether this is the answer; Discrete(64) with answer="place", the cells of 8x8 row by row. With
        view="image" without the location.

    Rewards:
        1 for the right answer, given by being ready or at the last glimpse, else 0; each glimpse after the first costs
        `price`. See `Classification` for reward="every".

    Starting state:
        A number of characters, their kinds and shades, and which is the 8, all uniform; the gaze in the middle.

    Episode end:
        When the agent is ready, or after `glimpses` glimpses. Never truncated.

    Info:
        target, target_mask: the answer, and True; score: 1 if the answer just given is right, else 0; relevance (on
        request): the box of the 8, bool (80, 80).

    Args:
        glimpses: the most glimpses.
        ready: whether the action has a part that ends the episode; else it ends after `glimpses`.
        first: where the first glimpse is, "centre" or "random".

    Source:
        "Find the 8" of slides on attention; the two kinds of search, whose times are flat and rising in the number of
        characters, are Treisman & Gelade's (1980, "A feature-integration theory of attention"). Pictures are ours.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(oracle=Certified(1.0, 0.0), blind=Certified(1 / 3, 0.03), random=Certified(1 / 3, 0.03))

    def __init__(
        self,
        *,
        glimpses: int = 24,
        ready: bool = True,
        patch: int = 16,
        scales: int = 3,
        first: Literal["random", "centre"] = "centre",
        **rest: Any,
    ):
        super().__init__(glimpses=glimpses, ready=ready, patch=patch, scales=scales, first=first, **rest)

    def caption(self, state: State, index: int) -> str:
        return f"{int(state['count'][index])} characters   {super().caption(state, index)}"
