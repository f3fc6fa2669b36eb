"""Silhouettes of four-legged animals: of several builds, in any posture, seen from the side, looking to the right."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...tree import outside_inference

HEIGHT, WIDTH = 44, 56  # pixels of the box that an animal stands in
SILHOUETTES = {"train": 96, "validation": 32, "test": 32}
_Y, _X = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5


class Build(NamedTuple):
    """How an animal is built, in pixels.

    Attributes:
        length: of the trunk, between the middles of its ends.
        depth: half of the trunk's height.
        legs: how far they reach below the trunk's middle line.
        leg: half of a leg's width at its top.
        neck: how far the head is from the shoulder.
        raised: how much of that is upwards.
        head: half of its height.
        muzzle: how far it reaches before the head's middle.
        tail: its length.
    """

    length: float
    depth: float
    legs: float
    leg: float
    neck: float
    raised: float
    head: float
    muzzle: float
    tail: float


BUILDS = (
    Build(24, 8.0, 21, 3.2, 11, 0.55, 5.0, 3, 13),  # a cat
    Build(21, 7.5, 24, 2.8, 15, 0.85, 3.8, 6, 9),  # a horse
    Build(22, 9.5, 19, 4.2, 10, 0.30, 5.5, 4, 4),  # a bear
    Build(17, 7.0, 22, 2.6, 19, 0.95, 3.4, 5, 6),  # a long neck
)


def _limb(ink: np.ndarray, start: tuple[float, float], end: tuple[float, float], thick: float, thin: float) -> None:
    """Add a limb from one point (x, y) to another, which gets thinner on the way; its ends are round."""
    across, down = end[0] - start[0], end[1] - start[1]
    length = across * across + down * down
    along = np.clip(((_X - start[0]) * across + (_Y - start[1]) * down) / max(length, 1e-9), 0, 1)
    away = (_X - start[0] - along * across) ** 2 + (_Y - start[1] - along * down) ** 2
    ink |= away < (thick + (thin - thick) * along) ** 2


def _silhouette(rng: np.random.Generator) -> np.ndarray:
    """One animal, bool (HEIGHT, WIDTH), standing on the lowest row."""
    build = BUILDS[rng.integers(len(BUILDS))]
    length, depth, legs, leg, neck, raised, head, muzzle, tail = np.array(build) * rng.uniform(0.9, 1.1, len(build))
    ground = HEIGHT - 2.0
    middle, hip = ground - legs, 11 + 3 * rng.random()
    shoulder = hip + length
    ink = np.zeros((HEIGHT, WIDTH), np.bool_)
    _limb(ink, (hip, middle), (shoulder, middle - 1), depth * 0.95, depth)
    for top in (hip, shoulder):
        for side in (-1, 1):  # the near and the far leg
            swing = side * (2 + 4 * rng.random())
            knee = (top + swing * 0.4 + side, middle + legs * 0.55)
            _limb(ink, (top + side * 1.5, middle + depth * 0.4), knee, leg * 1.3, leg * 0.8)
            _limb(ink, knee, (top + side + swing, ground - 0.5), leg * 0.8, leg * 0.6)
    raised = min(raised, 0.98)
    crown = (shoulder + neck * (1 - raised * raised) ** 0.5, max(middle - neck * raised, head + 3))
    _limb(ink, (shoulder + 1, middle - depth * 0.3), crown, depth * 0.6, head * 0.85)
    _limb(ink, crown, (crown[0] + muzzle, crown[1] + muzzle * 0.4), head, head * 0.6)
    _limb(ink, (crown[0] - head * 0.5, crown[1] - head * 0.6), (crown[0] - head * 0.8, crown[1] - head - 1.5), 1.8, 0.9)
    lift = rng.uniform(-0.6, 0.9)
    tip = (hip - depth - tail * 0.5, middle - depth * 0.5 - tail * lift)
    _limb(ink, (hip - depth * 0.7, middle - depth * 0.4), (max(tip[0], 2.5), max(tip[1], 2.5)), 1.9, 1.2)
    return ink


@cache
@outside_inference
def silhouettes(split: str) -> Tensor:
    """The animals of a split, bool (N, HEIGHT, WIDTH); no two splits have one in common."""
    number = list(SILHOUETTES).index(split)
    made = [_silhouette(np.random.default_rng([number, animal])) for animal in range(SILHOUETTES[split])]
    return torch.from_numpy(np.stack(made))
