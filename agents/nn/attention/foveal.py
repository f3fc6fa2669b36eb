"""The retina inside an agent: sharp in the middle, coarse around it, as in the worlds that take glimpses themselves."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ....envs.glimpse import retina
from ....errors import check_range


class Fovea(nn.Module):
    """The retina of the Glimpse worlds, for an agent that gets whole images.

    Args:
        image: (C, H, W) of the images.
        patch: side of each patch in its own pixels.
        scales: number of patches, each twice as wide as the one before.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, image: tuple[int, int, int], patch: int, scales: int):
        super().__init__()
        check_range("patch", patch, 1)
        check_range("scales", scales, 1, 8)
        self.channels, self.height, self.width = image
        self.patch, self.scales = patch, scales
        self.shape = (scales * self.channels, patch, patch)
        self.glimpse_size = scales * self.channels * patch**2
        self.register_buffer("rows", self._covers(self.height), persistent=False)
        self.register_buffer("columns", self._covers(self.width), persistent=False)

    def prepare(self, image: Float[Tensor, "batch channels height width"]) -> retina.Fields:
        """The box means of images (B, C, H, W)."""
        return retina.pool(image, self.scales)

    def glimpse_at(
        self, prepared: retina.Fields, place: Float[Tensor, "batch 2"]
    ) -> Float[Tensor, "batch patches side side"]:
        """The patches around a place (B, 2), (B, scales·C, patch, patch), the finest first."""
        return retina.look(prepared, place, self.patch)

    def glimpses(
        self, prepared: retina.Fields, places: Float[Tensor, "places 2"]
    ) -> Float[Tensor, "batch places glimpse"]:
        """The patches around each of n places (n, 2), flat, (B, n, glimpse_size)."""
        batch = len(prepared.levels)
        glimpses = [self.glimpse_at(prepared, place.expand(batch, 2)).flatten(1) for place in places]
        return torch.stack(glimpses, 1)

    def expected(
        self,
        image: Float[Tensor, "batch channels height width"],
        row_weights: Float[Tensor, "batch height"],
        column_weights: Float[Tensor, "batch width"],
    ) -> Float[Tensor, "batch patches side side"]:
        """The expectation of `glimpse_at` over a grid with a place in the middle of every pixel.

        Where the probability of a place is the product of one of its row and one of its column, the expected patch is
        F_y x F_xᵀ: each row of F is what a pixel of the patch reads on average.

        Args:
            image: (B, C, H, W).
            row_weights: probability of each row, (B, H).
            column_weights: of each column, (B, W).

        Returns:
            (B, scales·C, patch, patch).
        """
        patches = (self.scales, self.patch)
        f_y = (row_weights @ self.rows).unflatten(-1, (-1, self.height))[:, None]  # (B, 1, K·patch, H)
        f_x = (column_weights @ self.columns).unflatten(-1, (*patches, -1))[:, None]  # (B, 1, K, patch, W)
        patch = (f_y @ image).unflatten(2, patches) @ f_x.mT  # (B, C, K, patch, patch)
        return patch.transpose(1, 2).flatten(1, 2)

    def _covers(self, size: int) -> Tensor:
        """How much of pixel a of an axis pixel p of patch k reads at place i, (size, K·patch·size)."""
        place, pixel = torch.arange(size)[:, None, None], torch.arange(size)
        scales = []
        for scale in range(self.scales):
            box = 2**scale
            # at place i the patch begins at pixel i + 1 - box·patch/2, as `retina.look` rounds it
            begin = (
                place + 1 - (box * self.patch + 1) // 2 + box * torch.arange(self.patch)[:, None]
            )  # (size, patch, 1)
            scales.append(((begin <= pixel) & (pixel < begin + box)).float() / box)  # (size, patch, size)
        return torch.stack(scales, 1).flatten(1)
