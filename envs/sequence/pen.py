"""Letters as a pen writes them: the strokes of a single-line font at even distances, in hands of several kinds."""

import functools
import string
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...tree import outside_inference
from ..counter_rng import CounterRNG

FONT = "scripts"  # a plain cursive of Hershey's
LETTERS = string.ascii_lowercase
SPACE = len(LETTERS) + 1  # what stands for a space among letters that are numbered from 1 on
SPACE_WIDTH = 1.2  # in heights of an x
STEP = 0.25  # from point to point: some twenty-five points a letter
JOIN = 0.5  # a gap between letters over which the pen doesn't lift
WIDTHS = 0.85, 0.4  # the least width of a hand's letters, as a factor, and how much more it may be
WITH_LATE = "ijt"  # letters whose last stroke, a dot or a bar, may wait until the word is written
DOT_FIRST = "ij"  # in the font
X_HEIGHT, BASE_LINE = 9, 9  # of the font, whose y counts downwards


class Script(NamedTuple):
    """What each letter looks like, in heights of an x, from its left edge on the base line; y goes up.

    A letter has two pieces, its body and what may come late; either may be empty. The last letter is the space, which
    has no points.

    Attributes:
        points: float32, (A, 2, P, 2).
        lifts: whether the pen goes up after a point, bool (A, 2, P).
        count: of points, int64 (A, 2).
        width: float32, (A,).
    """

    points: Tensor
    lifts: Tensor
    count: Tensor
    width: Tensor


class Hand(NamedTuple):
    """How somebody writes, each (n,).

    Attributes:
        slant: how far the top of an x leans to the right, in its heights.
        height: of letters, as a factor.
        wide: width of letters, as a factor.
        wobble: how far the line strays, in heights of an x.
        phase: where in its straying it begins, in radians.
    """

    slant: Tensor
    height: Tensor
    wide: Tensor
    wobble: Tensor
    phase: Tensor


class Ink(NamedTuple):
    """What was written, padded to M points.

    Attributes:
        points: float32, (n, M, 2), zero behind the end.
        lifts: whether the pen goes up after a point, bool (n, M).
        letter: which letter of the text a point belongs to, from 0 on, int64 (n, M); -1 behind the end.
        count: of points, int64 (n,).
    """

    points: Tensor
    lifts: Tensor
    letter: Tensor
    count: Tensor


@functools.cache
@outside_inference
def script(confusable: bool = False, device: torch.device | str = "cpu", step: float = STEP) -> Script:
    """The letters of the alphabet, and the space.

    Args:
        confusable: whether an l is an i without its dot.
        device: where they are wanted.
        step: from point to point, in heights of an x.
    """
    drawn = _alphabet()
    if confusable:
        drawn["l"] = (drawn["i"][0][:-1], drawn["i"][1])
    pieces = []
    for letter in LETTERS:
        strokes = drawn[letter][0]
        late = 1 if letter in WITH_LATE else 0
        pieces.append([_piece(part, step) for part in (strokes[: len(strokes) - late], strokes[len(strokes) - late :])])
    pieces.append([_piece([], step)] * 2)
    most = max(len(points) for pair in pieces for points, _ in pair)
    points = torch.zeros(len(pieces), 2, most, 2, dtype=torch.float32)
    lifts = torch.zeros(len(pieces), 2, most, dtype=torch.bool)
    count = torch.tensor([[len(piece[0]) for piece in pair] for pair in pieces])
    for i, pair in enumerate(pieces):
        for j, (where, up) in enumerate(pair):
            points[i, j, : len(where)], lifts[i, j, : len(up)] = torch.from_numpy(where), torch.from_numpy(up)
    width = torch.tensor([*(drawn[letter][1] for letter in LETTERS), SPACE_WIDTH], dtype=torch.float32)
    return Script(*(part.to(device) for part in (points, lifts, count, width)))


def _alphabet() -> dict[str, tuple[list[np.ndarray], float]]:
    """The strokes of each letter, each (k, 2), what may come late at the end, and the letter's width."""
    from HersheyFonts import HersheyFonts  # only who writes needs it

    font = HersheyFonts()
    font.load_default_font(FONT)
    drawn = {}
    for letter, glyph in zip(LETTERS, font.glyphs_for_text(LETTERS), strict=True):
        strokes = [np.array(list(stroke), np.float64) for stroke in glyph.strokes]
        placed = [
            np.stack([stroke[:, 0] - glyph.left_offset, BASE_LINE - stroke[:, 1]], 1) / X_HEIGHT for stroke in strokes
        ]
        if letter in DOT_FIRST:
            placed = [*placed[1:], placed[0]]
        drawn[letter] = placed, glyph.char_width / X_HEIGHT
    return drawn


def _piece(strokes: list[np.ndarray], step: float) -> tuple[np.ndarray, np.ndarray]:
    """Points at even distances along strokes, float32 (k, 2), and after which of them the pen goes up, bool (k,)."""
    points, lifts = [np.zeros((0, 2))], [np.zeros(0, bool)]
    for stroke in strokes:
        along = np.concatenate([[0.0], np.linalg.norm(np.diff(stroke, axis=0), axis=1).cumsum()])
        places = np.linspace(0, along[-1], 1 + max(1, round(along[-1] / step)))
        points.append(np.stack([np.interp(places, along, stroke[:, axis]) for axis in (0, 1)], 1))
        lifts.append(np.arange(len(places)) == len(places) - 1)
    # whether the pen goes up at the end of a letter is seen when the next one is there
    up = np.concatenate(lifts)
    return np.concatenate(points).astype(np.float32), up


