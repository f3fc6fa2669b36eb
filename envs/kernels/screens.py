"""The frames of games, pixel by pixel in one pass: what tensors would compute for whole frames, layer by layer."""

from typing import Any

import numpy as np
from numba import njit

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
f32, u8, i64, u64 = np.float32, np.uint8, np.int64, np.uint64


@njit(**OPTIONS)
def _edge(place, size):
    """The first pixel that isn't before a place, within the picture."""
    if place >= size:
        return i64(size)
    return i64(np.ceil(place)) if place > 0 else i64(0)  # NaN: 0


@njit(**OPTIONS)
def _limits(box, size):
    """The first row and the one behind the last, then the same of columns, of (left, top, width, height)."""
    left, top, width, height = box
    return _edge(top, size), _edge(top + height, size), _edge(left, size), _edge(left + width, size)


@njit(**OPTIONS)
def courts(game, decoy, sizes, greys, out):
    """Frames of Catch, and of the decoy beside it: rectangles on black, whose grey values add up, up to 255.

    Args:
        game: int64, (N,) each: row, column, paddle and balls left.
        decoy: int64, (N,) each: row, column, paddle and whether it is shown; empty ones where there is no decoy.
        sizes: pixels of a cell, rows of cells, cells of a paddle, and the most dots.
        greys: of ball, paddle, dots and the wall before the decoy.
        out: uint8, (N, 84, 84), written to.
    """
    row, column, paddle, left = game
    cell, rows, wide, dots = sizes
    size = out.shape[1]
    top, middle = size - rows * cell, size // 2
    for n in range(len(out)):
        picture = out[n]
        flat = picture.reshape(size * size)
        for i in range(u64(size * size)):
            flat[i] = 0
        _add(top + row[n] * cell, column[n] * cell, cell, cell, greys[0], picture)
        _add(size - cell, paddle[n] * cell, cell, wide * cell, greys[1], picture)
        for dot in range(min(left[n], dots)):
            _add(1, 2 + 4 * dot, 2, 2, greys[2], picture)
        if len(decoy[0]):
            other_row, other_column, other_paddle, shown = decoy[0][n], decoy[1][n], decoy[2][n], decoy[3][n]
            if shown > 0:
                _add(top + other_row * cell, middle + other_column * cell, cell, cell, greys[0], picture)
                _add(size - cell, middle + other_paddle * cell, cell, wide * cell, greys[1], picture)
            _add(0, middle, size, 1, greys[3], picture)


@njit(**OPTIONS)
def _add(top, left, height, width, grey, picture):
    """Add a grey value to the pixels of a rectangle, as far as it lies in the picture."""
    size = len(picture)
    begin, end = min(max(left, 0), size), min(max(left + width, 0), size)
    for y in range(min(max(top, 0), size), min(max(top + height, 0), size)):
        for x in range(u64(begin), u64(end)):
            picture[y, x] = min(i64(picture[y, x]) + grey, 255)


