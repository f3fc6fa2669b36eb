"""ConvexHull: points of the plane, and which of them lie around all others, in order."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..batch import State, Tensors
from ..counter_rng import CounterRNG
from ..kernels import kernel, worth_it
from ..scale import Certified, ScoreScale
from ..sizes import Range, Splits
from . import render_points
from .blind import END
from .numbers import NumberPassage
from .passage import Passages

LONGEST = 100


class ConvexHull(NumberPassage):
    """Write which points are the corners of the convex hull, one after the other, or sort the points.

    Description:
        A few points lie in the unit square, in no order. With the task "hull" the corners of their convex hull are
        asked for by their numbers, counter-clockwise from the lowest point, and then the end. With the task "sort" all
        points are asked for, from left to right. Points are numbered from 1, as they come.

        Every input has one right answer. Only corners are due: a point within an edge is none, so of points on one
        line the two ends are due, and of points at one place the one with the lowest number. Of equally low points the
        leftmost is the first. When sorting, points at one x come from below to above, and at one place by number.

        As a "stream" the points come one a moment, then a marker, then the answer is due, from memory. As a "whole" all
        points are seen all the time. With view "glimpse" one point is seen, at the place chosen before.

    Observation space:
        "stream": ``Box(0, 1, (3 + W,))``: x and y of the point that is read, the marker, and while writing one channel
        for the number that was written last (W = R + 1; the first of them for none). "whole":
        ``Dict(source=Box(0, 1, (R, 2)), length=Discrete(R + 1), written=Discrete(W))``: the points, zero behind the
        last, how many they are, and what was written last, 0 for nothing; R = 50, or the most points if these are more.
        "glimpse": ``Dict(glimpse=Box(0, 1, (2,)), place=Discrete(R), written=Discrete(W))``.

    Action space:
        ``Discrete(W)``: the number of the point that is written now, 0 to end; ignored while reading. "glimpse":
        ``Dict(location=Discrete(R), write=Discrete(W))``: also which point is seen next.

    Rewards:
        "dense": a share of 1 for each right number at its place (the end is one); "edit": at the end 1 - edit distance
        / length of the longer answer; "whole": 1 at the end if all is right.

    Starting state:
        A uniform number of points, each uniform in the square. Of a glimpse, the first point is seen.

    Episode end:
        When the end is written, or after one number more than there can be points. Never truncated.

    Info:
        target, target_mask: the number that is due now, and whether one is; score: whether all is right, the end among
        it; area (task "hull"): the area of the polygon that was written so far as a share of the hull's, 0 to 1, where
        what goes round clockwise, as parts of a polygon that crosses itself do, counts against it; relevance (on
        request): which point is due next, bool (R,); as a stream, bool (S + 1 + L,), the moment that showed it.

    Args:
        view: "stream", "whole" or "glimpse".
        task: "hull" or "sort".
        split: "train" (5 to 10 points), "validation" and "test" (the same), "test-15", -20 and -50 (exactly so many).
        min_length: the fewest points; None leaves it to the split.
        max_length: the most points; None leaves it to the split.
        reward: "dense", "edit" or "whole".
        looks: moments for each number that is written, of which the last writes it (view "glimpse").

    Source:
        Vinyals, Fortunato & Jaitly 2015, "Pointer networks", section 3.1. There the hull begins at the point with the
        lowest number, which nothing but luck tells; here at the lowest point.

    Version history:
        v0: first version.
    """

    scale = ScoreScale(
        oracle=Certified(1.0, 1e-4),
        blind=Certified(0.177, 0.01),
        random=Certified(0.0187, 0.003),
        memoryless=Certified(0.119, 0.01),
        unaligned=Certified(0.286, 0.01),
    )
    splits = Splits.of("length", Range(5, 10), exactly=(15, 20, 50))
    numbers = 2

    def __init__(
        self,
        *,
        view: Literal["stream", "whole", "glimpse"] = "stream",
        task: Literal["hull", "sort"] = "hull",
        split: str = "train",
        min_length: int | None = None,
        max_length: int | None = None,
        reward: Literal["dense", "edit", "whole"] = "dense",
        looks: int = 1,
    ):
        sizes = self.splits.sizes(split, min_length=min_length, max_length=max_length)
        self.length, self.task = sizes.range("length", 1, LONGEST), task
        self.most_items, self.most_written = self.length.high, self.length.high + 1
        self.room = max(self.most_items, self.splits.largest("length"))
        numbers = [str(number) for number in range(1, self.room + 1)]
        self.set_passage(view, reward, looks, ["", *numbers], ["end", *numbers])

    def passage(self, rng: CounterRNG) -> Passages:
        length = self.length.sample(rng, "length")  # (n,)
        there = torch.arange(self.most_items, device=length.device) < length[:, None]
        points = rng.uniform("points", self.most_items, 2) * there[..., None]  # multiples of 2^-24
        return self.answered(points, length)

    def answered(self, points: Tensor, length: Tensor) -> Passages:
        """The passages of these points, of which `length`, (n,), are real.

        Args:
            points: multiples of 2^-24 in [0, 1], float32 (n, S, 2), so that float64 says exactly on which side of a
                line a point lies.
            length: int64, (n,).
        """
        if worth_it("convex_hulls", points.device, len(points)):
            n, most = len(points), points.shape[1]
            order, due = torch.zeros(n, most + 1, dtype=torch.int64), torch.empty(n, dtype=torch.int64)
            aligned = torch.zeros(n, most + 1, most, dtype=torch.bool)
            arrays = [part.numpy() for part in (points.contiguous(), length, order, due, aligned)]
            kernel("convex_hulls")(*arrays, self.task == "sort")
            return Passages(points, length, order, due, aligned)
        order = (sorted_points if self.task == "sort" else hull_points)(points, length)
        aligned = torch.arange(1, points.shape[1] + 1, device=order.device) == order[..., None]  # (n, L, S)
        return Passages(points, length, order, (order != END).sum(1) + 1, aligned)

    def unaligned(self) -> Tensors:
        """Who knows the points but not their numbers knows when to end; any number is as likely as another."""
        place, _ = self.writing(self.state)
        return self._as_action((place < self.state["due"] - 1).long())

    def annotate(self, state: State) -> dict[str, Tensor]:
        told = super().annotate(state)
        if self.task == "hull":
            told["area"] = self.covered(state)
        return told

    def covered(self, state: State) -> Tensor:
        """The share of the hull's area in the polygon that was written so far, (B,); 1 of a hull without an area."""
        parts = [state[name] for name in ("items", "length", "targets", "written")]
        if worth_it("covered", parts[0].device, len(parts[0])):
            share = torch.empty(len(parts[0]), dtype=torch.float32)
            kernel("covered")(*(part.numpy() for part in parts), share.numpy())
            return share
        points, length, targets, written = parts
        whole, own = (twice_area(points, length, numbers) for numbers in (targets, written))
        return torch.where(whole > 0, (own / whole).clamp(0, 1), 1.0).float()

    # ---- pictures ----

    def source_picture(self, index: int) -> np.ndarray:
        one = {name: value[index].cpu().numpy() for name, value in self.state.items()}
        place, _ = self.writing(self.state)
        return render_points.points(
            render_points.Sheet(
                points=one["items"][: one["length"]],
                written=one["written"][: max(0, int(place[index]))],
                gold=one["targets"][: one["due"] - 1],
                closed=self.task == "hull",
                seen=self._seen(one),
            )
        )

    def frame(self, index: int) -> np.ndarray:
        return self.source_picture(index)


