"""Attention against distraction: one places clutter within a budget, the other looks for the digit."""

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import FoveateError, check_range
from ...tree import Tree
from ...viz.team import Looker, team_frame
from ..batch import State
from ..counter_rng import CounterRNG
from ..glimpse import retina
from ..glimpse.canvas import piece_pixels
from ..glimpse.layers import Layers
from ..glimpse.scene import around_picture
from ..scale import Certified
from .base import Actions, TeamScale
from .pictures import PictureWorld

HIDER, SEEKER = "hider", "seeker"


class HideAndSeek(PictureWorld):
    """A hider clutters a picture, piece by piece; then a seeker looks for the digit in it and says which it is.

    Description:
        A digit lies on a canvas of 60x60. First the hider, who sees the whole canvas, places `budget` pieces of other
        digits, one a step, each on a place of a grid; the seeker's eyes are closed. Then the seeker has `glimpses`
        glimpses through its retina, and its last answer counts. Where ink overlaps, the brighter pixel counts, so the
        digit can be surrounded and overgrown but never wiped out.

    Observation space:
        of the hider ``Dict(canvas=Box(0, 1, (1, coarse, coarse)), digit=Box(-1, 1, (2,)), left=Box(0, 1, (1,)))``: the
        canvas as it is, where the digit's centre is, and the share of the budget that is left. Of the seeker
        ``Dict(glimpse=Box(0, 1, (scales, patch, patch)), location=Box(-1, 1, (2,)), left=Box(0, 1, (1,)))``: what its
        retina sees (black while its eyes are closed), where it looks, and the share of the hider's budget that is left.

    Action space:
        of the hider ``Dict(place=Discrete(grid²))``, the places row by row; of the seeker
        ``Dict(label=Discrete(classes), location=Box(-1, 1, (2,)))``. Nothing that the seeker does counts while its eyes
        are closed, and nothing that the hider does counts when they are open.

    Rewards:
        at the end 1 for the seeker if its last answer is right, else 1 for the hider.

    Starting state:
        A random image of the split at a random place, nothing else on the canvas, the gaze at a random place.

    Episode end:
        After budget + glimpses steps. Never truncated.

    Info:
        of each agent target, target_mask: the class, and whether the answer counts (of the hider never); index: which
        image of the split it is; score: whether the seeker's last answer was right; relevance (on request): where the
        digit's ink is, bool (size, size).

    Args:
        budget: pieces that the hider may place.
        grid: the hider chooses among grid x grid places.
        piece: side of each piece in pixels.
        coarse: side of the hider's view of the canvas.
        glimpses: the number of the seeker's glimpses.
        **picture: the picture and the retina, see `ImageScene` and `GlimpseSensor`.

    Source:
        The cluttered digits of Mnih et al. 2014, section 4.1, with an opponent instead of chance; the task is ours.

    Version history:
        v0: first version.
    """

    scale = TeamScale(oracle=Certified(1.0, 0.0), alone=Certified(0.1, 0.02), random=Certified(0.1, 0.02))
    withheld = ("clutter",)
    cooperative = False
    derived = frozenset({"levels", "sprite", "canvas"})
    score_name = "seeker was right"

    def __init__(
        self,
        *,
        budget: int = 6,
        grid: int = 6,
        piece: int = 10,
        coarse: int = 15,
        size: int = 60,
        patch: int = 12,
        scales: int = 3,
        glimpses: int = 6,
        **picture: object,
    ):
        check_range("budget", budget, 0, 100)
        check_range("grid", grid, 1, 60)
        check_range("coarse", coarse, 1, 60)
        check_range("glimpses", glimpses, 1, 1000)
        self.set_picture({"piece": piece, "size": size, "patch": patch, "scales": scales, **picture})
        if budget:
            check_range("piece", piece, 1, min(*self.scene.images.shape[1:]))
        self.budget, self.grid, self.piece, self.coarse, self.glimpses = budget, grid, piece, coarse, glimpses
        self.episode_length, self.items = budget + glimpses, self.scene.items
        left: dict[str, spaces.Space] = {"left": spaces.Box(0.0, 1.0, (1,), np.float32)}
        hider = {
            "canvas": spaces.Box(0.0, 1.0, (1, coarse, coarse), np.float32),
            "digit": spaces.Box(-1.0, 1.0, (2,), np.float32),
            **left,
        }
        seeker = {**self.sensor.observation_parts(), **left}
        answers = {"label": spaces.Discrete(self.scene.classes), **self.sensor.action_parts()}
        self.set_agents({HIDER: hider, SEEKER: seeker}, {HIDER: {"place": spaces.Discrete(grid**2)}, SEEKER: answers})

    # ---- the rules ----

    def start(self, rng: CounterRNG) -> State:
        count, height, width = self.scene.images.shape
        sources = [
            rng.integers("piece image", count, self.budget),
            rng.integers("piece row", height - self.piece + 1, self.budget),
            rng.integers("piece column", width - self.piece + 1, self.budget),
        ]
        nowhere = torch.full_like(sources[0], -1)
        picture = self.scene.start(rng)
        entries = {"answer": torch.full_like(picture["index"], -1), **self.sensor.start(rng)}
        placed = torch.stack([*sources, nowhere, nowhere], -1)  # (B, budget, 5)
        return {**around_picture(picture, entries), "placed": placed}

    def derive(self, state: State) -> State:
        sprite = self.scene.derive(state)
        canvas = self.scene.picture({**state, **sprite})
        if self.budget:
            # a piece that isn't placed yet has no ink, wherever it lies
            there = state["placed"][..., 3] >= 0  # (B, budget)
            source, place = piece_pixels(self.scene.images, state["placed"].clamp(min=0), self.piece, self.scene.size)
            source = source * there.repeat_interleave(self.piece**2, 1)
            canvas = canvas.flatten(1).scatter_reduce(1, place, source, "amax").view_as(canvas)
        drawn = {**sprite, "canvas": canvas}
        if self.direct:
            return drawn
        return {**drawn, "levels": retina.pool(canvas.float()[:, None] / 255, self.sensor.pooled_scales).levels}

    def advance(self, state: State, action: Tree, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        clock = state["clock"]
        hiding = clock < self.budget
        last = clock + 1 >= self.budget + self.glimpses
        label = action[SEEKER]["label"]
        gaze = self.sensor.move(state, action[SEEKER], last | hiding)
        after = {**state, **gaze, "answer": torch.where(hiding, -1, label)}
        if bool(hiding.any()):
            now = torch.arange(self.budget, device=clock.device) == clock[:, None]  # (B, budget)
            corner = self._corner(action[HIDER]["place"])[:, None].expand(-1, self.budget, -1)
            where = torch.where(now[..., None], corner, state["placed"][..., 3:])
            after["placed"] = torch.cat([state["placed"][..., :3], where], -1)
            after |= self.derive(after)
        won = (label == state["label"]).float() * last
        return after, torch.stack([last.float() - won, won], 1), last

    def _corner(self, place: Tensor) -> Tensor:
        """The top left pixel of a piece on a place of the grid, row and column, int64 (B, 2)."""
        step = torch.stack([place.div(self.grid, rounding_mode="floor"), place % self.grid], -1)
        return (step * (self.scene.size - self.piece)).div(max(1, self.grid - 1), rounding_mode="floor")

    def observe(self, state: State) -> dict[str, dict[str, Tensor]]:
        awake = state["clock"] >= self.budget
        left = (self.budget - state["clock"]).clamp(min=0)[:, None] / max(1, self.budget)  # (B, 1)
        coarse = F.adaptive_avg_pool2d(state["canvas"].float()[:, None] / 255, self.coarse)
        seeker = {"glimpse": self._glimpse(state) * awake[:, None, None, None]}
        seeker |= {"location": state["location"].clone(), "left": left}
        if self.sensor.zoom:
            seeker["zoom"] = state["zoom"].clone()
        return {HIDER: {"canvas": coarse, "digit": self._middle(state), "left": left.clone()}, SEEKER: seeker}

    def _glimpse(self, state: State) -> Tensor:
        if self.direct:
            return self.see(Layers.of(state["canvas"]), state["location"])
        return self.look(state["levels"], state)

    def _middle(self, state: State) -> Tensor:
        """Where the digit's centre is, (B, 2) as (x, y) in [-1, 1]."""
        height, width = self.scene.images.shape[1:]
        half = torch.tensor([height / 2, width / 2], device=self.device, dtype=torch.float32)
        return ((state["corner"] + half) / self.scene.size * 2 - 1).flip(-1)

    def annotate(self, state: State) -> dict[str, Tensor]:
        due = state["clock"] + 1 == self.episode_length
        mask = torch.stack([torch.zeros_like(due), due], 1)
        return {"target": self.each(state["label"]), "target_mask": mask, "index": self.each(state["index"])}

    def score(self, state: State) -> Tensor:
        return self.each((state["answer"] == state["label"]).float())

    def relevance(self, state: State) -> Tensor:
        return self.each(self.scene.relevance(state))

    # ---- the certified policies ----

    def oracle(self) -> Actions:
        return self._acting(self.state["label"])

    def alone(self) -> Actions:
        """A seeker that keeps its eyes closed: the commonest digit."""
        return self._acting(torch.full_like(self.state["label"], self.scene.commonest()))

    def silent(self) -> Actions:
        """As `MultiWorld.silent`, which makes no sense here.

        Raises:
            FoveateError: always, as there is no channel.
        """
        raise FoveateError("HideAndSeek has no channel between the two.")

    def _acting(self, label: Tensor) -> Actions:
        still = self.sensor.still(self.num_worlds, self.device)
        return {HIDER: {"place": torch.zeros_like(label)}, SEEKER: {"label": label, **still}}

    # ---- the picture ----

    def frame(self, index: int) -> np.ndarray:
        """As `BatchWorld.frame`.

        Raises:
            FoveateError: the worlds were made without a render_mode.
        """
        if not self.keep_trail:
            raise FoveateError("this batch of worlds was made without a render_mode.")
        one = {name: value[index : index + 1] for name, value in self.state.items()}
        clock, truth, answer = int(one["clock"]), int(one["label"]), int(one["answer"])
        canvas = np.repeat(one["canvas"][0].cpu().numpy()[:, :, None], 3, 2)
        placed = one["placed"][0].cpu()
        boxes = [[c, r, c + self.piece, r + self.piece] for r, c in placed[:, 3:].tolist() if r >= 0]
        hider = Looker(
            HIDER, [f"placed {len(boxes)} of {self.budget} pieces"], np.array(boxes, np.float32).reshape(-1, 4)
        )
        if clock < self.budget:
            seeker = Looker(SEEKER, ["eyes closed"])
        else:
            outlines = self.sensor.outlines(one, self.scene.shape)
            path = one["trail"][0, self.budget : clock + 1]
            said = "nothing yet" if answer < 0 else f"{answer} ({'right' if answer == truth else 'wrong'})"
            patches = self._glimpse(one)[0].cpu().numpy()
            seeker = Looker(SEEKER, [f"answers {said}"], outlines[0].cpu().numpy(), path.cpu().numpy(), patches)
        caption = f"{'hiding' if clock < self.budget else 'seeking'}   truth {truth}"
        return team_frame(canvas, caption, [hider, seeker])
