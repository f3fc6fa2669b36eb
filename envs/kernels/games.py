"""The rules of the Probe worlds' games, a step of many worlds in one pass.

Number by number what `foveate.envs.probe` computes with tensors: float32 in the order that is written there, without
fast-math; random numbers are drawn only where they count.
"""

from typing import Any

import numpy as np
from numba import njit

from .random_bits import base_of, bits_of

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
f32, i64, u64 = np.float32, np.int64, np.uint64


@njit(**OPTIONS)
def _uniform(base, stream):
    """The first number of a stream, as `CounterRNG.uniform`."""
    return f32(bits_of(base, u64(stream) << u64(32), 0) >> u64(39)) * f32(2.0**-24)


@njit(**OPTIONS)
def _integer(base, stream, high):
    """The same as `CounterRNG.integers`."""
    return i64(bits_of(base, u64(stream) << u64(32), 0) % u64(high))


@njit(**OPTIONS)
def _between(x, low, high):
    return min(max(x, low), high)


@njit(**OPTIONS)
def balls(key, episode, step, streams, before, action, sizes, after, reward, ended):
    """As `foveate.envs.probe.catch.Catch.play`.

    Args:
        key: int64, (B,), the worlds' seeds.
        episode: int64, (B,).
        step: int64, (B,).
        streams: where the numbers of a new ball's column and drift begin, as in `random_bits`.
        before: int64, (B,) each: row, column, drift, paddle, caught, left.
        action: int64, (B,).
        sizes: columns, rows, width of the paddle, largest drift, balls of an episode.
        after: int64, (6, B), as `before`, written to.
        reward: float32, (B,), written to.
        ended: bool, (B,), written to.
    """
    rows, columns, drifts, paddles, caught_before, left_before = before
    across, down, wide, fastest, balls_of_all = sizes
    for b in range(len(action)):
        paddle = _between(paddles[b] + action[b] - 1, 0, across - wide)
        row, column, drift = rows[b] + 1, columns[b] + drifts[b], drifts[b]
        if column < 0:
            column, drift = -column, -drift
        elif column > across - 1:
            column, drift = 2 * (across - 1) - column, -drift
        landed = row >= down - 1
        caught = landed and paddle <= column < paddle + wide
        ended[b] = landed and left_before[b] <= 0
        again = landed and not ended[b]
        if again:
            base = base_of(key[b], episode[b], step[b])
            row, column = 0, _integer(base, streams[0], across)
            drift = _integer(base, streams[1], 2 * fastest + 1) - fastest
        after[0, b], after[1, b], after[2, b], after[3, b] = row, column, drift, paddle
        after[4, b], after[5, b] = caught_before[b] + caught, left_before[b] - again
        reward[b] = f32(caught) / f32(balls_of_all)


@njit(**OPTIONS)
def drives(
    key, episode, step, streams, before, cars, numbers, action, rules, lanes, after, cars_after, numbered, ended
):
    """As `foveate.envs.probe.driving.Driving.play`.

    Args:
        key: int64, (B,), the worlds' seeds.
        episode: int64, (B,).
        step: int64, (B,).
        streams: where the numbers of turn, bend, gaps, lane and aside begin, as in `random_bits`.
        before: float32, (B,) each: x, speed, bend, next bend, heading, odometer, time, left, overtaken.
        cars: float32, (B, K) each: x, z and shown.
        numbers: int64, (B, K), of the cars.
        action: int64, (B,).
        rules: float32: steer, throttle, push, slowest, fastest, their speed, closing, hit, close, 8 closing, goal, day.
        lanes: float32, (L,), where they are.
        after: float32, (10, B), as `before` and the rewards, written to.
        cars_after: float32, (3, B, K), as `cars`, written to.
        numbered: int64, (B, K), as `numbers`, written to.
        ended: bool, (B,), written to.
    """
    xs, speeds, bends, next_bends, headings, odometers, times, lefts, overtaken = before
    cars_x, cars_z, cars_shown = cars
    steer, throttle, push, slowest, fastest, theirs, closing, hit, close, rolling, goal, day = rules
    count, behind_least = numbers.shape[1], f32(1)
    for b in range(len(action)):
        base = base_of(key[b], episode[b], step[b])
        bend, act = bends[b], action[b]
        speed = _between(speeds[b] + throttle * (f32(act == 3) - f32(act == 4)), slowest, fastest)
        if abs(xs[b]) > f32(0.85):  # on the grass
            speed = min(speed, f32(0.5))
        turned = steer * (f32(act == 2) - f32(act == 1))
        x = _between(xs[b] + turned - push * bend * speed, f32(-1), f32(1))
        nearer, nearest, crashed = closing * (speed - theirs), f32(1), False
        for k in range(count):
            z = cars_z[b, k] - nearer
            cars_after[1, b, k] = z
            if cars_shown[b, k] > 0 and -hit < z < hit and abs(cars_x[b, k] - x) < close:
                nearest, crashed = min(nearest, z), True
        back = f32(0.12) - nearest
        passed, new, farthest, highest = f32(0), -1, f32(-1), numbers[b, 0]
        for k in range(count):
            z = cars_after[1, b, k]
            if crashed:
                z = z + back
                cars_after[1, b, k] = z
            cars_after[0, b, k], cars_after[2, b, k] = cars_x[b, k], cars_shown[b, k]
            numbered[b, k] = numbers[b, k]
            highest = max(highest, numbers[b, k])
            if z < -hit:
                passed += f32(cars_shown[b, k] > 0)
                new = k if new < 0 else new
            else:
                farthest = max(farthest, z)
        if crashed:
            speed = slowest
        if new >= 0:
            behind = farthest + f32(0.28) + f32(0.2) * _uniform(base, streams[2])
            lane = lanes[_integer(base, streams[3], len(lanes))]
            cars_after[0, b, new] = lane + f32(0.1) * (_uniform(base, streams[4]) - f32(0.5))
            cars_after[1, b, new] = max(behind, behind_least)
            cars_after[2, b, new] = 1
            numbered[b, new] = highest + 1
        next_bend = next_bends[b]
        if _uniform(base, streams[0]) < f32(0.03):
            next_bend = f32(2) * _uniform(base, streams[1]) - f32(1)
        left = max(lefts[b] - passed, f32(0))
        steps_left = max(np.rint(times[b] * day) - f32(1), f32(0))
        after[0, b], after[1, b], after[3, b] = x, speed, next_bend
        after[2, b] = bend + _between(next_bend - bend, f32(-0.08), f32(0.08))
        after[4, b] = headings[b] + f32(3) * bend * speed
        after[5, b] = odometers[b] + rolling * speed
        after[6, b], after[7, b], after[8, b] = steps_left / day, left, overtaken[b] + passed
        after[9, b] = (lefts[b] - left) / goal
        ended[b] = left <= 0 or steps_left <= 0
