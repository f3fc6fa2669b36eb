"""A softmax over a grid of tiles, each through the retina: hard looks at one of them, soft at their weighted sum."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch import distributions as td

from ....envs.glimpse.retina import tile_centres
from ....errors import check_range
from .base import Glimpse, VisualAttention
from .choice import chosen_weights
from .content import weighted_sum
from .foveal import Fovea


class TileAttention(VisualAttention[Tensor]):
    """Attention over the places of a grid of tiles x tiles.

    Args:
        image: (C, H, W) of the images.
        tiles: places along each side.
        patch: side of the retina's patches.
        scales: number of its patches.
        intensity: what a glimpse is multiplied by; a mean of tiles is faint, and faint glimpses teach slowly.
        sharpness: what is emitted is multiplied by it before the softmax. Weights that begin nearly alike show the
            controller one mean of all tiles, wherever it would look, and hardly leave it.
        gumbel: choose one place at a time (straight-through Gumbel-softmax) instead of the mean over all.
    """

    where_size = 2
    places = True
    centres: Tensor

    def __init__(
        self,
        image: tuple[int, int, int],
        tiles: int = 5,
        patch: int = 12,
        scales: int = 3,
        intensity: float = 5.0,
        sharpness: float = 10.0,
        gumbel: bool = False,
    ):
        super().__init__()
        check_range("tiles", tiles, 1)
        check_range("intensity", intensity, 1e-3)
        check_range("sharpness", sharpness, 1e-3)
        self.fovea = Fovea(image, patch, scales)
        self.intensity, self.sharpness, self.gumbel = intensity, sharpness, gumbel
        self.emitted_size, self.glimpse_size = tiles**2, self.fovea.glimpse_size
        self.register_buffer("centres", tile_centres(torch.arange(tiles**2), tiles), persistent=False)  # (tiles², 2)

    def prepare(self, image: Float[Tensor, "batch channels height width"]) -> Tensor:
        """What the retina sees at every tile, (B, tiles², glimpse_size)."""
        return self.intensity * self.fovea.glimpses(self.fovea.prepare(image), self.centres)

    @property
    def noisy(self) -> bool:
        return self.gumbel

    def weights(self, emitted: Tensor) -> Tensor:
        """How much each tile counts, (B, tiles²); it sums to 1."""
        return chosen_weights(self.sharpness * emitted, self.gumbel, self.training)

    def look(self, prepared: Tensor, emitted: Float[Tensor, "batch emitted"]) -> Glimpse:
        weights = self.weights(emitted)
        what = weighted_sum(weights[:, None], prepared)[:, 0]  # E[x_tile], Xu et al. 2015, section 4.2
        return Glimpse(what, weights @ self.centres)

    def distribution(self, prepared: Tensor, emitted: Tensor) -> td.Categorical:
        return td.Categorical(logits=self.sharpness * emitted, validate_args=False)

    def glimpse_at(self, prepared: Tensor, place: Tensor) -> Tensor:
        return prepared[torch.arange(len(place), device=place.device), place]
