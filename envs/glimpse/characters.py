"""Characters of 5x7 pixels, drawn as they are in the rows below."""

from functools import cache

import torch
from torch import Tensor

from ...tree import outside_inference

WIDTH, HEIGHT = 5, 7  # pixels
_ROWS = {
    "8": (".###.", "#...#", "#...#", ".###.", "#...#", "#...#", ".###."),
    "3": (".###.", "#...#", "....#", ".###.", "....#", "#...#", ".###."),
    "6": (".###.", "#....", "#....", "####.", "#...#", "#...#", ".###."),
    "9": (".###.", "#...#", "#...#", ".####", "....#", "....#", ".###."),
    "B": ("####.", "#...#", "#...#", "####.", "#...#", "#...#", "####."),
    "/": ("....#", "....#", "...#.", "..#..", ".#...", "#....", "#...."),
    "\\": ("#....", "#....", ".#...", "..#..", "...#.", "....#", "....#"),
    "|": ("..#..",) * HEIGHT,
    "-": (".....", ".....", ".....", "#####", ".....", ".....", "....."),
}


@cache
@outside_inference
def characters(names: str) -> Tensor:
    """The ink of some characters, bool (N, HEIGHT, WIDTH)."""
    return torch.tensor([[[pixel == "#" for pixel in row] for row in _ROWS[name]] for name in names])
