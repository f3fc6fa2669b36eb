"""Policies that look through a retina: the world's, where looking is an action, or their own, inside the image."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional as F

from ... import tree
from ...envs.glimpse.retina import boxes, tile_centres
from ...errors import FoveateError, check_choice, check_range
from ...tree import Tree
from ..nn.attention.foveal import Fovea
from ..nn.cores import Core
from ..nn.cores.base import State
from ..nn.cores.unroll import unroll
from ..nn.encoders import as_image, to_floats
from ..nn.heads import Head, MoveHead, make_head
from ..nn.noise import drawn
from .outputs import PolicyEvaluation, PolicyOutput, PolicyPrediction
from .policy import Policy, action_parts

LOOKING = ("location", "zoom")  # the parts of an action, or of what is chosen inside, that say where to look


class InnerRetina(nn.Module):
    """What a Glimpse world does with view="glimpse", done by the agent with view="image".

    Args:
        image: (C, H, W) of the images.
        patch: side of each patch of the retina.
        scales: number of patches.
        location: "continuous", or "tiles" for the centres of a grid.
        tiles: the grid has tiles x tiles places.
        overview: side of a coarse picture of the whole that comes with each glimpse; 0 for none.
    """

    def __init__(
        self, image: tuple[int, int, int], patch: int, scales: int, location: str, tiles: int, overview: int = 0
    ):
        super().__init__()
        check_choice("location", location, ["continuous", "tiles"])
        check_range("tiles", tiles, 1)
        self.fovea, self.tiles, self.overview = Fovea(image, patch, scales), tiles, overview
        parts: dict[str, spaces.Space] = {
            "glimpse": spaces.Box(0.0, 1.0, self.fovea.shape, np.float32),
            "location": spaces.Box(-1.0, 1.0, (2,), np.float32),
        }
        if overview:
            parts["overview"] = spaces.Box(0.0, 1.0, (image[0], overview, overview), np.float32)
        self.observation_space = spaces.Dict(parts)
        self.by_tiles = location == "tiles"
        self.choice = spaces.Discrete(tiles**2) if self.by_tiles else spaces.Box(-1.0, 1.0, (2,), np.float32)

    def observe(self, image: Tensor, gaze: Tensor) -> dict[str, Tensor]:
        """The observation of images (B, C, H, W) from places (B, 2), in `observation_space`."""
        image = to_floats(image)
        parts = {"glimpse": self.fovea.glimpse_at(self.fovea.prepare(image), gaze), "location": gaze}
        return {**parts, "overview": F.adaptive_avg_pool2d(image, self.overview)} if self.overview else parts

    def place(self, chosen: Tensor) -> Tensor:
        """The place (B, 2) that a choice stands for."""
        return tile_centres(chosen, self.tiles) if self.by_tiles else chosen.clamp(-1, 1)

    def first(self, batch: int, device: torch.device) -> Tensor:
        """A uniformly random place (of the grid, if there is one) for each first glimpse, (B, 2)."""
        if self.by_tiles:
            return tile_centres(drawn(lambda n: torch.randint(self.tiles**2, (n,), device=device), batch), self.tiles)
        return drawn(lambda n: torch.rand(n, 2, device=device, dtype=torch.float32), batch) * 2 - 1

    def covered(self, gaze: Tensor) -> Tensor:
        """How many patches cover each pixel, as a share of all patches, (B, H, W)."""
        size = (self.fovea.height, self.fovea.width)
        edges = boxes(gaze, self.fovea.patch, self.fovea.scales, size)[..., None, None]  # (B, K, 4, 1, 1)
        left, top, right, bottom = edges.unbind(2)
        rows = torch.arange(size[0], device=gaze.device, dtype=gaze.dtype)[:, None] + 0.5
        columns = torch.arange(size[1], device=gaze.device, dtype=gaze.dtype) + 0.5
        inside = (rows > top) & (rows < bottom) & (columns > left) & (columns < right)  # (B, K, H, W)
        return inside.float().mean(1)


class LookingState(NamedTuple):
    """The state of a policy that looks inside the image."""

    gaze: Tensor  # (B, 2), from where it looks next
    core: State


class Looking(Policy):
    """A policy whose observation is a glimpse, taken by the world or, of whole images, by itself.

    Looking inside, the place is a choice of the policy that is no part of the action: its log-probability counts like
    that of any other (`PolicyOutput.choices` has `location`, what was chosen, and `gaze`, from where it looks now).

    Args:
        observation_space: of one world: glimpses, or whole images.
        action_space: of one world.
        encoder: with a retina, of what the retina observes.
        core: the recurrent core on top of it.
        heads: as in `Policy`.
        isolated: as in `Policy`.
        critic: as in `Policy`.
        retina: its own, or None where the world has one.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        encoder: nn.Module,
        core: Core,
        heads: Mapping[str, Head] | None = None,
        isolated: frozenset[str] = frozenset(),
        critic: nn.Module | None = None,
        retina: InnerRetina | None = None,
    ):
        inner: dict[str, spaces.Space] = {} if retina is None else {"location": retina.choice}
        taken = sorted({"location", "gaze"} & action_parts(action_space).keys()) if inner else []
        if taken:
            raise FoveateError(f"an agent with a retina of its own chooses {taken[0]!r} itself; rename that part.")
        super().__init__(observation_space, action_space, encoder, core, heads, isolated, critic, inner)
        self.retina = retina

    def looking_head(
        self,
        features: int,
        space: spaces.Space,
        hidden: int,
        std: float,
        seen: spaces.Space | None = None,
        move_cost: float = 0.0,
    ) -> Head:
        """The head that says where to look.

        Args:
            features: size of the core's output.
            space: of this part of the action, or of what the retina is told.
            hidden: units of the hidden layer, 0 for a linear head.
            std: standard deviation of the Gaussian over locations, in the coordinates [-1, 1].
            seen: of the glimpses, where it is to say a move, if it can.
            move_cost: of a move, see `MoveHead`.
        """
        if isinstance(space, spaces.Box) and isinstance(seen, spaces.Dict) and MoveHead.fits(space, seen):
            return MoveHead(features, space, seen, hidden, std, cost=move_cost)
        return make_head(features, space, hidden, std)

    @property
    def attends(self) -> bool:
        return self.retina is not None

    def initial_state(self, batch: int) -> State:
        core = super().initial_state(batch)
        return (
            core
            if self.retina is None
            else LookingState(torch.zeros(batch, 2, device=self.device, dtype=torch.float32), core)
        )

    def step(
        self,
        observation: Tree,
        state: State,
        starts: Tensor,
        deterministic: bool = False,
        greedy: frozenset[str] = frozenset(),
        record: bool = False,
        log_probs: bool = True,
        bias: float = 0.0,
    ) -> PolicyOutput:
        if self.retina is None:
            return super().step(observation, state, starts, deterministic, greedy, record, log_probs, bias)
        return self._glance(observation, state, starts, deterministic, greedy, record, log_probs, bias)[0]

    def _glance(
        self,
        observation: Tensor,
        state: State,
        starts: Tensor,
        deterministic: bool,
        greedy: frozenset[str],
        record: bool,
        log_probs: bool = True,
        bias: float = 0.0,
    ) -> tuple[PolicyOutput, PolicyPrediction]:
        """One step with its own retina, and the prediction that it chose by; arguments as of `step`."""
        assert self.retina is not None
        assert isinstance(state, LookingState)
        gaze = torch.where(starts[:, None], self.retina.first(len(starts), starts.device), state.gaze)  # (B, 2)
        glimpse = tree.unsqueeze(self.retina.observe(observation, gaze))
        prediction = super().forward(glimpse, state.core, starts[None], record)
        output = self.choose(prediction, deterministic, greedy, log_probs, bias)
        after = LookingState(self.retina.place(output.choices["location"]), output.state)
        records = {**output.records, "attention": self.retina.covered(gaze), "gaze": gaze} if record else {}
        return output._replace(choices={**output.choices, "gaze": gaze}, state=after, records=records), prediction

    def evaluate(self, observation: Tree, choices: dict[str, Tensor], state: State, starts: Tensor) -> PolicyEvaluation:
        if self.retina is None:
            return super().evaluate(observation, choices, state, starts)
        assert isinstance(state, LookingState)
        glimpses = self.retina.observe(observation.flatten(0, 1), choices["gaze"].flatten(0, 1))
        glimpses = tree.map(lambda part: part.unflatten(0, starts.shape), glimpses)
        return self.evaluate_choices(self.predict_rollout(glimpses, state.core, starts), choices)

    def forward(self, observation: Tree, state: State, starts: Tensor, record: bool = False) -> PolicyPrediction:
        """Run over a sequence; arguments as in `Policy.forward`.

        Looking inside, it looks at the most likely places. Its records are then also `attention`, the share of the
        patches on each pixel (T, B, H, W), and `gaze`, the places (T, B, 2).
        """
        if self.retina is None:
            return super().forward(observation, state, starts, record)

        def step(now: tuple[Tree, Tensor], state: State) -> PolicyPrediction:
            output, prediction = self._glance(now[0], state, now[1], True, frozenset(), record)
            losses = tree.index(prediction.losses, 0)
            return PolicyPrediction(output.parameters, output.value, output.state, losses, output.records)

        # each step itself begins anew where an episode starts
        return unroll(step, (observation, starts), state, starts, lambda state, now, starts: state)


def make_retina(
    space: spaces.Space,
    patch: int,
    scales: int,
    location: Literal["continuous", "tiles"],
    tiles: int,
    overview: int = 0,
) -> InnerRetina | None:
    """A retina of its own for an agent that gets whole images; None where the observation is a glimpse, or no image.

    Args:
        space: of one world's observations.
        patch: side of each patch of the retina.
        scales: number of patches.
        location: "continuous", or "tiles" for the centres of a grid.
        tiles: the grid has tiles x tiles places.
        overview: side of a coarse picture of the whole that comes with each glimpse; 0 for none.
    """
    if not isinstance(space, spaces.Box) or len(space.shape) != 3:
        return None
    return InnerRetina(as_image(space), patch, scales, location, tiles, overview)
