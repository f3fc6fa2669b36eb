"""What every visual attention shares: an image and the numbers that a controller emits, in; a glimpse, out.

Two sides of one model (Xu et al. 2015, "Show, attend and tell", section 4):

    hard    place ~ distribution(emitted);  glimpse = glimpse_at(image, place)          learned by policy gradient
    soft    glimpse = E[glimpse_at(image, place)] under the same distribution           learned by back-propagation
"""

from typing import ClassVar, Generic, NamedTuple, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch import distributions as td

from .... import tree


class Glimpse(NamedTuple):
    """A soft glimpse.

    Attributes:
        what: the glimpse, (B, glimpse_size).
        where: where it was taken, for a glimpse network to read, (B, where_size).
    """

    what: Tensor
    where: Tensor


P = TypeVar("P")


class VisualAttention(nn.Module, Generic[P]):
    """An attention model over images (B, C, H, W).

    Attributes:
        emitted_size: how many numbers the controller emits.
        glimpse_size: numbers of a glimpse.
        where_size: numbers that say where a glimpse was taken.
        places: whether it is a distribution over places, and so has a hard side.
    """

    emitted_size: int
    glimpse_size: int
    where_size: int
    places: ClassVar[bool] = False

    def initial(self) -> Float[Tensor, " emitted"]:
        """What is emitted before the first glimpse, (emitted_size,): the start of what is learned."""
        return torch.zeros(self.emitted_size)

    def prepare(self, image: Float[Tensor, "batch channels height width"]) -> P:
        """What all glimpses of an image share, computed once; the image itself where there is nothing."""
        raise NotImplementedError

    def look(self, prepared: P, emitted: Float[Tensor, "batch emitted"]) -> Glimpse:
        """The soft glimpse, differentiable in both arguments.

        Args:
            prepared: from `prepare`.
            emitted: (B, emitted_size).
        """
        raise NotImplementedError

    def distribution(self, prepared: P, emitted: Float[Tensor, "batch emitted"]) -> td.Distribution:
        """The distribution over places that a hard glimpse is sampled from; where `places`."""
        raise NotImplementedError

    def glimpse_at(self, prepared: P, place: Tensor) -> Float[Tensor, "batch glimpse"]:
        """The hard glimpse at a place that was sampled, (B, glimpse_size)."""
        raise NotImplementedError

    def pixel_weights(
        self, image: Float[Tensor, "batch channels height width"], emitted: Float[Tensor, "batch emitted"]
    ) -> Float[Tensor, "batch height width"]:
        """How much each pixel counts in the soft glimpse, (B, H, W): the sum of its weights over the glimpse.

        A glimpse that is linear in the image is Σ w x at each of its numbers, so the sums of w are the gradient of
        the glimpse's sum. Nothing flows through the result.
        """
        with torch.inference_mode(False), torch.enable_grad():
            zero = torch.zeros_like(image).requires_grad_()
            total = self.look(self.prepare(zero), tree.ordinary(emitted.detach())).what.sum()
            return torch.autograd.grad(total, zero)[0].sum(1)  # (B, H, W)


class ImageAttention(VisualAttention[Tensor]):
    """A visual attention that looks at the image itself."""

    def prepare(self, image: Tensor) -> Tensor:
        return image
