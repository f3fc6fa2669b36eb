"""The retina against a slow loop, by gradcheck, and by its laws."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from foveate.envs.glimpse import retina


def slow_glimpse(image: Tensor, place: Tensor, size: int, scales: int) -> Tensor:
    """Crop first, average then, pixel by pixel: the definition."""
    channels, height, width = image.shape
    out = torch.zeros(scales, channels, size, size, dtype=image.dtype)
    x, y = ((place.double() + 1) / 2 * torch.tensor([width, height])).tolist()
    for k in range(scales):
        side = 2**k
        top = math.floor(y - size * side / 2 + 0.5)
        left = math.floor(x - size * side / 2 + 0.5)
        for i in range(size):
            for j in range(size):
                for dy in range(side):
                    for dx in range(side):
                        row, column = top + i * side + dy, left + j * side + dx
                        if 0 <= row < height and 0 <= column < width:
                            out[k, :, i, j] += image[:, row, column] / side**2
    return out.flatten(0, 1)


@given(
    height=st.integers(1, 13),
    width=st.integers(1, 13),
    channels=st.integers(1, 3),
    size=st.integers(1, 6),
    scales=st.integers(1, 4),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_look_equals_crop_then_average(
    height: int, width: int, channels: int, size: int, scales: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(2, channels, height, width, generator=generator, dtype=torch.float64)
    place = torch.rand(2, 2, generator=generator) * 2 - 1
    seen = retina.look(retina.pool(image, scales), place, size)
    for b in range(2):
        assert torch.allclose(seen[b], slow_glimpse(image[b], place[b], size, scales), atol=1e-12)


def test_a_part_pooled_alone_gives_what_the_whole_picture_gives() -> None:
    torch.manual_seed(0)
    image = torch.rand(4, 1, 7, 5, dtype=torch.float64)
    origin = torch.tensor([[0, 0], [3, 9], [13, 15], [6, 2]])
    whole = torch.zeros(4, 1, 20, 20, dtype=torch.float64)
    for b, (row, column) in enumerate(origin.tolist()):
        whole[b, :, row : row + 7, column : column + 5] = image[b]
    place = torch.rand(4, 2) * 2 - 1
    part = retina.look(retina.pool(image, 3, origin, (20, 20)), place, 4)
    assert torch.allclose(part, retina.look(retina.pool(whole, 3), place, 4), atol=1e-12)


def test_the_corners_and_the_centre_of_the_coordinates() -> None:
    image = torch.zeros(1, 1, 8, 8)
    image[0, 0, 0, 0], image[0, 0, 7, 7], image[0, 0, 0, 7] = 1.0, 2.0, 3.0
    fields = retina.pool(image, 1)
    corner = retina.look(fields, torch.tensor([[-1.0, -1.0]]), 2)[0, 0]
    assert corner.tolist() == [[0, 0], [0, 1]]  # the image's first pixel is the patch's last: the rest is outside
    assert retina.look(fields, torch.tensor([[1.0, 1.0]]), 2)[0, 0].tolist() == [[2, 0], [0, 0]]
    assert retina.look(fields, torch.tensor([[1.0, -1.0]]), 2)[0, 0].tolist() == [[0, 0], [3, 0]]  # (x, y)
    assert torch.equal(retina.look(fields, torch.zeros(1, 2), 8)[0, 0], image[0, 0])


def test_far_outside_everything_is_zero() -> None:
    fields = retina.pool(torch.ones(1, 1, 4, 4), 2)
    assert retina.look(fields, torch.tensor([[-9.0, 9.0]]), 3).abs().sum() == 0
    assert retina.look_smoothly(fields, torch.tensor([[9.0, 9.0]]), 3).abs().sum() == 0


@given(x=st.integers(0, 12), y=st.integers(0, 12), size=st.integers(1, 3), scales=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_smooth_and_sharp_agree_on_the_pixel_grid_at_zoom_one(x: int, y: int, size: int, scales: int) -> None:
    torch.manual_seed(1)
    image = torch.rand(1, 2, 12, 12, dtype=torch.float64)
    size = 2 * size  # an even patch around a pixel's corner has its corners on pixels
    place = torch.tensor([[x, y]], dtype=torch.float64) / 6 - 1
    sharp = retina.look(retina.pool(image, scales), place, size)
    assert torch.allclose(retina.look_smoothly(retina.pool(image, scales), place, size), sharp, atol=1e-10)
    one = torch.ones(1, dtype=torch.float64)
    zoomed = retina.look_smoothly(retina.pool(image, scales + 1), place, size, one)
    assert torch.allclose(zoomed, sharp, atol=1e-10)


@pytest.mark.parametrize("zoom", [0.5, 0.8, 1.3, 2.0])
def test_zoom_keeps_a_flat_picture_flat_and_widens_what_is_seen(zoom: float) -> None:
    flat = retina.pool(torch.full((1, 1, 64, 64), 0.7, dtype=torch.float64), 3)
    z = torch.tensor([zoom], dtype=torch.float64)
    seen = retina.look_smoothly(flat, torch.zeros(1, 2, dtype=torch.float64), 4, z)
    assert torch.allclose(seen, torch.full_like(seen, 0.7))
    ramp = torch.arange(64, dtype=torch.float64).expand(1, 1, 64, 64) / 64
    seen = retina.look_smoothly(retina.pool(ramp, 3), torch.zeros(1, 2, dtype=torch.float64), 4, z)
    step = seen[0, 0, 0, 1] - seen[0, 0, 0, 0]  # neighbouring pixels of the patch are zoom pixels apart
    assert torch.allclose(step, z / 64)


def test_gradients() -> None:
    torch.manual_seed(2)
    image = torch.rand(2, 1, 6, 6, dtype=torch.float64, requires_grad=True)
    # places and zooms away from the kinks of bilinear interpolation
    place = torch.tensor([[0.131, -0.277], [0.413, 0.391]], dtype=torch.float64, requires_grad=True)
    zoom = torch.tensor([0.83, 1.37], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda i: retina.look(retina.pool(i, 2), place.detach(), 3), (image,))
    assert torch.autograd.gradcheck(lambda i, p: retina.look_smoothly(retina.pool(i, 2), p, 3), (image, place))
    assert torch.autograd.gradcheck(
        lambda i, p, z: retina.look_smoothly(retina.pool(i, 3), p, 3, z), (image, place, zoom)
    )


def test_boxes_are_where_the_patches_come_from() -> None:
    outlines = retina.boxes(torch.zeros(1, 2), 4, 2, (20, 10))[0]
    assert outlines.tolist() == [[3, 8, 7, 12], [1, 6, 9, 14]]
