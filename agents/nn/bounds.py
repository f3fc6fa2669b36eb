"""How large a number may be that a network emits for an exponential, a sigmoid or a softmax."""

from jaxtyping import Float
from torch import Tensor

CLIP = 20.0  # beyond it sigmoids and softmaxes have no gradient left, and exponentials soon no finite value


def bounded(emitted: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Numbers within ± CLIP; those that are there already stay as they are."""
    return emitted.clamp(-CLIP, CLIP)
