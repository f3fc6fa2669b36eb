"""Local contrast normalisation: what a patch shows, whatever the light that falls on it."""

from jaxtyping import Float, Num
from torch import Tensor

from ....envs.spaces import to_floats

# the contrast at which a patch is brought to half: less than that is mostly noise, or the light's own slope
EPSILON = 0.1


def normalize_contrast(patches: Num[Tensor, "*batch height width"]) -> Float[Tensor, "*batch height width"]:
    """Each patch with its mean taken off, divided by its standard deviation plus `EPSILON`.

    A fully connected layer sees a brighter ground as a large change of all its inputs, so its units die or say how
    bright it is before they learn what is written there.

    Args:
        patches: intensities in [0, 1], or bytes, (…, p, q).

    Returns:
        About zero in the mean and one in size, (…, p, q); all zero where a patch shows nothing.

    Source:
        Jarrett et al. 2009, "What is the best multi-stage architecture for object recognition?", section 2.1, with one
        window, the patch, and σ plus a constant instead of the larger of both.
    """
    x = to_floats(patches)
    v = x - x.mean((-2, -1), keepdim=True)  # subtractive
    deviation = v.square().mean((-2, -1), keepdim=True).clamp(min=1e-12).sqrt()  # σ; its slope at 0 has no bound
    return v / (deviation + EPSILON)  # divisive
