"""Glimpses straight from what lies on a black canvas: no canvas is drawn, and nothing is pooled.

Bit for bit what `foveate.envs.glimpse.retina` makes of the whole picture: `pool` adds the pixels of a box pair by pair,
first along rows and then down columns, scale by scale, and so does `_patches` for the boxes of a glimpse alone.
Arithmetic is float32 in the order that is written, without fast-math. Indices are unsigned where loops shall become
vector instructions: of a signed one numba asks at each number whether it counts from the end.

Rows are few and short, so loops over a row are never worth vector instructions. Therefore the rows of what is pooled
lie in an order in which one loop adds all pairs of rows: the even rows before the odd ones, among them those that will
be even rows of the next level first, and so on (`_place`).
"""

from typing import Any

import numpy as np
from numba import njit

OPTIONS: Any = {"error_model": "numpy", "nogil": True, "cache": True}
f32, i64, u64 = np.float32, np.int64, np.uint64
FAR = 1e6  # pixels: farther than any patch reaches


@njit(**OPTIONS)
def _place(row, bits, count):
    """Where a row lies: by its lowest bits from the first on, and then in its order.

    Args:
        row: from 0.
        bits: how often its level will still be halved.
        count: rows of the level that is left then.
    """
    place = 0
    for bit in range(bits):
        place = 2 * place + (row >> bit & 1)
    return place * count + (row >> bits)


@njit(**OPTIONS)
def _gather(image, top, left, rows, columns, bits, divide, light):
    """The brightness of a part of an image in the order of `_place`, float32 (rows, columns) flat, black beside it.

    Worlds say brightness in two ways, which differ in the last bit: a byte divided by 255, or multiplied by 1/255.
    """
    height, width = image.shape
    begin, end = max(left, 0), min(left + columns, width)
    for i in range(u64(rows * columns)):
        light[i] = f32(0)
    count, start = u64(max(end - begin, 0)), u64(begin)
    for r in range(max(-top, 0), min(rows, height - top)):
        line, at = u64(top + r), u64(_place(r, bits, rows >> bits) * columns + begin - left)
        if divide:
            for x in range(count):
                light[at + x] = f32(image[line, start + x]) / f32(255)
        else:
            for x in range(count):
                light[at + x] = f32(image[line, start + x]) * f32(1 / 255)


@njit(**OPTIONS)
def _halve(source, count, target):
    """`count` means over 2x2 numbers: rows in the order of `_place`, added in the order of `retina.pool`."""
    odd = u64(2 * count)  # where the odd rows begin
    for i in range(u64(count)):
        j = u64(2) * i
        k = odd + j
        target[i] = ((source[j] + source[j + u64(1)]) + (source[k] + source[k + u64(1)])) * f32(0.25)


