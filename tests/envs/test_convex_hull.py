"""Convex hulls: corners by their definition, degenerate points, areas, and what the three views show of points."""

import itertools
from typing import cast

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate.envs.gym_env import VectorEnv
from foveate.envs.sequence import ConvexHull
from foveate.envs.sequence.convex_hull import hull_points, sorted_points

ID = "Sequence/ConvexHull-v0"
Point = tuple[int, int]
FINE = 2**24 - 1


def corners(points: list[Point]) -> list[int]:
    """By the definition, in whole numbers: who has all others on the left, or between, follows; numbers from 1 on."""

    def side(a: Point, b: Point, c: Point) -> int:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    def between(a: Point, b: Point, c: Point) -> bool:
        return all(min(p, q) <= r <= max(p, q) for p, q, r in zip(a, b, c, strict=True))

    def follows(a: Point, b: Point) -> bool:
        return a != b and all(side(a, b, c) > 0 or (side(a, b, c) == 0 and between(a, b, c)) for c in points)

    number = {point: i for i, point in reversed(list(enumerate(points, 1)))}  # the first of equal ones
    first = min(points, key=lambda point: (point[1], point[0]))
    hull = [first]
    while len(hull) <= len(points):
        following = [point for point in number if follows(hull[-1], point)]
        if not following or following[0] == first:
            break
        assert len(following) == 1
        hull += following
    return [number[point] for point in hull]


def padded(sets: list[list[Point]], scale: float) -> tuple[Tensor, Tensor]:
    """Sets of points as tensors, (n, S, 2) and their lengths."""
    points = torch.zeros(len(sets), max(map(len, sets)), 2)
    for row, some in zip(points, sets, strict=True):
        row[: len(some)] = torch.tensor(some) * scale
    return points, torch.tensor([*map(len, sets)])


def both_ways(points: Tensor, length: Tensor, task: str = "hull") -> list[list[int]]:
    """The answers by tensors, which are found equal to those of the kernel."""
    slow = (sorted_points if task == "sort" else hull_points)(points, length)
    many = -(-64 // len(points))  # as many as are worth a kernel
    world = ConvexHull(task=task, min_length=1, max_length=points.shape[1])
    fast = world.answered(points.repeat(many, 1, 1), length.repeat(many))
    assert torch.equal(fast.targets[: len(points)], slow)
    assert torch.equal(fast.due[: len(points)], (slow > 0).sum(1) + 1)
    assert torch.equal((fast.aligned * torch.arange(1, points.shape[1] + 1)).sum(-1), fast.targets)
    assert torch.equal(fast.aligned.sum(-1), (fast.targets > 0).long())
    return [row[row > 0].tolist() for row in slow]


GRID = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8)  # full of equal points, lines
ANYWHERE = st.lists(st.tuples(st.integers(0, FINE), st.integers(0, FINE)), min_size=1, max_size=8)
NEARLY = st.lists(  # a hair beside a line
    st.builds(lambda x, off: (x, min(max(x + off, 0), FINE)), st.integers(0, FINE), st.integers(-1, 1)), min_size=1
)


@settings(max_examples=40, deadline=None)
@given(st.lists(GRID, min_size=1, max_size=5), st.lists(ANYWHERE, min_size=1, max_size=3), NEARLY)
def test_corners_are_those_of_the_definition_on_grids_lines_and_one_spot(
    coarse: list[list[Point]], fine: list[list[Point]], line: list[Point]
) -> None:
    for sets, scale in ((coarse, 0.25), ([*fine, line[:30]], 2.0**-24)):
        assert both_ways(*padded(sets, scale)) == [corners(some) for some in sets]


@settings(max_examples=40, deadline=None)
@given(st.lists(GRID, min_size=1, max_size=6))
def test_points_are_sorted_from_left_to_right_then_upwards_then_by_number(sets: list[list[Point]]) -> None:
    wanted = [[i + 1 for i in sorted(range(len(some)), key=lambda i, some=some: (*some[i], i))] for some in sets]
    assert both_ways(*padded(sets, 0.25), task="sort") == wanted


def test_what_is_due_of_points_on_a_line_and_in_one_spot() -> None:
    sets = [[(2, 2)] * 3, [(3, 1), (1, 1), (2, 1), (1, 1)], [(0, 0), (2, 0), (1, 0), (2, 2), (0, 2), (1, 1)]]
    assert both_ways(*padded(sets, 0.25)) == [[1], [2, 1], [1, 2, 4, 5]]


def test_the_hull_of_many_points_is_scipy_s() -> None:
    from scipy.spatial import ConvexHull as Hull

    points = torch.rand(30, 50, 2)
    for found, some in zip(both_ways(points, torch.full((30,), 50)), points.numpy(), strict=True):
        vertices = (Hull(some).vertices + 1).tolist()  # counter-clockwise too
        start = vertices.index(int(some[:, 1].argmin()) + 1)
        assert found == vertices[start:] + vertices[:start]


