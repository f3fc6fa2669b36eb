"""What all glimpse worlds share: a picture, a gaze that the agent moves, and the two views of it."""

import abc
from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor
from torch.nn import functional as F

from ...errors import FoveateError, check_choice, check_range
from ...introspect import divide_options
from ...tree import Tree
from ...viz.glimpses import glimpse_frame
from ..batch import BatchWorld, State
from ..buffers import Buffers
from ..counter_rng import CounterRNG
from ..kernels import serves
from ..protocols import Gaze
from . import retina
from .layers import Layers, look
from .scene import Scene
from .sensor import GlimpseSensor

View = Literal["glimpse", "image"]


class GazeWorld(BatchWorld):
    """A world whose picture is seen through a moving retina, or as a whole.

    A subclass gives the picture and adds its own parts to the action; this base has the gaze. Where the picture stays
    as it is for the whole episode, `SceneWorld` is the base to take.

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
        view: "glimpse" (looking is an action) or "image" (attention, if any, happens inside the agent).
        overview: side of a coarse picture of the whole that comes with each glimpse as `overview`; 0 for none.
        **sensor: the retina, see `GlimpseSensor`.

    Attributes:
        sensor: the retina.
        picture_size: height and width of the picture in pixels.
        patches: memory for glimpses.
        direct: whether glimpses are taken straight from what lies on the picture (`layers`), without pooling it.
    """

    direct = False
    target_part = "label"
    derived = frozenset({"levels", "coarse"})
    configures: tuple[type, ...] = (GlimpseSensor,)

    def __init__(self, *, view: View = "glimpse", overview: int = 0, **sensor: object):
        (retina_options,) = divide_options(sensor, type(self).__name__, GlimpseSensor)
        self.sensor = GlimpseSensor(**retina_options)
        check_choice("view", view, ["glimpse", "image"])
        check_range("overview", overview, 0, 1000)
        self.view, self.overview = view, overview
        self.patches = Buffers()

    def set_spaces(self, picture_size: tuple[int, int], parts: dict[str, spaces.Space], longest_episode: int) -> None:
        """Define the spaces from the size of the picture and the task's own parts of the action."""
        self.picture_size = picture_size
        self.longest_episode = longest_episode
        if self.view == "image":
            self.observation_space = spaces.Box(0, 255, (1, *picture_size), np.uint8)
            self.action_space = spaces.Dict(parts) if len(parts) > 1 else next(iter(parts.values()))
            return
        observation = self.sensor.observation_parts()
        if self.overview:
            observation["overview"] = spaces.Box(0.0, 1.0, (1, self.overview, self.overview), np.float32)
        self.observation_space = spaces.Dict(observation)
        self.action_space = spaces.Dict({**parts, **self.sensor.action_parts()})

    def build(self, num_worlds: int, device: torch.device | str = "cpu", keep_trail: bool = False) -> None:
        super().build(num_worlds, device, keep_trail)
        self.sensor.trail = self.longest_episode if keep_trail else 0
        # a retina that can widen has boxes whose sides are no powers of two
        self.direct = serves(self.device) and not self.sensor.zoom

    def footprint(self) -> int:
        height, width = self.picture_size
        border = 2**self.sensor.pooled_scales
        levels = (self.sensor.pooled_scales + 1) * (height + border) * (width + border)
        patches = 4 * self.sensor.scales * self.sensor.patch**2
        return super().footprint() + 2 * height * width + levels + patches + 2 * self.longest_episode

    # ---- what a subclass says of its picture ----

    @abc.abstractmethod
    def picture(self, state: State) -> Tensor:
        """The whole picture, uint8 (B, H, W)."""

    def pooled(self, state: State) -> retina.Fields:
        """The picture as the retina wants it; a subclass may pool a smaller part than the whole."""
        image = self.picture(state).float().div_(255)[:, None]  # (B, 1, H, W)
        return retina.pool(image, self.sensor.pooled_scales)

    def origin(self, state: State) -> Tensor | None:
        """Where the part that `pooled` pooled lies in the picture, int64 (B, 2), or None for (0, 0)."""
        return None

    # ---- the gaze ----

    def part(self, action: Tree, name: str) -> Tensor:
        """One part of an action, also where it is the only one."""
        return action[name] if isinstance(action, Mapping) else action

    def start_gaze(self, rng: CounterRNG) -> State:
        """The part of a new state that says where the gaze is."""
        return self.sensor.start(rng)

    def move_gaze(self, state: State, action: Tree, last: Tensor) -> State:
        """The same part after an action; empty where the whole picture is seen.

        Args:
            state: before the action.
            action: checked tensors.
            last: bool, (B,), where the episode ends: there the gaze stays, since no glimpse follows.
        """
        return {} if self.view == "image" else self.sensor.move(state, action, last)

    def with_gaze(self, parts: dict[str, Tensor]) -> Tree:
        """The task's own parts of an action as a whole action, for policies that don't care where they look."""
        if self.view == "image":
            return parts if len(parts) > 1 else next(iter(parts.values()))
        return {**parts, **self.sensor.still(self.num_worlds, self.device)}

    def derive(self, state: State) -> State:
        if self.view == "image":
            return {}
        seen = {} if self.direct else {"levels": self.pooled(state).levels}
        return {**seen, "coarse": self.coarse(state)} if self.overview else seen

    def observe(self, state: State) -> Tree:
        if self.view == "image":
            return self.picture(state)[:, None].clone()
        seen = self.sensor.seen(self.glimpse(state), state)
        return {**seen, "overview": state["coarse"].clone()} if self.overview else seen

    def coarse(self, state: State) -> Tensor:
        """The whole picture at a low resolution, float (B, 1, overview, overview)."""
        whole = self.picture(state).float().div_(255)[:, None]
        return F.adaptive_avg_pool2d(whole, self.overview)

    def glimpse(self, state: State) -> Tensor:
        """The patches around the gaze, float (B, scales, patch, patch)."""
        if self.direct:
            return look(
                self.layers(state),
                state["location"],
                self.sensor.patch,
                self.sensor.scales,
                buffers=self.patches,
            )
        return self.sensor.look(self._fields(state), state)

    def layers(self, state: State) -> Layers:
        """What lies on the picture: by default the picture itself."""
        return Layers.of(self.picture(state))

    def _fields(self, state: State) -> retina.Fields:
        origin = self.origin(state)
        if origin is None:
            origin = torch.zeros(len(state["location"]), 2, dtype=torch.int64, device=self.device)
        return retina.Fields(state["levels"], origin, self.picture_size)

    def gaze(self, state: State) -> Gaze | None:
        """The pictures, uint8 (B, H, W), and the patches on them, float (B, scales, 4); None with view="image"."""
        if self.view == "image":
            return None
        return Gaze(self.picture(state), self.sensor.outlines(state, self.picture_size))

    # ---- pictures ----

    def caption(self, state: State, index: int) -> str:
        """One line under the picture."""
        return ""

    def frame(self, index: int) -> np.ndarray:
        """The picture, or what is seen of it; as `BatchWorld.frame`.

        Raises:
            FoveateError: the worlds were made without a render_mode.
        """
        if not self.keep_trail:
            raise FoveateError("this batch of worlds was made without a render_mode.")
        one = {name: value[index : index + 1] for name, value in self.state.items()}
        picture, caption = self.picture(one)[0].cpu().numpy(), self.caption(one, 0)
        if self.view == "image":
            return glimpse_frame(picture, caption)
        patches, outlines = self.glimpse(one)[0].cpu(), self.sensor.outlines(one, self.picture_size)[0].cpu()
        visited = one["trail"][0, : int(one["clock"]) + 1].cpu()  # the trail ends with the last glimpse
        return glimpse_frame(picture, caption, patches.numpy(), outlines.numpy(), visited.numpy())


class SceneWorld(GazeWorld):
    """A `GazeWorld` whose picture is a scene, which stays as it is for an episode.

    A subclass sets `scene` in its constructor, and names its `derived` entries beside its own.
    """

    scene: Scene
    derived = GazeWorld.derived | {"canvas"}

    def build(self, num_worlds: int, device: torch.device | str = "cpu", keep_trail: bool = False) -> None:
        super().build(num_worlds, device, keep_trail)
        self.scene.to(self.device)

    def derive(self, state: State) -> State:
        derived = self.scene.derive(state)
        if self.direct and self.view == "glimpse" and self.scene.layers({**state, **derived}) is None:
            derived["canvas"] = self.scene.picture({**state, **derived})
        return {**derived, **super().derive({**state, **derived})}

    def picture(self, state: State) -> Tensor:
        return self.scene.picture(state)

    def pooled(self, state: State) -> retina.Fields:
        return self.scene.pooled(state, self.sensor.pooled_scales)

    def origin(self, state: State) -> Tensor | None:
        return self.scene.origin(state)

    def layers(self, state: State) -> Layers:
        return self.scene.layers(state) or Layers.of(state["canvas"])