def twice_area(points: Tensor, length: Tensor, numbers: Tensor) -> Tensor:
    """Twice the area of polygons, by the shoelace formula, (n,): below 0 of one that goes round clockwise.

    Args:
        points: (n, S, 2).
        length: how many are real, (n,).
        numbers: of the corners, from 1 on, int64 (n, L); numbers of no point are left out.
    """
    known = (numbers != END) & (numbers <= length[:, None])
    place = torch.arange(numbers.shape[1], device=numbers.device)
    # for what is left out stands the corner before it, or else the first: an edge without length
    stands = torch.where(known, place, -1).cummax(1).values
    stands = torch.where(stands < 0, known.int().argmax(1, keepdim=True), stands)
    index = (numbers.gather(1, stands) - 1).clamp(0, points.shape[1] - 1)
    x, y = points.double().gather(1, index[..., None].expand(-1, -1, 2)).unbind(-1)  # (n, L) each
    each = x * y.roll(-1, 1) - y * x.roll(-1, 1)
    return each.cumsum(1)[:, -1]  # in the order of the corners, as a kernel adds


def sorted_points(points: Tensor, length: Tensor) -> Tensor:
    """The numbers of points from left to right, those at one x from below to above; then 0: int64 (n, S + 1).

    Args:
        points: multiples of 2^-24, float32 (n, S, 2).
        length: how many are real, (n,).
    """
    place = _whole(points)
    there = torch.arange(points.shape[1], device=points.device) < length[:, None]
    key = (place[..., 0] * 2**25 + place[..., 1]).masked_fill(~there, torch.iinfo(torch.int64).max)
    order = key.argsort(dim=1, stable=True) + 1
    return torch.cat([torch.where(there, order, END), torch.full_like(order[:, :1], END)], 1)


def hull_points(points: Tensor, length: Tensor) -> Tensor:
    """The numbers of the corners of convex hulls, counter-clockwise from the lowest point, then 0: int64 (n, S + 1).

    One corner after the other: the next is the point that has all others on its left (Jarvis 1973, "On the
    identification of the convex hull of a finite set of points in the plane"). Arguments as in `sorted_points`.
    """
    n, most = points.shape[:2]
    place, every = _whole(points), torch.arange(n, device=points.device)
    there = torch.arange(most, device=points.device) < length[:, None]
    key = (place[..., 1] * 2**25 + place[..., 0]).masked_fill(~there, torch.iinfo(torch.int64).max)
    first = corner = key.argmin(1)
    hull, going = torch.zeros(n, most + 1, dtype=torch.int64, device=points.device), length > 0
    for step in range(most):
        hull[:, step] = torch.where(going, corner + 1, END)
        way = (place - place[every, corner][:, None]) * there[..., None]  # (n, S, 2)
        cross = way[:, :, None, 0] * way[:, None, :, 1] - way[:, :, None, 1] * way[:, None, :, 0]  # (n, S, S)
        far = (way * way).sum(-1) * (cross >= 0).all(2)  # of several on one edge the furthest, of equal ones the first
        going = going & (far > 0).any(1)
        corner = torch.where(going, far.argmax(1), corner)
        going = going & (corner != first)
    return hull


def _whole(points: Tensor) -> Tensor:
    """Coordinates as whole numbers of 2^-24, of which products and their sums are exact."""
    return (points.double() * 2**24).long()
