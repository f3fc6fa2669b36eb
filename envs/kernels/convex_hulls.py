"""Convex hulls, sorted points and areas of polygons, as `foveate.envs.sequence.convex_hull` has them in tensors."""

from typing import Any

import numpy as np
from numba import njit

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
f64, i64 = np.float64, np.int64


@njit(**OPTIONS)
def _side(a, b, c):
    """Above 0 where c lies left of the way from a to b, exactly: coordinates have 24 bits, float64 has 53."""
    ahead, up = f64(b[0]) - f64(a[0]), f64(b[1]) - f64(a[1])
    return ahead * (f64(c[1]) - f64(a[1])) - up * (f64(c[0]) - f64(a[0]))


@njit(**OPTIONS)
def _extend(points, chain, count, new, least):
    """Put a point at the end of a chain that turns left only, and return how many it then has.

    Args:
        points: float32, (S, 2).
        chain: the numbers of its points, int64.
        count: how many it has.
        new: the point's number.
        least: how many stay, whatever comes.
    """
    while count > least and _side(points[chain[count - 2]], points[chain[count - 1]], points[new]) <= 0:
        count -= 1
    chain[count] = new
    return count + 1


@njit(**OPTIONS)
def convex_hulls(points, length, order, due, aligned, sort):
    """The numbers of corners or of sorted points, from 1 on.

    By two chains from the left to the right and back (Andrew 1979, "Another efficient algorithm for convex hulls in two
    dimensions").

    Args:
        points: float32, (n, S, 2), multiples of 2^-24.
        length: int64, (n,).
        order: int64, (n, S + 1), zeros, written to.
        due: int64, (n,), how many are written, the end among them, written to.
        aligned: bool, (n, S + 1, S), zeros, which point each is, written to.
        sort: whether all points are wanted, from left to right.
    """
    most = points.shape[1]
    left, chain = np.empty(most, i64), np.empty(2 * most + 1, i64)
    for b in range(len(points)):
        some, count = points[b], 0
        for i in range(length[b]):  # insertion: points are few
            at, same = count, False
            while at > 0:
                x, y = some[left[at - 1], 0], some[left[at - 1], 1]
                if x < some[i, 0] or (x == some[i, 0] and y <= some[i, 1]):
                    same = x == some[i, 0] and y == some[i, 1]
                    break
                at -= 1
            if same and not sort:  # of points at one place the first counts
                continue
            left[at + 1 : count + 1] = left[at:count].copy()
            left[at] = i
            count += 1
        if sort:
            _write(left, 0, count, order[b], aligned[b])
            due[b] = count + 1
            continue
        corners = 0
        for i in range(count):
            corners = _extend(some, chain, corners, left[i], 1)
        lower = corners
        for i in range(count - 2, -1, -1):
            corners = _extend(some, chain, corners, left[i], lower)
        corners -= count > 1  # the first has come again
        lowest = 0
        for i in range(corners):
            a, c = chain[i], chain[lowest]
            if some[a, 1] < some[c, 1] or (some[a, 1] == some[c, 1] and some[a, 0] < some[c, 0]):
                lowest = i
        _write(chain, lowest, corners, order[b], aligned[b])
        due[b] = corners + 1


@njit(**OPTIONS)
def _write(chain, first, count, order, aligned):
    """Write a closed chain from one of its points on."""
    for i in range(count):
        point = chain[(first + i) % count]
        order[i], aligned[i, point] = point + 1, True


@njit(**OPTIONS)
def _twice_area(points, length, numbers):
    """As `twice_area`, of one polygon."""
    total, first, last = f64(0), i64(-1), i64(-1)
    for number in numbers:
        if 0 < number <= length:
            if first < 0:
                first = number - 1
            else:
                total += _cross(points[last], points[number - 1])
            last = number - 1
    return total if first < 0 else total + _cross(points[last], points[first])


@njit(**OPTIONS)
def _cross(a, b):
    return f64(a[0]) * f64(b[1]) - f64(a[1]) * f64(b[0])


@njit(**OPTIONS)
def covered(points, length, targets, written, share):
    """As `ConvexHull.covered`.

    Args:
        points: float32, (n, S, 2).
        length: int64, (n,).
        targets: int64, (n, L), the numbers of the hull's corners.
        written: int64, (n, L).
        share: float32, (n,), written to.
    """
    for b in range(len(points)):
        whole = _twice_area(points[b], length[b], targets[b])
        own = _twice_area(points[b], length[b], written[b])
        share[b] = min(max(own / whole, 0.0), 1.0) if whole > 0 else 1.0