@njit(**OPTIONS)
def _overlap(first, side, count, length):
    """Which of `count` boxes of this side, the first at a place, lie at least in part within [0, length)."""
    begin = min(max(-first, 0) // side, count)
    return begin, max(min((length - first + side - 1) // side, count), begin)


@njit(**OPTIONS)
def _copy(means, rows, columns, bits, top, left, patch):
    """A patch of a level of `rows` and `columns` means, from (top, left) on, into one that is black."""
    size = len(patch)
    begin, end = min(max(-left, 0), size), max(min(columns - left, size), 0)
    if end <= begin:
        return
    for r in range(max(-top, 0), min(size, rows - top)):
        start = u64(_place(top + r, bits, rows >> bits) * columns + left + begin)
        line, first = u64(r), u64(begin)
        for x in range(u64(end - begin)):
            patch[line, first + x] = means[start + x]


@njit(**OPTIONS)
def _patches(image, tops, lefts, divide, one, other, patches):
    """All patches of a picture that is black but for an image."""
    scales, size = patches.shape[:2]
    patches[:] = 0
    done = 0  # a bit for each scale
    for widest in range(scales - 1, -1, -1):
        if done >> widest & 1:
            continue
        side = 1 << widest
        first_row, last_row = _overlap(tops[widest], side, size, image.shape[0])
        first_column, last_column = _overlap(lefts[widest], side, size, image.shape[1])
        rows, columns = (last_row - first_row) * side, (last_column - first_column) * side
        top, left = tops[widest] + first_row * side, lefts[widest] + first_column * side
        _gather(image, top, left, rows, columns, widest, divide, one)
        source, target = one, other
        for k in range(widest + 1):
            if k:
                rows, columns = rows // 2, columns // 2
                _halve(source, rows * columns, target)
                source, target = target, source
            y, x, within = tops[k] - tops[widest], lefts[k] - lefts[widest], (size << widest) - (size << k)
            aligned = (y | x) & ((1 << k) - 1) == 0
            if aligned and 0 <= y <= within and 0 <= x <= within and not done >> k & 1:
                _copy(source, rows, columns, widest - k, (tops[k] - top) >> k, (lefts[k] - left) >> k, patches[k])
                done |= 1 << k


@njit(**OPTIONS)
def _overlay(canvas, top, left, image):
    """Lay an image on a canvas, its first pixel at (top, left), perhaps partly outside; the brighter pixel counts."""
    begin, end = max(left, 0), min(left + image.shape[1], canvas.shape[1])
    if end <= begin:
        return
    for y in range(max(top, 0), min(top + image.shape[0], canvas.shape[0])):
        row, source = canvas[y, begin:end], image[y - top, begin - left : end - left]
        for x in range(end - begin):
            row[x] = max(row[x], source[x])


@njit(**OPTIONS)
def glimpses(sprites, corners, library, pieces, piece, place, picture, columns, divide, nudge, out):
    """The patches around places of each picture, which is black but for sprites and pieces of other images.

    Args:
        sprites: uint8, (B, n, h, w).
        corners: int64, (B, n, 2), where their top left pixels lie.
        library: uint8, (N, h', w'), what pieces are cut from.
        pieces: int64, (B, m, 5), as `canvas.draw_pieces`; one with a negative row on the picture isn't there.
        piece: their side.
        place: float32, (B, A, 2), (x, y) in [-1, 1].
        picture: its height and width.
        columns: int64, (A, 2), the first column that is seen and the one behind the last; what is beside them is black.
        divide: see `_gather`.
        nudge: `retina.NUDGE`.
        out: float32, (B, A, K, size, size), written to.
    """
    agents, scales, size = out.shape[1:4]
    height, width = picture
    widest = 1 << (scales - 1)
    alone = sprites.shape[1] == 1 and pieces.shape[1] == 0
    most = 0 if alone else widest * size + 2
    around = np.empty((min(most, height), min(most, width)), np.uint8)  # the part of the picture that is seen
    # as many pixels of a patch as an image can give, in whole boxes of the widest patch
    rows, across = (sprites.shape[2], sprites.shape[3]) if alone else around.shape
    light = min(widest * size, rows + 2 * widest) * min(widest * size, across + 2 * widest)
    one, other = np.empty(light, np.float32), np.empty(light // 4 + 1, np.float32)
    tops, lefts = np.empty(scales, np.int64), np.empty(scales, np.int64)
    for row in range(len(out) * agents):
        b, agent = row // agents, row % agents
        patches, leftmost, rightmost = out[b, agent], columns[agent, 0], columns[agent, 1]
        y = ((place[b, agent, 1] + nudge) + f32(1)) * f32(0.5) * f32(height)
        x = ((place[b, agent, 0] + nudge) + f32(1)) * f32(0.5) * f32(width)
        if not (abs(y) < FAR and abs(x) < FAR):  # NaN too
            patches[:] = 0
            continue
        for k in range(scales):
            back = f32(1 << k) * f32(size / 2) - f32(0.5)
            tops[k], lefts[k] = i64(np.floor(y - back)), i64(np.floor(x - back))
        if alone:
            top, left = corners[b, 0]
            begin = min(max(leftmost - left, 0), sprites.shape[3])
            end = min(max(rightmost - left, begin), sprites.shape[3])
            tops -= top
            lefts -= left + begin
            _patches(sprites[b, 0, :, begin:end], tops, lefts, divide, one, other, patches)
            continue
        top, bottom, left, right = height, 0, rightmost, leftmost
        for k in range(scales):
            top, bottom = min(top, tops[k]), max(bottom, tops[k] + (size << k))
            left, right = min(left, lefts[k]), max(right, lefts[k] + (size << k))
        top, bottom, left, right = max(top, 0), min(bottom, height), max(left, leftmost), min(right, rightmost)
        seen = around[: max(bottom - top, 0), : max(right - left, 0)]
        seen[:] = 0
        for i in range(sprites.shape[1]):
            _overlay(seen, corners[b, i, 0] - top, corners[b, i, 1] - left, sprites[b, i])
        for i in range(pieces.shape[1]):
            image, top_row, column, at_row, at_column = pieces[b, i]
            inside = 0 <= image < len(library) and 0 <= top_row <= library.shape[1] - piece
            if at_row >= 0 and inside and 0 <= column <= library.shape[2] - piece:  # states may come from files
                cut = library[image, top_row : top_row + piece, column : column + piece]
                _overlay(seen, at_row - top, at_column - left, cut)
        tops -= top
        lefts -= left
        _patches(seen, tops, lefts, divide, one, other, patches)
