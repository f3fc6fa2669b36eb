"""How a road looks from the driver's seat: depth, perspective, cars, sky and digits, as tensor functions.

Depth z is 0 at the driver's own bumper and 1 at the horizon; nearness f is 1 there and 0 at the horizon, linear in
the row of the screen.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from ...tree import outside_inference
from ..batch import State
from ..buffers import Buffers
from ..kernels import arrays, kernel, worth_it
from .game import SIZE, boxes, cover, covered

SKY = 28  # rows above the horizon
MOUNTAINS = 10  # the most of them that mountains reach
BOTTOM = 68  # the row of the driver's own bumper; below it is the dashboard
PANEL = 70  # where the dashboard begins
HALF_WIDTH, FAR_WIDTH = 34.0, 2.0  # pixels of half the road, at the bumper and at the horizon
BEND = 16.0  # pixels by which a bend of 1 moves the road at the horizon
PERSPECTIVE = 4.0  # how fast things shrink with depth
OWN_WIDTH, OWN_HEIGHT = 11, 7
PANEL_GREY, DIGIT_GREY, CAR_GREY, OWN_GREY, EDGE_GREY = 20, 220, 185, 255, 225
DIGIT_LEFT, DIGIT_TOP, DIGIT_SCALE = 36, 72, 2
_HORIZON = 1 / (1 + PERSPECTIVE)  # nearness there, before it is scaled
_SHAPE = tuple(
    np.float32(number)
    for number in (FAR_WIDTH, HALF_WIDTH - FAR_WIDTH, BEND, PERSPECTIVE, _HORIZON, 1 - _HORIZON, BOTTOM - SKY)
)
# three columns by five rows each, row by row
_DIGITS = [
    "111101101101111",
    "010110010010111",
    "111001111100111",
    "111001111001111",
    "101101111001001",
    "111100111001111",
    "111100111101111",
    "111001001001001",
    "111101111101111",
    "111101111001111",
]


def nearness(z: Tensor) -> Tensor:
    """f of a depth, by similar triangles: 1 at z = 0, 0 at z = 1."""
    return (1 / (1 + PERSPECTIVE * z.clamp(-0.1, 1)) - _HORIZON) / (1 - _HORIZON)


def depth(f: Tensor) -> Tensor:
    """The inverse of `nearness`."""
    return (1 / (f * (1 - _HORIZON) + _HORIZON) - 1) / PERSPECTIVE


def middle(f: Tensor, bend: Tensor) -> Tensor:
    """The column of the road's middle, in pixels."""
    return SIZE / 2 + bend * BEND * (1 - f) ** 2


def half_width(f: Tensor) -> Tensor:
    """Half the road's width, in pixels."""
    return FAR_WIDTH + (HALF_WIDTH - FAR_WIDTH) * f


