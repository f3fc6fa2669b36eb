"""How a road looks from the driver's seat: depth, perspective, cars, sky and digits, as tensor functions.

Depth z is 0 at the driver's own bumper and 1 at the horizon; nearness f is 1 there and 0 at the horizon, linear in
the row of the screen.
"""

from functools import cache

import torch
from torch import Tensor

from ...tree import outside_inference
from ..batch import State
from ..buffers import Buffers
from ..kernels import kernel, worth_it
from .game import SIZE, boxes, cover, covered

SKY = 28  # rows above the horizon
BOTTOM = 68  # the row of the driver's own bumper; below it is the dashboard
PANEL = 70  # where the dashboard begins
HALF_WIDTH, FAR_WIDTH = 34.0, 2.0  # pixels of half the road, at the bumper and at the horizon
BEND = 16.0  # pixels by which a bend of 1 moves the road at the horizon
PERSPECTIVE = 4.0  # how fast things shrink with depth
OWN_WIDTH, OWN_HEIGHT = 11, 7
DIGIT_LEFT, DIGIT_TOP, DIGIT_SCALE = 36, 72, 2
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
    horizon = 1 / (1 + PERSPECTIVE)
    return (1 / (1 + PERSPECTIVE * z.clamp(-0.1, 1)) - horizon) / (1 - horizon)


def depth(f: Tensor) -> Tensor:
    """The inverse of `nearness`."""
    horizon = 1 / (1 + PERSPECTIVE)
    return (1 / (f * (1 - horizon) + horizon) - 1) / PERSPECTIVE


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
    return 5 + 3 * (place * 0.15).sin() + 2 * (place * 0.37).sin()


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
    return torch.where(edge, 225.0, torch.where(road, 95 * light, (125 + 20 * band) * light))


def _draw_at_once(scene: State, buffers: Buffers) -> Tensor:
    """The whole picture by one kernel, from the greys and places that `sky` and `ground` would spread over it."""
    daylight, device = scene["time"], scene["time"].device
    light = 0.35 + 0.65 * daylight  # (N,)
    lights = torch.stack([25.0 + 15 * daylight, 30 + 170 * daylight, 95 * light], -1)
    f = _rows_of_ground(device)[1]
    band = (depth(f) * 8 + scene["odometer"][:, None]).floor() % 2  # (N, 42)
    grass = (125 + 20 * band) * light[:, None]
    number = scene["left"].long().clamp(0, 99)
    frames = buffers.empty((len(daylight), SIZE, SIZE), torch.uint8, device)
    middles = middle(f, scene["bend"][:, None])
    kernel("roads")(
        *(
            x.contiguous().numpy()
            for x in (lights, _heights(scene), middles, half_width(f), grass, _glyphs(device)[number])
        ),
        (DIGIT_TOP, DIGIT_LEFT, 20, 220, SKY),
        car_boxes(scene).numpy(),
        own_box(scene).numpy(),
        frames.numpy(),
    )
    return frames


def draw(scene: State, buffers: Buffers) -> Tensor:
    """The whole picture, uint8 (N, 84, 84).

    Args:
        scene: what there is to see.
        buffers: memory for it.
    """
    daylight = scene["time"]
    if worth_it("roads", daylight.device, len(daylight)):
        return _draw_at_once(scene, buffers)
    picture = torch.full((len(daylight), SIZE, SIZE), 20.0, device=daylight.device, dtype=torch.float32)
    picture[:, :SKY], picture[:, SKY:PANEL] = sky(scene, daylight), ground(scene, daylight)
    number = scene["left"].long().clamp(0, 99)
    picture[:, DIGIT_TOP : DIGIT_TOP + 10, DIGIT_LEFT : DIGIT_LEFT + 14] += (
        200.0 * _glyphs(daylight.device)[number].float()
    )
    others, own = cover(*covered(car_boxes(scene))), cover(*covered(own_box(scene)))  # (N, 84, 84)
    return torch.where(own, 255.0, torch.where(others, 185.0, picture)).to(torch.uint8)
