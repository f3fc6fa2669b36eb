"""A passage about which a pen writes: what is written are numbers, the points that the pen goes to."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from ...errors import FoveateError
from ...tree import outside_inference
from ..batch import State, Tensors
from ..counter_rng import CounterRNG
from .blind import best_points
from .passage import Passage

ON, LIFTED, DONE = 0, 1, 2  # what the pen does when it has come to a point: it goes on, is lifted, or has written all
DOES = ("goes on", "is lifted", "has written all")
SAMPLE = 1024  # texts by which the points of the blind are chosen


class PenPassage(Passage):
    """As `Passage`, but points are written: each is three numbers, the pen's move there and what it does then.

    The moves are in units of their own deviation, in x and in y, which goes up; what the pen does is 0 (it goes on), 1
    (it is lifted) or 2 (it has written all, which ends). Before the first point the pen is in the air, where the line
    begins. `targets` are float32, (n, L, 3), zero behind the last.

    A point pays by how near it is to the one that is due at its place: exp(-distance between the moves) if the pen does
    the same, else nothing.

    Attributes:
        reach: the longest move along x and along y; others are cut.
    """

    reach: float
    score_name = "nearness"

    def set_passage(
        self, view: str, reward: str, looks: int, source_names: Sequence[str], written_names: Sequence[str] = DOES
    ) -> None:
        """As in `Passage`.

        Args:
            view: one of `VIEWS`.
            reward: "dense" or "whole".
            looks: moments a writing, in the view "glimpse".
            source_names: see the class.
            written_names: what the pen does.

        Raises:
            FoveateError: as there, or points are to be paid by edits.
        """
        if reward == "edit":
            raise FoveateError(
                'reward="edit" is not allowed: it counts symbols, and a pen writes points: allowed are dense, whole.'
            )
        super().set_passage(view, reward, looks, source_names, written_names)
        low, high = np.array([-self.reach, -self.reach, ON]), np.array([self.reach, self.reach, DONE])
        point = spaces.Box(low.astype(np.float32), high.astype(np.float32))
        seen = self.observation_space
        if isinstance(seen, spaces.Dict):
            self.observation_space = spaces.Dict({**seen.spaces, "written": point})
        else:
            bounds = np.concatenate([np.zeros(self.symbols), low]), np.concatenate([np.ones(self.symbols), high])
            least, most = (bound.astype(np.float32) for bound in bounds)
            self.observation_space = spaces.Box(least, most)
        self.action_space = point
        if view == "glimpse":
            self.action_space = spaces.Dict(location=spaces.Discrete(self.room), write=point)

    # ---- the rules ----

    def footprint(self) -> int:
        return super().footprint() + 4 * self.most_written

    def start(self, rng: CounterRNG) -> State:
        state = super().start(rng)
        right = torch.zeros_like(state["due"], dtype=torch.float32)  # what its points are worth
        last = torch.stack([torch.zeros_like(right), torch.zeros_like(right), torch.full_like(right, LIFTED)], 1)
        return {**state, "right": right, "last": last}

    def advance(self, state: State, action: Tensors, rng: CounterRNG) -> tuple[State, Tensor, Tensor]:
        write = action["write"] if isinstance(action, dict) else action
        write = torch.cat([write[:, :2], write[:, 2:].round()], 1)
        place, now = self.writing(state)
        near = nearness(write, self._at(state["targets"], place)) * (now & (place < state["due"]))
        ended = now & ((write[:, 2] == DONE) | (place + 1 >= self.most_written))
        column = self._column(place)[..., None].expand(-1, -1, 3)
        written = state["written"].scatter(1, column, (write * now[:, None])[:, None])  # nothing is there before
        last = torch.where(now[:, None], write, state["last"])
        moved = {**state, "written": written, "right": state["right"] + near, "last": last}
        if isinstance(action, dict):
            moved["gaze"] = action["location"]
        return moved, self._paid(moved, near, ended, place), ended

    def _at(self, points: Tensor, place: Tensor) -> Tensor:
        """The points of a writing, (B, 3), of (B, L, 3)."""
        n, most = points.shape[:2]
        rows = torch.arange(0, n * most, most, device=place.device) + self._column(place)[:, 0]
        return points.view(n * most, 3).index_select(0, rows)

    def _last(self, state: State) -> Tensor:
        """The point that was written last, (B, 3)."""
        return state["last"].clone()

    def observe(self, state: State) -> Tensors:
        if self.view != "stream":
            return super().observe(state)
        clock, length, last = state["clock"], state["length"], state["last"]
        seen = last.new_zeros(len(clock), self.symbols + 3)
        item = self._item(state["items"], clock)  # 0, where the marker is and behind it
        seen.scatter_(1, item[:, None], (clock <= length).to(last.dtype)[:, None])
        seen[:, self.symbols :] = last
        return seen

    def annotate(self, state: State) -> dict[str, Tensor]:
        place, now = self.writing(state)
        target = self._at(state["targets"], place) * (place >= 0)[:, None]
        return {"target": target, "target_mask": now & (place < state["due"])}

    def score(self, state: State) -> Tensor:
        """How near all that is due was written, 0 to 1."""
        return state["right"] / state["due"]

    def written_words(self, written: np.ndarray, items: np.ndarray) -> list[str]:
        return [self.written_names[int(does)] for does in written[:, 2]]

    # ---- policies behind the certified scale ----

    def blind(self) -> Tensors:
        """At each place the point that is nearest to all that are due there."""
        place, _ = self.writing(self.state)
        return self._as_action(self._points_of_the_blind.to(self.device)[self._column(place)[:, 0]])

    def memoryless(self) -> Tensors:
        """The same: the present shows the last point, whose last digits may say which it was, but not the text."""
        return self.blind()

    @cached_property
    @outside_inference
    def _points_of_the_blind(self) -> Tensor:
        every = torch.arange(SAMPLE)
        known = self.passage(CounterRNG(every, 0 * every, 0 * every))
        there = torch.arange(self.most_written) < known.due[:, None]
        return best_points(known.targets, there / known.due[:, None])


def nearness(a: Tensor, b: Tensor) -> Tensor:
    """How near points (…, 3) are to each other, 0 to 1, (…): 1 of the same, 0 where the pen does something else."""
    x, y, does = (a - b).unbind(-1)
    return (-torch.hypot(x, y)).exp() * (does == 0)