SQUARE = [(0, 0), (2, 0), (2, 2), (0, 2), (1, 1)]


@pytest.mark.parametrize(
    ("written", "share"),
    [
        ([1, 2, 3, 4, 0, 0], 1.0),
        ([2, 3, 4, 1, 0, 0], 1.0),  # wherever it begins
        ([1, 2, 3, 0, 0, 0], 0.5),
        ([1, 2, 5, 0, 0, 0], 0.25),
        ([4, 3, 2, 1, 0, 0], 0.0),  # clockwise
        ([1, 2, 4, 3, 0, 0], 0.0),  # a bow tie
        ([1, 9, 2, 50, 3, 0], 0.5),  # numbers of no point
        ([1, 2, 3, 4, 1, 2], 1.0),
        ([0, 0, 0, 0, 0, 0], 0.0),
    ],
)
def test_the_area_of_a_polygon(written: list[int], share: float) -> None:
    points, length = padded([SQUARE] * 64, 0.25)
    world = ConvexHull(min_length=5, max_length=5)
    state = {**world.answered(points, length)._asdict(), "written": torch.tensor([written] * 64)}
    assert world.covered(state).tolist() == [share] * 64  # by the kernel


@settings(max_examples=30, deadline=None)
@given(st.lists(GRID, min_size=1, max_size=4), st.lists(st.integers(0, 10), min_size=9, max_size=9))
def test_a_kernel_says_the_same_areas(sets: list[list[Point]], written: list[int]) -> None:
    world = ConvexHull(min_length=1, max_length=8)
    points, length = padded(sets * 64, 0.25)
    points = torch.cat([points, torch.zeros(len(points), 8 - points.shape[1], 2)], 1)
    state = {**world.answered(points, length)._asdict(), "written": torch.tensor([written] * len(points))}
    with_it = world.covered(state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("foveate.envs.sequence.convex_hull.worth_it", lambda *_: False)
        assert torch.equal(world.covered(state), with_it)
    flat = torch.tensor([len(corners(some)) < 3 for some in sets * 64])
    assert (with_it[flat] == 1).all()


def test_three_views_show_the_same_points() -> None:
    views = ("stream", "whole", "glimpse")
    stream, whole, glimpse = (gym.make(ID, view=view, relevance=True) for view in views)
    for seed in range(4):
        streamed, told = stream.reset(seed=seed)
        seen, whole_told = whole.reset(seed=seed)
        looked, glimpse_told = glimpse.reset(seed=seed)
        points, length = seen["source"], int(seen["length"])
        assert not points[length:].any()
        for point in points[:length]:
            assert np.array_equal(streamed[:2], point)
            assert not streamed[2:].any()
            assert not told["target_mask"]
            streamed, *_, told = stream.step(3)
        assert streamed.nonzero()[0].tolist() == [2]  # the marker
        streamed, *_, told = stream.step(3)
        over, place = False, 0
        while not over:
            assert told["target"] == whole_told["target"] == glimpse_told["target"]
            assert whole_told["relevance"].nonzero()[0].tolist() == [n - 1 for n in [told["target"]] if n]
            assert np.array_equal(told["relevance"][:length], whole_told["relevance"][:length])
            assert streamed.nonzero()[0].tolist() == [3 + seen["written"]]
            assert np.array_equal(looked["glimpse"], points[looked["place"]])
            assert told["area"] == whole_told["area"]
            number = told["target"] if place % 3 else length  # one of three is mostly wrong
            streamed, *_, told = stream.step(number)
            seen, reward, over, _, whole_told = whole.step(number)
            looked, also, *_, glimpse_told = glimpse.step({"location": (place * 7) % 50, "write": number})
            assert reward == also
            place += 1


def test_who_writes_what_is_due_covers_all_and_who_writes_less_less() -> None:
    env = gym.make_vec(ID, num_envs=100, view="whole", output="torch")
    env.reset(seed=0)
    world = cast(ConvexHull, cast(VectorEnv, env.unwrapped).world)
    before = torch.zeros(100)
    for step in itertools.count():
        covered = world.covered(world.state)
        assert (covered >= before).all()
        before = torch.where(world.over, 0.0, covered)
        if bool((world.state["due"] - 1 <= step).all()):
            break
        world.step(world.oracle())
    torch.testing.assert_close(covered, torch.ones(100))


def test_every_number_of_points_and_of_corners_comes() -> None:
    env = gym.make_vec(ID, num_envs=2000, output="torch")
    env.reset(seed=0)
    state = cast(VectorEnv, env.unwrapped).world.state
    assert (state["length"].bincount()[5:] > 250).all()
    assert state["due"].unique().tolist() == [*range(4, 11)]
    inside = state["items"][torch.arange(10) < state["length"][:, None]]
    assert abs(float(inside.mean()) - 0.5) < 0.01
