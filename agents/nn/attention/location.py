"""A Gaussian over where to look, read by the retina: hard samples a place, soft takes the mean over all of them."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch import distributions as td

from ....envs.glimpse import retina
from ....errors import check_range
from ..bounds import bounded
from .base import Glimpse, ImageAttention
from .foveal import Fovea


class LocationAttention(ImageAttention):
    """A Gaussian over places in [-1, 1]², whose mean and width are emitted.

    The soft glimpse is the expectation over a grid with a place in the middle of every pixel. What the Gaussian has
    beyond the image lies on its outermost pixels: there the hard side looks, too.

    Args:
        image: (C, H, W) of the images.
        patch: side of the retina's patches.
        scales: number of its patches.
        std: standard deviation before anything was learned.
        learn_std: whether the width is emitted too, or stays.
        intensity: what a glimpse is multiplied by; an expectation is blurred, and faint glimpses teach slowly.
    """

    places = True

    def __init__(
        self,
        image: tuple[int, int, int],
        patch: int = 12,
        scales: int = 3,
        std: float = 0.05,
        learn_std: bool = True,
        intensity: float = 5.0,
    ):
        super().__init__()
        check_range("std", std, 1e-6)
        self.fovea = Fovea(image, patch, scales)
        check_range("intensity", intensity, 1e-3)
        self.std, self.learn_std, self.intensity = std, learn_std, intensity
        self.emitted_size = self.where_size = 3 if learn_std else 2
        self.glimpse_size = self.fovea.glimpse_size

    def initial(self) -> Tensor:
        return torch.tensor([0.0, 0.0, math.log(self.std)][: self.emitted_size])

    def mean_std(self, emitted: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (B, 2) as (x, y), and standard deviation (B, 1)."""
        std = bounded(emitted[:, 2:]).exp() if self.learn_std else torch.full_like(emitted[:, :1], self.std)
        return emitted[:, :2].tanh(), std  # beyond the image no gradient would bring it back

    def weights(self, emitted: Tensor, axis: int) -> Tensor:
        """The probability of each place along one axis (0 is x, 1 is y), (B, size); it sums to 1."""
        size = self.fovea.width if axis == 0 else self.fovea.height
        mean, std = self.mean_std(emitted)
        place = (2 * torch.arange(size, device=emitted.device, dtype=emitted.dtype) + 1) / size - 1
        mean = mean[:, axis, None]  # (B, 1)
        logits = -0.5 * ((place - mean) / std) ** 2  # (B, size)
        # the tails in the unit of these logits, a Gaussian's value times a pixel's width of 2 / size
        unit = (std * (math.sqrt(2 * math.pi) * size / 2)).log()
        below, above = torch.special.log_ndtr((-1 - mean) / std), torch.special.log_ndtr((mean - 1) / std)
        first, last = torch.logaddexp(logits[:, :1], unit + below), torch.logaddexp(logits[:, -1:], unit + above)
        if size == 1:
            return torch.ones_like(logits)
        return torch.softmax(torch.cat([first, logits[:, 1:-1], last], -1), -1)

    def look(self, prepared: Tensor, emitted: Float[Tensor, "batch emitted"]) -> Glimpse:
        patches = self.fovea.expected(prepared, self.weights(emitted, 1), self.weights(emitted, 0))
        where = torch.cat([self.mean_std(emitted)[0], bounded(emitted[:, 2:])], -1)
        return Glimpse(self.intensity * patches.flatten(1), where)

    def distribution(self, prepared: Tensor, emitted: Tensor) -> td.Independent:
        mean, std = self.mean_std(emitted)
        return td.Independent(td.Normal(mean, std.expand_as(mean), validate_args=False), 1, validate_args=False)

    def glimpse_at(self, prepared: Tensor, place: Tensor) -> Tensor:
        fields: retina.Fields = self.fovea.prepare(prepared)
        edge = 1 - 1 / torch.tensor([self.fovea.width, self.fovea.height], device=place.device, dtype=place.dtype)
        return self.intensity * self.fovea.glimpse_at(fields, place.clamp(-edge, edge)).flatten(1)