@cache
@outside_inference
def _glyphs(device: torch.device) -> Tensor:
    """The numbers 0 to 99 in digits of 6x10 pixels, bool (100, 10, 14)."""
    digits = torch.tensor([[int(bit) for bit in row] for row in _DIGITS], dtype=torch.bool).view(10, 5, 3)
    digits = digits.repeat_interleave(DIGIT_SCALE, 1).repeat_interleave(DIGIT_SCALE, 2)  # (10, 10, 6)
    sheet = torch.zeros(100, 10, 14, dtype=torch.bool)
    for number in range(100):
        sheet[number, :, :6], sheet[number, :, 8:] = digits[number // 10], digits[number % 10]
    return sheet.to(device)


def car_boxes(scene: State) -> Tensor:
    """The other cars' bodies, rectangles (N, K, 4); one that isn't there is below the picture."""
    f = nearness(scene["car_z"])  # (N, K)
    there = scene["car_shown"].bool() & (scene["car_z"] <= 1) & (scene["car_z"] > -0.05)
    width, height = (1.5 + 9.5 * f).round(), (1 + 6 * f).round()
    column = middle(f, scene["bend"][:, None]) + scene["car_x"] * half_width(f)
    top = torch.where(there, (SKY + (BOTTOM - SKY) * f - height).round(), SIZE)
    return boxes((column - width / 2).round(), top, width, height)


def own_box(scene: State) -> Tensor:
    """The driver's own car, a rectangle (N, 1, 4)."""
    column = SIZE / 2 + scene["x"][:, None] * HALF_WIDTH
    top = torch.full_like(column, BOTTOM - OWN_HEIGHT + 1)
    return boxes((column - OWN_WIDTH / 2).round(), top, OWN_WIDTH, OWN_HEIGHT)


def _rows_of_ground(device: torch.device) -> tuple[Tensor, Tensor]:
    """The rows from the horizon down to the dashboard, and the nearness of each, (42,) both."""
    row = torch.arange(SKY, PANEL, device=device)
    return row, ((row.float() - SKY + 0.5) / (BOTTOM - SKY)).clamp(0, 1)


def road_mask(scene: State) -> tuple[Tensor, Tensor, Tensor]:
    """The road, its edges, and the depth of each row: bool (N, 42, 84) twice and float (42,), from the horizon down."""
    row, f = _rows_of_ground(scene["bend"].device)
    column = torch.arange(SIZE, device=row.device)
    aside = (column - middle(f, scene["bend"][:, None])[..., None]).abs()  # (N, 42, 84)
    width = half_width(f)[:, None]
    return aside <= width, (aside - width).abs() <= 0.9, depth(f)


def _heights(scene: State) -> Tensor:
    """How many rows above the horizon the mountains reach, (N, 84)."""
    place = torch.arange(SIZE, device=scene["heading"].device) + scene["heading"][:, None]
    near = (place * 0.15).sin_().mul_(3).add_(5)
    return near.add_(place.mul_(0.37).sin_().mul_(2))


def sky(scene: State, daylight: Tensor) -> Tensor:
    """Sky and mountains, float (N, 28, 84); mountains move aside as the road bends."""
    height = _heights(scene)
    row = torch.arange(SKY, device=daylight.device)[:, None]
    mountain = row >= SKY - height[:, None]  # (N, 28, 84)
    return torch.where(mountain, 25.0 + 15 * daylight[:, None, None], 30 + 170 * daylight[:, None, None])


def ground(scene: State, daylight: Tensor) -> Tensor:
    """Road and grass, float (N, 42, 84); bands of light and dark grass come nearer as the car drives."""
    road, edge, z = road_mask(scene)
    band = ((z * 8 + scene["odometer"][:, None]).floor() % 2)[..., None]  # (N, 42, 1)
    light = (0.35 + 0.65 * daylight)[:, None, None]
    return torch.where(edge, float(EDGE_GREY), torch.where(road, 95 * light, (125 + 20 * band) * light))


def _draw_at_once(scene: State, buffers: Buffers) -> Tensor:
    """The whole picture by one kernel, which is told all that doesn't depend on the scene."""
    device = scene["time"].device
    frames = buffers.empty((len(scene["time"]), SIZE, SIZE), torch.uint8, device)
    kernel("roads")(
        arrays(scene[name] for name in ("x", "bend", "odometer", "time", "left")),
        arrays(scene[name] for name in ("car_x", "car_z", "car_shown")),
        *arrays((_heights(scene), _ground_table(device), _glyphs(device))),
        (DIGIT_TOP, DIGIT_LEFT, SKY, MOUNTAINS, OWN_WIDTH, OWN_HEIGHT, BOTTOM - OWN_HEIGHT + 1),
        _SHAPE,
        (PANEL_GREY, DIGIT_GREY, CAR_GREY, OWN_GREY, EDGE_GREY),
        frames.numpy(),
    )
    return frames


@cache
@outside_inference
def _ground_table(device: torch.device) -> Tensor:
    """Of each row of the ground its depth in bands, what of a bend is there and half the road's width, (3, 42)."""
    f = _rows_of_ground(device)[1]
    return torch.stack([depth(f) * 8, (1 - f) ** 2, half_width(f)])


def draw(scene: State, buffers: Buffers) -> Tensor:
    """The whole picture, uint8 (N, 84, 84).

    Args:
        scene: what there is to see.
        buffers: memory for it.
    """
    daylight = scene["time"]
    if worth_it("roads", daylight.device, len(daylight)):
        return _draw_at_once(scene, buffers)
    picture = torch.full((len(daylight), SIZE, SIZE), float(PANEL_GREY), device=daylight.device, dtype=torch.float32)
    picture[:, :SKY], picture[:, SKY:PANEL] = sky(scene, daylight), ground(scene, daylight)
    number = scene["left"].long().clamp(0, 99)
    picture[:, DIGIT_TOP : DIGIT_TOP + 10, DIGIT_LEFT : DIGIT_LEFT + 14] += (
        float(DIGIT_GREY - PANEL_GREY) * _glyphs(daylight.device)[number].float()
    )
    others, own = cover(*covered(car_boxes(scene))), cover(*covered(own_box(scene)))  # (N, 84, 84)
    return torch.where(own, float(OWN_GREY), torch.where(others, float(CAR_GREY), picture)).to(torch.uint8)