@njit(**OPTIONS)
def roads(scene, cars, heights, ground, glyphs, layout, shape, greys, out):
    """Frames of a road, as `foveate.envs.probe.road.draw` composes them.

    Args:
        scene: float32, (N,) each: the driver's place, the road's bend, odometer, time and the number on the dashboard.
        cars: float32, (N, K) each: x, z and shown.
        heights: float32, (N, 84), of the mountains, in rows above the horizon.
        ground: float32, (3, R): of each row its depth in bands, what of a bend is there, and half the road's width.
        glyphs: bool, (100, h, w), the digits.
        layout: first row and column of the digits, rows of sky and of mountains in it, own car's width, height and top.
        shape: float32: half the road's width at the horizon and how much wider it is at the bumper, pixels of a bend
            of 1, perspective, nearness at the horizon before it is scaled, its scale, and rows of the ground.
        greys: of panel, digits, other cars, own car and edges.
        out: uint8, (N, 84, 84), written to.
    """
    xs, bends, odometers, times, numbers = scene
    digits_top, digits_left, sky_rows, mountain_rows, own_width, own_height, own_top = layout
    size, rows = out.shape[1], ground.shape[1]
    far, wider, bending = shape[:3]
    columns = np.arange(size).astype(np.float32)
    tops, half = np.empty(size, np.uint8), f32(size / 2)
    for n in range(len(out)):
        picture, time = out[n], times[n]
        light = f32(0.35) + f32(0.65) * time
        for x in range(u64(size)):
            tops[x] = u8(np.ceil(f32(sky_rows) - heights[n, x]))
        sky, mountain = u8(f32(30) + f32(170) * time), u8(f32(25) + f32(15) * time)
        for y in range(sky_rows):
            if y < sky_rows - mountain_rows:
                _fill(sky, picture[y])
            else:
                _divide_sky(u8(y), tops, mountain, sky, picture[y])
        for r in range(rows):
            band = np.floor(ground[0, r] + odometers[n])
            green = (f32(125) + f32(20) * (band - f32(2) * np.floor(band * f32(0.5)))) * light
            middle = half + bends[n] * bending * ground[1, r]
            colours = u8(f32(95) * light), u8(green), u8(greys[4])
            _divide_ground(columns, middle, ground[2, r], colours, picture[sky_rows + r])
        for y in range(sky_rows + rows, size):
            _fill(u8(greys[0]), picture[y])
        glyph = glyphs[min(max(i64(numbers[n]), 0), 99)]
        for y in range(glyph.shape[0]):
            for x in range(glyph.shape[1]):
                if glyph[y, x]:
                    picture[digits_top + y, digits_left + x] = greys[1]
        for k in range(cars[0].shape[1]):
            x, z, shown = cars[0][n, k], cars[1][n, k], cars[2][n, k]
            if shown != 0 and f32(-0.05) < z <= f32(1):
                f = _nearness(z, shape)
                width, height = np.rint(f32(1.5) + f32(9.5) * f), np.rint(f32(1) + f32(6) * f)
                away = f32(1) - f
                column = half + bends[n] * bending * (away * away) + x * (far + wider * f)
                top = np.rint(f32(sky_rows) + shape[6] * f - height)
                _cover((np.rint(column - width / f32(2)), top, width, height), greys[2], picture)
        column = half + xs[n] * (far + wider)
        place = np.rint(column - f32(own_width / 2))
        _cover((place, f32(own_top), f32(own_width), f32(own_height)), greys[3], picture)


@njit(**OPTIONS)
def _nearness(z, shape):
    """As `road.nearness`, of what is on the road."""
    near = f32(1) / (f32(1) + shape[3] * max(z, f32(-0.1)))
    return (near - shape[4]) / shape[5]


@njit(**OPTIONS)
def _fill(grey, row):
    """A row of one grey: for slices numba writes byte by byte."""
    for x in range(u64(len(row))):
        row[x] = grey


@njit(**OPTIONS)
def _divide_sky(y, tops, mountain, sky, row):
    """A row of the sky: mountains from their tops down."""
    for x in range(u64(len(row))):
        row[x] = mountain if y >= tops[x] else sky


@njit(**OPTIONS)
def _divide_ground(columns, middle, width, colours, row):
    """A row of the ground: the road about its middle, light at its edges, and grass."""
    road, green, edge = colours
    for x in range(u64(len(row))):
        aside = abs(columns[x] - middle)
        grey = road if aside <= width else green
        row[x] = edge if abs(aside - width) <= f32(0.9) else grey


@njit(**OPTIONS)
def _cover(box, grey, picture):
    """Paint a rectangle over what is there."""
    first, last, left, right = _limits(box, len(picture))
    for y in range(first, last):
        row = picture[y]
        for x in range(u64(left), u64(max(left, right))):
            row[x] = grey
