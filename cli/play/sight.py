"""What an agent sees, as a picture for a person: drawn from the observation alone, never from the world's state."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from gymnasium import spaces

from ...envs.batch import BatchWorld
from ...envs.memory.programs import BLANK, DEEDS, PROGRAMS, ROWS
from ...envs.memory.scratch_pad import ScratchPad
from ...envs.sequence.passage import Passage
from ...envs.sequence.pen_reading import PenReading
from ...viz.canvas import FILLED, blank, box, dot, enlarge, heat, in_colour, line
from ...viz.glimpses import MARGIN, SIDE, glimpse_frame
from ...viz.palette import DIM, INK, NIGHT, PAPER, SOFT, WHITE
from ...viz.text import laid_out, write
from .legends import Group, groups_of

WIDTH = 760  # pixels of everything in the window
CELL, MOST_CELL, GAP = 20, 34, 8
_TITLES = {"source": "to be read", "query": "asked", "written": "written last", "glimpse": "looked at", "place": "item"}
UNSEEN = (44, 48, 62)  # where the retina sees nothing


class Box(NamedTuple):
    """A rectangle of pixels: its left, top, width and height."""

    left: int
    top: int
    width: int
    height: int

    def holds(self, x: int, y: int) -> bool:
        """Whether a pixel lies within."""
        return self.left <= x < self.left + self.width and self.top <= y < self.top + self.height


class Sight(NamedTuple):
    """A picture, uint8 (H, W, 3), and the part of it that is looked at, where places are pointed at."""

    picture: np.ndarray
    field: Box | None = None


# ---- through a retina ----


def retina(
    observation: Mapping[str, np.ndarray], outlines: np.ndarray, size: tuple[int, int], path: np.ndarray, caption: str
) -> Sight:
    """What a retina sees, where it sees it; the rest of the picture stays dark.

    Args:
        observation: with `glimpse`, float (scales, patch, patch), and perhaps `overview`, float (1, side, side).
        outlines: of the patches, float (scales, 4): left, top, right and bottom in pixels of the picture.
        size: height and width of the picture.
        path: places looked at so far, float (n, 2).
        caption: the line below.
    """
    picture = np.full((*size, 3), UNSEEN, np.uint8)
    if "overview" in observation:
        picture[:] = enlarge((observation["overview"][0] * 255).astype(np.uint8), *size)
    patches = observation["glimpse"]
    for patch, outline in reversed(list(zip(patches, np.round(outlines).astype(int), strict=True))):
        left, top, right, bottom = (int(side) for side in outline)
        seen = enlarge((patch * 255).astype(np.uint8), max(1, bottom - top), max(1, right - left))
        y0, x0, y1, x1 = max(top, 0), max(left, 0), min(bottom, size[0]), min(right, size[1])
        if y1 > y0 and x1 > x0:
            picture[y0:y1, x0:x1] = seen[y0 - top : y1 - top, x0 - left : x1 - left]
    return Sight(glimpse_frame(picture, caption, patches, outlines, path), field_of(size))


def field_of(size: tuple[int, int]) -> Box:
    """Where `glimpse_frame` puts a picture of this height and width."""
    height, width = (round(SIDE * side / max(size)) for side in size)
    return Box(MARGIN, MARGIN, width, height)


# ---- anything else ----


def drawn(observation: object, space: spaces.Space, world: BatchWorld | None) -> Sight:
    """An observation of any kind, part below part.

    Args:
        observation: in the space.
        space: of the observation.
        world: below the environment, if it is ours.
    """
    if isinstance(space, spaces.Dict) and isinstance(observation, Mapping):
        parts = [(name, space[name], observation[name]) for name in space]
    else:
        parts = [("", space, observation)]
    known = {name: value for name, _, value in parts}
    pieces = [piece for name, inner, value in parts for piece in _pieces(name, inner, value, known, world)]
    return Sight(_stacked(pieces))


def _pieces(
    name: str, space: spaces.Space, value: object, known: Mapping[str, object], world: BatchWorld | None
) -> list[np.ndarray]:
    """The pictures of one part."""
    if isinstance(space, spaces.Discrete | spaces.MultiDiscrete):
        if name == "length":
            return []
        return [_words(_TITLES.get(name, name), _said(name, space, np.asarray(value), world))]
    array = np.asarray(value, dtype=np.float32)
    if isinstance(space, spaces.MultiBinary):
        return [_cells(name, array.flatten(), 0, (0.0, 1.0))]
    if not isinstance(space, spaces.Box):
        return [_words(name, [str(value)[:200]])]
    if array.ndim == 3 and isinstance(world, ScratchPad):
        return [_words(f"{row}, from the left", _pad(cells)) for row, cells in zip(ROWS, array, strict=True)]
    if array.ndim == 3:
        return [_pictures(np.asarray(value), name)]
    if array.ndim == 2 and "length" in known:
        return [_items(array[: int(np.asarray(known["length"]))], world)]
    if array.ndim != 1:
        return [_framed(heat(np.clip(array.reshape(len(array), -1).T, 0, 1)), name)]
    return _vector(array, groups_of(world, len(array)) if name == "" else [Group(name, len(array))], space)


def _said(
    name: str, space: spaces.Discrete | spaces.MultiDiscrete, value: np.ndarray, world: BatchWorld | None
) -> list[str]:
    """Numbers by their names, where the world has some."""
    names: list[str] = []
    if isinstance(world, Passage) and name == "written":
        names = ["-", *world.written_names[1:]]  # the first stands for nothing, too
    elif isinstance(world, Passage) and name in ("source", "glimpse", "query"):
        names = list(world.source_names)
    if not names:
        known = _pad_names(name, world)
        pairs = enumerate(value.flatten().tolist())
        return [known[min(i, len(known) - 1)][number] if known else str(number) for i, number in pairs]
    if name == "source":  # behind the last item there is nothing
        there = np.flatnonzero(value.reshape(len(value), -1).any(1))
        value = value[: there[-1] + 1 if len(there) else 0]
        if value.ndim == 2:
            return [" ".join(names[number] for number in item if number) for item in value.tolist()]
    return [names[number] or "-" for number in value.flatten().tolist()]


def _pad_names(name: str, world: BatchWorld | None) -> list[tuple[str, ...]]:
    if not isinstance(world, ScratchPad):
        return []
    digits = (*"0123456789", "empty")
    return {"program": [PROGRAMS], "arguments": [ROWS, DEEDS, digits], "symbols": [digits]}.get(name, [])


def _pad(cells: np.ndarray) -> list[str]:
    """A row of the scratch pad, float (width, 12), the cell under the pointer in brackets."""
    said = ["." if int(cell[: BLANK + 1].argmax()) == BLANK else str(int(cell[: BLANK + 1].argmax())) for cell in cells]
    return [f"[{word}]" if cell[-1] else word for word, cell in zip(said, cells, strict=True)][::-1]


def _vector(array: np.ndarray, groups: Sequence[Group], space: spaces.Box) -> list[np.ndarray]:
    """A vector, group by group."""
    pieces, begin = [], 0
    for group in groups:
        part = array[begin : begin + group.size]
        low, high = (float(bound[begin : begin + group.size].flat[0]) for bound in (space.low, space.high))
        begin += group.size
        if group.plane and part[:2].any():
            pieces.append(_point(group.title, part))
        elif not group.names:
            pieces.append(_cells(group.title, part, group.columns, (low, high)))
        if not group.names:
            continue
        blocks = part.reshape(-1, len(group.names))
        said = [", ".join(n for n, one in zip(group.names, block, strict=True) if one > 0.5) for block in blocks]
        if group.title:
            there = any(block.any() for block in blocks)
            pieces.append(_words(group.title, [word or "-" for word in said] if there else []))
        elif said[0]:
            pieces.append(_words("", said))
    return pieces


def _words(title: str, words: Sequence[str]) -> np.ndarray:
    """A title, and words below it in lines, as many as they take."""
    top = 22 if title else 0
    laid = laid_out(list(words), (12, WIDTH - 12), top, 24, 14, 0.55)
    canvas = blank((laid[-1][2] if laid else top + 16) + 10, WIDTH)
    if title:
        write(canvas, title, (8, 16), 0.42, DIM)
    for word, x, y in laid:
        write(canvas, word, (x, y), 0.55)
    return canvas


def _cells(title: str, values: np.ndarray, columns: int, bounds: tuple[float, float]) -> np.ndarray:
    """Numbers as squares, from light (the least, or 0) to dark; what is no 0, 1 or -1 is written beside.

    Args:
        title: above.
        values: float (n,).
        columns: squares in a row; 0 is all, or as many as there is room for.
        bounds: the least and the greatest number.
    """
    columns = columns or min(len(values), (WIDTH - 24) // CELL)
    rows = math.ceil(len(values) / columns)
    side = min(MOST_CELL, (WIDTH - 24) // columns) if rows == 1 else max(6, min(CELL, 200 // rows))
    top = 22 if title else 4
    canvas = blank(top + rows * side + 8, WIDTH)
    write(canvas, title, (8, 16), 0.42, DIM)
    bits = np.isin(values, (0, 1, -1)).all() and (bounds[1] <= 1 or len(values) > 6)
    low, high = (bounds[0], 1.0) if bits and bounds[1] <= 1 else (min(values), max(1.0, *values))
    for i, value in enumerate(values.tolist()):
        shade = np.clip((value - low) / max(high - low, 1e-6), 0, 1)
        colour = tuple(round(p + (k - p) * shade) for p, k in zip(PAPER, INK, strict=True))
        corner = (12 + i % columns * side, top + i // columns * side)
        box(canvas, corner, (corner[0] + side - 2, corner[1] + side - 2), colour, FILLED)
        box(canvas, corner, (corner[0] + side - 2, corner[1] + side - 2), SOFT)
    if not bits and len(values) <= 6:
        text = "   ".join(f"{value:.2f}" for value in values.tolist())
        write(canvas, text, (24 + columns * side, top + side // 2 + 6), 0.55)
    return canvas


def _point(title: str, values: np.ndarray) -> np.ndarray:
    """A place in the unit square, where y goes up, and the other numbers beside it."""
    side = 160
    canvas = blank(side + 36, WIDTH)
    write(canvas, title, (8, 16), 0.42, DIM)
    box(canvas, (12, 24), (12 + side, 24 + side), SOFT)
    dot(canvas, (round(12 + values[0] * side), round(24 + (1 - values[1]) * side)), 5, INK, smooth=True)
    write(canvas, "   ".join(f"{value:.2f}" for value in values.tolist()), (side + 30, 24 + side // 2), 0.55)
    return canvas


def _pictures(frames: np.ndarray, title: str) -> np.ndarray:
    """A picture (C, H, W) or (H, W, C): of a stack of frames the newest, of patches all."""
    if frames.shape[-1] in (3, 4) and frames.shape[0] not in (1, 3):
        frames = np.moveaxis(frames[..., :3], -1, 0)
    values = frames if frames.dtype == np.uint8 else (np.clip(frames, 0, 1) * 255).astype(np.uint8)
    if title == "glimpse":
        panels = [_enlarged(frame, 192) for frame in values]
        return np.pad(np.concatenate(panels, 1), ((8, 8), (8, 8), (0, 0)), constant_values=24)
    newest = np.moveaxis(values, 0, -1) if len(values) == 3 else values[-1]
    return np.pad(_enlarged(newest, SIDE), ((16, 16), (16, 16), (0, 0)), constant_values=24)


def _enlarged(picture: np.ndarray, side: int) -> np.ndarray:
    height, width = (round(side * n / max(picture.shape[:2])) for n in picture.shape[:2])
    return enlarge(picture, height, width)


def _items(items: np.ndarray, world: BatchWorld | None) -> np.ndarray:
    """A whole passage of numbers: ink, points of the plane, or bands of a sound."""
    if items.shape[1] > 5:
        return _framed(heat(np.clip(items.T[::-1], 0, 1)), "from left to right: time; upwards: higher bands")
    flat = isinstance(world, PenReading)
    high, wide = (180, WIDTH - 60) if flat else (360, 360)
    canvas = blank(high + 40, WIDTH, WHITE)
    where = [(round(30 + x * wide), round(20 + (1 - y) * high)) for x, y in items[:, :2].tolist()]
    for number, place in enumerate(where):
        if flat:
            if number and items[number - 1, 4] < 0.5:
                line(canvas, where[number - 1], place, INK, 2, smooth=True)
            dot(canvas, place, 2, INK, smooth=True)
        else:
            dot(canvas, place, 5, INK, smooth=True)
            write(canvas, str(number + 1), (place[0] + 8, place[1] - 6), halo=WHITE)
    return canvas


def _framed(picture: np.ndarray, title: str) -> np.ndarray:
    picture = in_colour(picture)
    height, width = max(90, min(240, 12 * len(picture))), WIDTH - 24
    canvas = blank(height + 34, WIDTH)
    write(canvas, title, (8, 16), 0.42, DIM)
    canvas[24 : 24 + height, 12 : 12 + width] = enlarge(picture, height, width)
    return canvas


def _stacked(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures one below the other, as wide as the widest."""
    width = max(piece.shape[1] for piece in pieces)
    padded = []
    for piece in pieces:
        ground = NIGHT if tuple(piece[0, 0]) == NIGHT or piece[0, 0].sum() < 100 else PAPER
        canvas = blank(piece.shape[0], width, ground)
        canvas[:, : piece.shape[1]] = piece
        padded.append(canvas)
    return np.concatenate(padded)
