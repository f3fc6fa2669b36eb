"""The glimpse sensor: where an agent looks, how it says so, and what it sees there (Mnih et al. 2014, section 3.1)."""

from typing import Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import check_choice, check_range
from ...tree import Tree
from ..batch import State
from ..counter_rng import CounterRNG
from . import retina

Location = Literal["continuous", "tiles", "moves"]


class GlimpseSensor:
    """A retina that the agent moves over a picture; of one world class, for all its agents.

    A state holds of each agent `location`, (x, y) in [-1, 1], (B, 2), and `zoom`, (B, 1); with a `trail` also all
    places that were looked at, (B, L, 2), for pictures of the episode.

    Args:
        patch: side of each patch of the retina in pixels.
        scales: number of patches, each twice as wide as the one before.
        location: how the agent says where to look: "continuous", "tiles" or "moves".
        tiles: with location="tiles", the grid has tiles x tiles places.
        reach: with location="moves", how far a move of 1 goes, in units of half the picture.
        zoom: whether the action also sets the width of the retina, from half to twice the usual.
        first: where the first glimpse is, "random" (the RAM paper's choice) or "centre".

    Attributes:
        trail: how many places of an episode are kept; 0 for none.
        pooled_scales: at how many scales to pool a picture: one more than there are patches where the retina can widen.
    """

    trail = 0

    def __init__(
        self,
        *,
        patch: int = 8,
        scales: int = 1,
        location: Location = "continuous",
        tiles: int = 5,
        reach: float = 0.5,
        zoom: bool = False,
        first: Literal["random", "centre"] = "random",
    ):
        check_range("patch", patch, 1, 1000)
        check_range("scales", scales, 1, 8)
        check_range("tiles", tiles, 1, 10_000)
        check_range("reach", reach, 0.0, 2.0)
        check_choice("location", location, ["continuous", "tiles", "moves"])
        check_choice("first", first, ["random", "centre"])
        self.patch, self.scales, self.location, self.tiles = patch, scales, location, tiles
        self.reach, self.zoom, self.first = reach, zoom, first
        self.pooled_scales = scales + zoom

    def observation_parts(self) -> dict[str, spaces.Space]:
        """What an agent sees through the retina."""
        parts: dict[str, spaces.Space] = {
            "glimpse": spaces.Box(0.0, 1.0, (self.scales, self.patch, self.patch), np.float32),
            "location": spaces.Box(-1.0, 1.0, (2,), np.float32),
        }
        return parts | self._zoom_part()

    def action_parts(self) -> dict[str, spaces.Space]:
        """What an agent does to look somewhere."""
        continuous = spaces.Box(-1.0, 1.0, (2,), np.float32)
        place = spaces.Discrete(self.tiles**2) if self.location == "tiles" else continuous
        return {"location": place, **self._zoom_part()}

    def _zoom_part(self) -> dict[str, spaces.Space]:
        return {"zoom": spaces.Box(-1.0, 1.0, (1,), np.float32)} if self.zoom else {}

    def start(self, rng: CounterRNG, stream: str = "first") -> State:
        """Where an agent looks first, drawn from a stream."""
        if self.first == "centre":
            place = torch.zeros(len(rng), 2, device=rng.key.device, dtype=torch.float32)
        elif self.location == "tiles":
            place = retina.tile_centres(rng.integers(stream, self.tiles**2), self.tiles)
        else:
            place = rng.uniform(stream, 2) * 2 - 1
        state = {"location": place, "zoom": torch.zeros_like(place[:, :1])}
        if self.trail:
            state["trail"] = place[:, None].repeat(1, self.trail, 1)  # (B, L, 2)
        return state

    def move(self, state: State, action: Tree, last: Tensor) -> State:
        """The same entries after an action.

        Args:
            state: before the action; its `clock` says how many places of the trail are known.
            action: checked tensors.
            last: bool, (B,), where no glimpse follows: there the gaze stays.
        """
        place = torch.where(last[:, None], state["location"], self.wanted(state, action))
        moved = {"location": place, "zoom": state["zoom"]}
        if self.zoom:
            moved["zoom"] = torch.where(last[:, None], state["zoom"], action["zoom"])
        if self.trail:
            now = torch.arange(self.trail, device=place.device) > state["clock"][:, None]
            moved["trail"] = torch.where(now[:, :, None], place[:, None], state["trail"])
        return moved

    def wanted(self, state: State, action: Tree) -> Tensor:
        """Where an action wants to look, (B, 2)."""
        wanted = action["location"]
        if self.location == "tiles":
            return retina.tile_centres(wanted, self.tiles)
        if self.location == "moves":
            return (state["location"] + self.reach * wanted).clamp(-1, 1)
        return wanted

    def still(self, count: int, device: torch.device) -> State:
        """The action of `count` agents that don't care where they look: the first tile, or the centre."""
        if self.location == "tiles":
            looks = {"location": torch.zeros(count, dtype=torch.int64, device=device)}
        else:
            looks = {"location": torch.zeros(count, 2, device=device, dtype=torch.float32)}
        return {**looks, "zoom": torch.zeros(count, 1, device=device, dtype=torch.float32)} if self.zoom else looks

    def look(self, fields: retina.Fields, state: State) -> Tensor:
        """The patches around the gaze, float (B, scales, patch, patch), the finest first."""
        if self.zoom:
            return retina.look_smoothly(fields, state["location"], self.patch, 2 ** state["zoom"][:, 0])
        return retina.look(fields, state["location"], self.patch)

    def observe(self, fields: retina.Fields, state: State) -> dict[str, Tensor]:
        """What an agent sees through the retina, by part, as fresh tensors."""
        return self.seen(self.look(fields, state), state)

    def seen(self, glimpse: Tensor, state: State) -> dict[str, Tensor]:
        """The same, of patches that are known."""
        seen = {"glimpse": glimpse, "location": state["location"].clone()}
        return {**seen, "zoom": state["zoom"].clone()} if self.zoom else seen

    def outlines(self, state: State, picture_size: tuple[int, int]) -> Tensor:
        """Each patch's left, top, right and bottom in pixels of the picture, float (B, scales, 4)."""
        return retina.boxes(state["location"], self.patch, self.scales, picture_size, 2 ** state["zoom"][:, 0])
