"""The spatial transformer: an affine map of a sampling grid, then linear interpolation (Jaderberg et al. 2015)."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from ....errors import FoveateError, check_odd, check_range
from .base import Glimpse, ImageAttention


def sample(
    data: Float[Tensor, "batch channels *size_in"],
    affine: Float[Tensor, "batch dims dims_and_1"],
    size: tuple[int, ...],
) -> Float[Tensor, "batch channels *size_out"]:
    """What a transformed grid sees of an image or a volume.

    Args:
        data: (B, C, H, W), or (B, C, D, H, W).
        affine: θ, from places of the output to places of the data, both in [-1, 1]: (B, 2, 3) with (x, y, 1), or
            (B, 3, 4) with (x, y, z, 1) (eq. 1).
        size: (H', W') of the output, or (D', H', W').

    Returns:
        (B, C, *size), bilinear or trilinear (eq. 5); zero outside the data.

    Raises:
        FoveateError: the shapes are neither those of images nor those of volumes.
    """
    dims = data.ndim - 2
    if dims not in (2, 3) or len(size) != dims or affine.shape[1:] != (dims, dims + 1):
        raise FoveateError(
            "a spatial transformer takes images (B, C, H, W) with (B, 2, 3) and (H', W'), or volumes (B, C, D, H, W) "
            f"with (B, 3, 4) and (D', H', W'); got {tuple(data.shape)}, {tuple(affine.shape)} and {size}."
        )
    places = F.affine_grid(affine, [len(data), data.shape[1], *size], align_corners=False)  # eq. 1
    return F.grid_sample(data, places, mode="bilinear", padding_mode="zeros", align_corners=False)  # eq. 5


class SpatialTransformer(ImageAttention):
    """Reads a patch through an affine map that is emitted.

    At first the map shows the middle of the image, and the glimpse is amplified, as `DrawAttention` begins and for its
    reasons.

    Args:
        image: (C, H, W) of the images.
        patch: side of what is read.
        samples: points averaged along each side of a pixel that is read, so that a patch coarser than the image
            misses no thin stroke; 1 is the paper's.
        blur: side of the square over which pixels are averaged before, an odd number. A linear interpolation says only
            what the next pixel would change; of a blurred image that tells where a stroke further away lies. 1 is the
            paper's.
        reach: share of the image's width that is read to begin with.
        intensity: what a glimpse is multiplied by.
    """

    emitted_size = where_size = 6

    def __init__(
        self,
        image: tuple[int, int, int],
        patch: int = 12,
        samples: int = 2,
        blur: int = 5,
        reach: float = 0.6,
        intensity: float = 8.0,
    ):
        super().__init__()
        check_range("patch", patch, 1)
        check_range("samples", samples, 1)
        check_odd("blur", blur)
        check_range("reach", reach, 1e-3)
        check_range("intensity", intensity, 1e-3)
        self.patch, self.samples, self.reach, self.intensity = patch, samples, reach, intensity
        self.blur, self.glimpse_size = blur, image[0] * patch**2

    def initial(self) -> Tensor:
        return torch.tensor([self.reach, 0.0, 0.0, 0.0, self.reach, 0.0])

    def prepare(self, image: Float[Tensor, "batch channels height width"]) -> Tensor:
        """The blurred image, (B, C, H, W)."""
        return F.avg_pool2d(image, self.blur, stride=1, padding=self.blur // 2) if self.blur > 1 else image

    def look(self, prepared: Tensor, emitted: Float[Tensor, "batch emitted"]) -> Glimpse:
        fine, affine = self.patch * self.samples, self.affine(emitted)
        patch = sample(prepared, affine, (fine, fine))  # (B, C, fine, fine)
        what = F.avg_pool2d(patch, self.samples) if self.samples > 1 else patch
        return Glimpse(self.intensity * what.flatten(1), affine.flatten(1))

    def affine(self, emitted: Float[Tensor, "batch emitted"]) -> Float[Tensor, "batch 2 3"]:
        """The map θ that is emitted; its middle stays in the image, since beyond it no gradient would bring it back."""
        theta = emitted.unflatten(-1, (2, 3))
        return torch.cat([theta[..., :2], theta[..., 2:].tanh()], -1)
