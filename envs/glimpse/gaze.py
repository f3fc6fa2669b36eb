"""What all glimpse worlds share: a picture, a gaze that the agent moves, and the two views of it."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import FoveateError, check_choice, check_range
from ...viz.glimpses import glimpse_frame
from ..batch import BatchWorld, State, Tensors
from ..counter_rng import CounterRNG
from ..protocols import Gaze
from . import retina

Location = Literal["continuous", "tiles", "moves"]
View = Literal["glimpse", "image"]


class GazeWorld(BatchWorld):
    """A world whose picture is seen through a moving retina, or as a whole.

    A subclass gives the picture and adds its own parts to the action; this base has the gaze.

    Observation space:
        view="glimpse": ``Dict(glimpse=Box(0, 1, (scales, patch, patch)), location=Box(-1, 1, (2,)))``, the
        patches around the gaze, finest first, and where the gaze is as (x, y); with `zoom` also
        ``zoom=Box(-1, 1, (1,))``, with `overview` also
        ``overview=Box(0, 1, (1, overview, overview))``, the whole picture, coarse.
        view="image": ``Box(0, 255, (1, H, W), uint8)``, the whole picture.

    Action space:
        view="glimpse": a ``Dict`` of the task's own parts and where to look next, `location`: by default
        ``Box(-1, 1, (2,))``, clipped to its bounds; with location="tiles" ``Discrete(tiles²)``, the centres of a grid,
        row by row; with location="moves" ``Box(-1, 1, (2,))``, a move relative to the gaze in units of `reach`. With
        `zoom` also ``zoom=Box(-1, 1, (1,))``: the patches get 2^zoom times as wide.
        view="image": the task's own parts only (without a ``Dict`` if there is just one).
        Numbers outside a Box are clipped to it, infinities too; NaN, a wrong shape, missing parts and numbers
        outside a Discrete are refused with a FoveateError.

    Args:
        patch: side of each patch of the retina in pixels.
        scales: number of patches, each twice as wide as the one before.
        location: how the agent says where to look: "continuous", "tiles" or "moves".
        tiles: with location="tiles", the grid has tiles x tiles places.
        reach: with location="moves", how far a move of 1 goes, in units of half the picture.
        zoom: whether the action also sets the width of the retina, from half to twice the usual.
        first: where the first glimpse is, "random" (the RAM paper's choice) or "centre".
        view: "glimpse" (looking is an action) or "image" (attention, if any, happens inside the agent).
        overview: side of a coarse picture of the whole that comes with each glimpse as `overview`; 0 for none.
    """

    target_part = "label"
    derived = frozenset({"levels", "coarse"})

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
        view: View = "glimpse",
        overview: int = 0,
    ):
        check_range("patch", patch, 1)
        check_range("scales", scales, 1, 8)
        check_range("tiles", tiles, 1)
        check_range("reach", reach, 0.0, 2.0)
        check_choice("location", location, ["continuous", "tiles", "moves"])
        check_choice("first", first, ["random", "centre"])
        check_choice("view", view, ["glimpse", "image"])
        self.patch, self.scales, self.location, self.tiles = patch, scales, location, tiles
        self.reach, self.zoom, self.first, self.view = reach, zoom, first, view
        check_range("overview", overview, 0, 1000)
        self.overview = overview

    def set_spaces(self, picture_size: tuple[int, int], parts: dict[str, spaces.Space], longest_episode: int) -> None:
        """Define the spaces from the size of the picture and the task's own parts of the action."""
        self.picture_size = picture_size
        self.longest_episode = longest_episode
        if self.view == "image":
            self.observation_space = spaces.Box(0, 255, (1, *picture_size), np.uint8)
            self.action_space = spaces.Dict(parts) if len(parts) > 1 else next(iter(parts.values()))
            return
        seen: dict[str, spaces.Space] = {
            "glimpse": spaces.Box(0.0, 1.0, (self.scales, self.patch, self.patch), np.float32),
            "location": spaces.Box(-1.0, 1.0, (2,), np.float32),
        }
        if self.overview:
            seen["overview"] = spaces.Box(0.0, 1.0, (1, self.overview, self.overview), np.float32)
        looks: dict[str, spaces.Space] = {
            "location": spaces.Discrete(self.tiles**2)
            if self.location == "tiles"
            else spaces.Box(-1.0, 1.0, (2,), np.float32)
        }
        if self.zoom:
            seen["zoom"] = looks["zoom"] = spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.observation_space = spaces.Dict(seen)
        self.action_space = spaces.Dict({**parts, **looks})

    # ---- what a subclass says of its picture ----

    def picture(self, state: State) -> Tensor:
        """The whole picture, uint8 (B, H, W)."""
        raise NotImplementedError

    def pooled(self, state: State) -> retina.Fields:
        """The picture as the retina wants it; a subclass may pool a smaller part than the whole."""
        image = self.picture(state).float().div_(255)[:, None]  # (B, 1, H, W)
        return retina.pool(image, self.pooled_scales)

    def origin(self, state: State) -> Tensor | None:
        """Where the part that `pooled` pooled lies in the picture, int64 (B, 2), or None for (0, 0)."""
        return None

    # ---- the gaze ----

    @property
    def pooled_scales(self) -> int:
        """One more than there are patches where the retina can widen to it."""
        return self.scales + self.zoom

    def part(self, action: Any, name: str) -> Tensor:
        """One part of an action, also where it is the only one."""
        return action[name] if isinstance(action, Mapping) else action

    def start_gaze(self, rng: CounterRNG, stream: str = "first") -> State:
        """The part of a new state that says where the eye is, drawn from a stream."""
        if self.first == "centre":
            place = torch.zeros(len(rng), 2, device=rng.key.device)
        elif self.location == "tiles":
            place = retina.tile_centres(rng.integers(stream, self.tiles**2), self.tiles)
        else:
            place = rng.uniform(stream, 2) * 2 - 1
        state = {"location": place, "zoom": torch.zeros_like(place[:, :1])}
        if self.keep_trail:
            state["trail"] = place[:, None].repeat(1, self.longest_episode, 1)  # (B, L, 2)
        return state

    def still(self) -> State:
        """The parts of an action that look, for policies that don't: the first tile, or the centre."""
        count = self.num_worlds
        tile = self.location == "tiles"
        looks = {"location": torch.zeros(count, *(() if tile else (2,)), device=self.device)}
        if tile:
            looks["location"] = looks["location"].long()
        if self.zoom:
            looks["zoom"] = torch.zeros(count, 1, device=self.device)
        return looks

    def move_gaze(self, state: State, action: Any, last: Tensor) -> State:
        """The same part after an action; the state's other entries are left out.

        Args:
            state: before the action.
            action: checked tensors.
            last: bool, (B,), where the episode ends: there the gaze stays, since no glimpse follows.
        """
        if self.view == "image":
            return {name: state[name] for name in ("location", "zoom", "trail") if name in state}
        wanted = action["location"]
        if self.location == "tiles":
            place = retina.tile_centres(wanted, self.tiles)
        elif self.location == "moves":
            place = (state["location"] + self.reach * wanted).clamp(-1, 1)
        else:
            place = wanted
        place = torch.where(last[:, None], state["location"], place)
        moved = {"location": place, "zoom": state["zoom"]}
        if self.zoom:
            moved["zoom"] = torch.where(last[:, None], state["zoom"], action["zoom"])
        if self.keep_trail:
            now = torch.arange(self.longest_episode, device=self.device) > state["clock"][:, None]
            moved["trail"] = torch.where(now[:, :, None], place[:, None], state["trail"])
        return moved

    def derive(self, state: State) -> State:
        if self.view == "image":
            return {}
        seen = {"levels": self.pooled(state).levels}
        return {**seen, "coarse": self.coarse(state)} if self.overview else seen

    def observe(self, state: State) -> Tensors:
        if self.view == "image":
            return self.picture(state)[:, None].clone()
        seen = {"glimpse": self.glimpse(state), "location": state["location"].clone()}
        if self.zoom:
            seen["zoom"] = state["zoom"].clone()
        if self.overview:
            seen["overview"] = state["coarse"].clone()
        return seen

    def coarse(self, state: State) -> Tensor:
        """The whole picture at a low resolution, float (B, 1, overview, overview)."""
        whole = self.picture(state).float().div_(255)[:, None]
        return F.adaptive_avg_pool2d(whole, self.overview)

    def glimpse(self, state: State) -> Tensor:
        """The patches around the gaze, float (B, scales, patch, patch)."""
        origin = self.origin(state)
        if origin is None:
            origin = torch.zeros(len(state["location"]), 2, dtype=torch.int64, device=self.device)
        fields = retina.Fields(state["levels"], origin, self.picture_size)
        if self.zoom:
            return retina.look_smoothly(fields, state["location"], self.patch, 2 ** state["zoom"][:, 0])
        return retina.look(fields, state["location"], self.patch)

    def gaze(self, state: State) -> Gaze | None:
        """The pictures, uint8 (B, H, W), and the patches on them, float (B, scales, 4); None with view="image"."""
        return None if self.view == "image" else Gaze(self.picture(state), self.outlines(state))

    def outlines(self, state: State) -> Tensor:
        """Each patch's left, top, right and bottom in pixels of the picture, float (B, scales, 4)."""
        return retina.boxes(state["location"], self.patch, self.scales, self.picture_size, 2 ** state["zoom"][:, 0])

    # ---- pictures ----

    def caption(self, state: State, index: int) -> str:
        """One line under the picture."""
        return ""

    def frame(self, index: int) -> np.ndarray:
        if not self.keep_trail:
            raise FoveateError("this batch of worlds was made without a render_mode.")
        one = {name: value[index : index + 1].cpu() for name, value in self.state.items()}
        picture = self.picture({name: v[index : index + 1] for name, v in self.state.items()})[0].cpu().numpy()
        if self.view == "image":
            return glimpse_frame(picture, self.caption(one, 0))
        patches = self.glimpse({name: v[index : index + 1] for name, v in self.state.items()})[0].cpu().numpy()
        outlines = self.outlines(one)[0]
        visited = one["trail"][0, : int(one["clock"]) + 1]  # the trail ends with the last glimpse
        return glimpse_frame(picture, self.caption(one, 0), patches, outlines.numpy(), visited.numpy())
