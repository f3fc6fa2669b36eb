"""The retina: square patches around a place, each twice as wide as the one before, all of one resolution.

A pure, differentiable tensor function in two parts, after Mnih et al. 2014, "Recurrent Models of Visual
Attention", section 3.1 (the glimpse sensor ρ):

    fields = pool(image, scales)           once an image:  every box mean a glimpse could ask for
    patches = look(fields, place, …)       at each glimpse: a crop, nothing else

A patch of scale k is a square of side size·2ᵏ whose pixels are means over boxes of side 2ᵏ. `pool` computes
these means for *every* position of the box (stride 1), so a crop from them equals cropping first and
averaging then, exactly, at any place; outside the image everything is zero.

Places are (x, y) in [-1, 1]²: (-1, -1) is the top left corner of the image, (0, 0) its centre, (1, 1) the
bottom right corner (the convention of ``torch.nn.functional.grid_sample`` with ``align_corners=False``).
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from ...tree import constant, outside_inference

# a place at the very middle of a pixel may be rounded to just before it, where the crop would be its neighbour's;
# so much further, in units of half the picture, is more than rounding takes and far less than a pixel
NUDGE = 1e-6


class Fields(NamedTuple):
    """The box means of a batch of pictures.

    Attributes:
        levels: float, (B, K, C, P, P'): ``levels[b, k, c, y, x]`` is the mean over the box of side 2ᵏ whose
            top left pixel is ``(y, x) - margin``; zero along the border, which stands for all that is outside.
        origin: int64, (B, 2): where in its picture the pooled part begins, (y, x) in pixels; all else is zero.
        picture_size: height and width of the pictures in pixels.
    """

    levels: Tensor
    origin: Tensor
    picture_size: tuple[int, int]

    @property
    def margin(self) -> int:
        """The pooled pixel that index 0 stands for lies this far above (or left of) the image's first."""
        return 2 ** (self.levels.shape[1] - 1)


def _centre(place: Tensor, fields: Fields) -> Tensor:
    """A place in pixels from the picture's top left corner, (B, 2) as y, x."""
    return (place.flip(-1) + 1) * 0.5 * constant(fields.picture_size, place.device)


def pool(
    image: Float[Tensor, "batch channels height width"],
    scales: int,
    origin: Int[Tensor, "batch 2"] | None = None,
    picture_size: tuple[int, int] | None = None,
) -> Fields:
    """All box means of side 1, 2, 4, …, 2^(scales-1), at every position.

    Args:
        image: float, (B, C, H, W).
        scales: K ≥ 1.
        origin: int64, (B, 2), where the image lies in a larger picture that is zero elsewhere; None is (0, 0).
        picture_size: the size of that picture; None is the image's own.
    """
    margin = 2 ** (scales - 1)
    level = F.pad(image, (margin, 1, margin, 1))  # (B, C, P, P')
    levels = [level]
    for k in range(scales - 1):
        half = 2**k  # a box of side 2^(k+1) is four boxes of side 2^k
        level = level + F.pad(level[..., half:], (0, half))
        level = (level + F.pad(level[..., half:, :], (0, 0, 0, half))) * 0.25
        levels.append(level)
    if origin is None:
        origin = torch.zeros(len(image), 2, dtype=torch.int64, device=image.device)
    return Fields(torch.stack(levels, 1), origin, picture_size or (image.shape[-2], image.shape[-1]))


def look(fields: Fields, place: Float[Tensor, "batch 2"], size: int) -> Float[Tensor, "batch patches {size} {size}"]:
    """The patches around a place, to the nearest pixel.

    Args:
        fields: from `pool`.
        place: float, (B, 2), (x, y) in [-1, 1].
        size: the side of each patch in its own pixels.

    Returns:
        float, (B, K·C, size, size), the finest scale first; differentiable with respect to the image.
    """
    batch, scales, channels, height, width = fields.levels.shape
    index = _crop_index(fields, place, size)  # (B, K, size, size)
    flat = fields.levels.view(batch, scales * channels, height * width)
    if channels > 1:
        index = index.repeat_interleave(channels, 1)
    patches = flat.gather(2, index.view(batch, scales * channels, size * size))
    return patches.view(batch, scales * channels, size, size)


def _crop_index(fields: Fields, place: Tensor, size: int) -> Tensor:
    """For each pixel of each patch the index of its box in a flattened level, (B, K, size, size)."""
    scales, _, height, width = fields.levels.shape[1:]
    reach, steps, last = _crop_constants(scales, size, height, width, place.device)
    corner = (_centre(place + NUDGE, fields)[:, None] - reach).floor_().long()  # (B, K, 2) top left pixel
    corner -= (fields.origin - fields.margin)[:, None]  # as an index into the levels
    # all that lies outside falls on the border, which is zero
    at = (corner[..., None] + steps).clamp_(min=0).minimum(last)  # (B, K, 2, size) rows and columns
    return (at[:, :, 0] * width)[..., :, None] + at[:, :, 1, None, :]


@cache
@outside_inference
def _crop_constants(
    scales: int, size: int, height: int, width: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """What every crop of this kind shares, on the device once.

    Returns:
        From the centre to the top left pixel, rounded, (K, 1); from there to each pixel, (K, 1, size); the last row
        and column, (2, 1).
    """
    stride = 2 ** torch.arange(scales)[:, None]  # (K, 1)
    steps = stride[:, None] * torch.arange(size)  # (K, 1, size)
    last = torch.tensor([[height - 1], [width - 1]])
    return (stride.float() * (size / 2) - 0.5).to(device), steps.to(device), last.to(device)


def look_smoothly(
    fields: Fields, place: Float[Tensor, "batch 2"], size: int, zoom: Float[Tensor, " batch"] | None = None
) -> Float[Tensor, "batch patches {size} {size}"]:
    """The patches around a place with a width, differentiable with respect to both.

    Where the crop would fall between pixels it is interpolated bilinearly, and where a box would have a side
    that is no power of two, between the two nearest levels (the last level is the coarsest there is). At
    zoom 1 and where the patch's corner lies on a pixel it equals `look`.

    Args:
        fields: from `pool`; for zoom above 1 pool one scale more than `look` would need.
        place: float, (B, 2), (x, y) in [-1, 1].
        size: the side of each patch in its own pixels.
        zoom: float, (B,), how many times wider than usual each patch is; None is 1 for all. With it the last
            pooled level is only a reserve for interpolation and yields no patch of its own.

    Returns:
        float, (B, K·C, size, size), or (B, (K-1)·C, size, size) with zoom.
    """
    scales = fields.levels.shape[1]
    channels = fields.levels.shape[2]
    patches = scales if zoom is None else scales - 1
    device, dtype = place.device, place.dtype
    centre = _centre(place, fields) - fields.origin  # (B, 2) relative to the pooled part
    offsets = torch.arange(size, device=device, dtype=dtype) + 0.5 - size / 2  # (size,)
    out = []
    for k in range(patches):
        side = torch.full_like(place[:, 0], 2.0**k) if zoom is None else zoom * 2.0**k  # (B,) box side wanted
        depth = side.log2().clamp(0, scales - 1)  # (B,) the level that has it, a real number
        lower = depth.detach().floor().clamp(max=max(scales - 2, 0)).long()  # (B,)
        upper = (lower + 1).clamp(max=scales - 1)
        share = (depth - lower)[:, None, None, None]  # (B, 1, 1, 1)
        middle = centre[:, :, None] + offsets * side[:, None, None]  # (B, 2, size) centre of each box
        fine = _bilinear(fields, lower, middle, channels)
        coarse = _bilinear(fields, upper, middle, channels)
        out.append(fine * (1 - share) + coarse * share)
    return torch.cat(out, 1)


def _bilinear(fields: Fields, level: Tensor, middle: Tensor, channels: int) -> Tensor:
    """Boxes of one level around real-valued centres, (B, C, size, size).

    Args:
        fields: the pooled pictures.
        level: int64, (B,).
        middle: float, (B, 2, size), the y and the x of the boxes' centres in pixels of the pooled part.
        channels: C.
    """
    batch = len(level)
    height, width = fields.levels.shape[-2:]
    chosen = fields.levels[torch.arange(batch, device=level.device), level]  # (B, C, P, P')
    corner = middle - 0.5 * (2.0 ** level.to(middle.dtype))[:, None, None] + fields.margin  # (B, 2, size)
    base = corner.detach().floor()
    part = corner - base
    base = base.long()
    result = torch.zeros((), device=middle.device, dtype=middle.dtype)
    flat = chosen.reshape(batch, channels, height * width)
    for dy in (0, 1):
        for dx in (0, 1):
            rows = (base[:, 0] + dy).clamp(0, height - 1)  # (B, size)
            columns = (base[:, 1] + dx).clamp(0, width - 1)
            index = (rows * width)[:, :, None] + columns[:, None, :]  # (B, size, size)
            weight_y = part[:, 0] if dy else 1 - part[:, 0]
            weight_x = part[:, 1] if dx else 1 - part[:, 1]
            value = flat.gather(2, index.view(batch, 1, -1).expand(-1, channels, -1))
            weight = (weight_y[:, :, None] * weight_x[:, None, :]).view(batch, 1, -1)
            result = result + value * weight
    size = middle.shape[-1]
    return result.view(batch, channels, size, size)


def boxes(
    place: Float[Tensor, "batch 2"],
    size: int,
    scales: int,
    picture_size: tuple[int, int],
    zoom: Float[Tensor, " batch"] | None = None,
) -> Float[Tensor, "batch {scales} 4"]:
    """The outlines of the patches in pixels, for pictures: float, (B, K, 4) as left, top, right, bottom.

    Args:
        place: float, (B, 2), (x, y) in [-1, 1].
        size: the side of each patch in its own pixels.
        scales: K.
        picture_size: height and width of the picture in pixels.
        zoom: float, (B,), how many times wider than usual each patch is; None is 1 for all.
    """
    extent = constant(picture_size, place.device).flip(0)
    centre = ((place + 1) * 0.5 * extent)[:, None]  # (B, 1, 2) x, y
    half = size / 2 * 2.0 ** torch.arange(scales, device=place.device, dtype=place.dtype)  # (K,)
    half = half[None, :, None] if zoom is None else zoom[:, None, None] * half[None, :, None]
    return torch.cat([centre - half, centre + half], -1)


def tile_centres(tile: Int[Tensor, "*batch"], tiles: int) -> Float[Tensor, "*batch 2"]:
    """The places of the tiles of a tiles x tiles grid, numbered row by row: int64 (…) -> float (…, 2) as (x, y)."""
    index = torch.stack([tile % tiles, tile // tiles], -1)
    return (2 * index + 1).float() / tiles - 1


def middles(maps: Float[Tensor, "*batch height width"]) -> Float[Tensor, "*batch 2"]:
    """The centre of mass of each map, negative numbers left out: float (…, H, W) -> (…, 2) as (x, y) in [-1, 1]."""
    size = maps.clamp(min=0)
    total = size.sum((-1, -2)).clamp(min=1e-12)
    places = []
    for axis in (-1, -2):
        n = maps.shape[axis]
        where = (2 * torch.arange(n, device=maps.device) + 1) / n - 1
        other = -2 if axis == -1 else -1
        places.append((size.sum(other) * where).sum(-1) / total)
    return torch.stack(places, -1)