def most_points(letters: int, confusable: bool = False, step: float = STEP) -> int:
    """The most points that a text of so many letters takes."""
    return letters * int(script(confusable, step=step).count.sum(1).max())


def widest(confusable: bool = False) -> float:
    """The most that a letter of any hand takes in width, in heights of an x."""
    return float(script(confusable).width.max()) * (WIDTHS[0] + WIDTHS[1])


def hands(rng: CounterRNG) -> Hand:
    """A hand for each episode: slants, sizes and steadiness as people's differ."""
    slant, height, wide, wobble, phase = rng.uniform("hand", 5).unbind(1)  # each in [0, 1)
    return Hand(
        0.7 * slant - 0.2, 0.8 + 0.45 * height, WIDTHS[0] + WIDTHS[1] * wide, 0.06 * wobble, 2 * torch.pi * phase
    )


def one_hand(count: int, device: torch.device | str = "cpu") -> Hand:
    """The same hand so many times: a little slanted, of the font's size, steady."""
    slant, one, zero = (torch.full((count,), number, device=device) for number in (0.15, 1.0, 0.0))
    return Hand(slant, one, one, zero, zero)


def written(text: Tensor, hand: Hand, room: int, late: bool, confusable: bool = False, step: float = STEP) -> Ink:
    """Texts in somebody's hand.

    Args:
        text: letters from 1 on and `SPACE`, 0 behind the end, int64 (n, S).
        hand: whose.
        room: M, points that there is room for.
        late: whether dots and bars wait until the whole text is written.
        confusable: see `script`.
        step: as there.
    """
    known, laid = script(confusable, text.device, step), _laid_out(text, room, late, confusable, step)
    letter, within, inside = laid.letter, laid.within, laid.inside
    there, kind = text > 0, (text - 1).clamp(min=0)
    width = known.width[kind] * there
    left = width.cumsum(1) - width  # (n, S)
    index = (kind.gather(1, letter), laid.part, within.clamp(0, known.points.shape[2] - 1))
    points = known.points[index] + torch.stack([left.gather(1, letter), torch.zeros_like(left).gather(1, letter)], -1)
    lifts = known.lifts[index]
    x, y = points.unbind(-1)
    points = torch.stack(
        [
            (x + hand.slant[:, None] * y) * hand.wide[:, None],
            y * hand.height[:, None] + hand.wobble[:, None] * torch.sin(1.7 * x + hand.phase[:, None]),
        ],
        -1,
    )
    # from the last point of a letter's body the pen goes on to the next letter, if that begins near
    gap = (points.roll(-1, 1) - points).norm(dim=-1)
    bodies = laid.part == 0
    beside = letter.roll(-1, 1) == letter + 1  # no space is between them
    goes_on = beside & bodies & bodies.roll(-1, 1) & inside.roll(-1, 1) & (gap <= JOIN)
    lifts = lifts & ~goes_on
    return Ink(points * inside[..., None], lifts & inside, torch.where(inside, letter, -1), laid.total)


def with_gaps(ink: Ink, gaps: Tensor, hand: Hand) -> Ink:
    """Ink with a space's width before some letters, and the pen lifted there.

    Args:
        ink: what was written.
        gaps: before which letters, bool (n, S).
        hand: who wrote it.
    """
    letter = ink.letter.clamp(min=0)
    before = (gaps.cumsum(1).gather(1, letter) * SPACE_WIDTH * hand.wide[:, None]) * (ink.letter >= 0)  # (n, M)
    following = ink.letter.roll(-1, 1)
    parted = gaps.gather(1, following.clamp(min=0)) & (following > ink.letter) & (ink.letter >= 0)
    points = ink.points + torch.stack([before, torch.zeros_like(before)], -1)
    return ink._replace(points=points, lifts=ink.lifts | parted)


def late_points(text: Tensor, room: int, late: bool, confusable: bool = False, step: float = STEP) -> Tensor:
    """Which points are those that may come late, a letter's dot or bar, bool (n, M); arguments as in `written`."""
    laid = _laid_out(text, room, late, confusable, step)
    return (laid.part == 1) & laid.inside


class _Laid(NamedTuple):
    """Which point of which letter each of M points is.

    Attributes:
        letter: of the text, from 0 on, int64 (n, M).
        part: its body (0) or what may come late (1), int64 (n, M).
        within: which point of that, int64 (n, M).
        inside: whether it is before the end of the text, bool (n, M); the others say nothing.
        total: points before the end, int64 (n,).
    """

    letter: Tensor
    part: Tensor
    within: Tensor
    inside: Tensor
    total: Tensor


def _laid_out(text: Tensor, room: int, late: bool, confusable: bool, step: float) -> _Laid:
    """Where the points of texts come from; arguments as in `written`."""
    known = script(confusable, text.device, step)
    n, most = text.shape
    there, kind = text > 0, (text - 1).clamp(min=0)
    place = torch.arange(most, device=text.device)
    # pieces in the order in which they are written: which letter of the text, and which of its two pieces
    order = torch.stack([place, place], 0 if late else 1).flatten()  # (2 S,)
    part = (
        torch.arange(2 * most, device=text.device) // most if late else torch.arange(2 * most, device=text.device) % 2
    )
    count = known.count[kind[:, order], part] * there[:, order]  # (n, 2 S)
    ends = count.cumsum(1)
    at = torch.arange(room, device=text.device).expand(n, -1).contiguous()  # (n, M)
    piece = torch.searchsorted(ends, at, right=True).clamp(max=2 * most - 1)
    within, total = at - (ends - count).gather(1, piece), ends[:, -1]
    return _Laid(order[piece], part[piece], within, at < total[:, None], total)
