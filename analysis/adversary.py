"""Adversarial images by projected gradient descent, adaptive to policies that choose where they look.

Athalye et al. 2018, "Obfuscated gradients": an attack on a random network follows the gradient of its expected loss. A
hard glimpse is random twice over: where it falls depends on the image, and no gradient passes through that choice. So
the gradient that is followed here is the whole one,

    ∇E[L] = E[∇L + (L - b) ∇log π(places | image)]

pathwise through the pixels of the glimpses, and by the score function (with a leave-one-out baseline) through the
choice of places.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import check_range
from .estimators import leave_one_out

Play = Callable[[Tensor], tuple[Tensor, Tensor]]  # images (N, …) -> losses (N,), log-probability of the places (N,)


def expected_gradient(play: Play, image: Tensor, samples: int) -> Tensor:
    """The gradient of each image's expected loss, (B, …).

    Args:
        play: one random episode an image.
        image: (B, …).
        samples: K, episodes an image.
    """
    with torch.inference_mode(False), torch.enable_grad():
        many = image.repeat(samples, *(1,) * (image.ndim - 1)).requires_grad_()  # (K·B, …)
        loss, places = play(many)
        split = loss.detach().view(samples, -1)
        advantage = (split - leave_one_out(split)).flatten() if samples > 1 else torch.zeros_like(loss)
        (gradient,) = torch.autograd.grad((loss + advantage * places).sum(), many)
    return gradient.view(samples, *image.shape).mean(0)


def pgd(
    play: Play,
    image: Tensor,
    epsilon: float,
    gradients: int,
    samples: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Images within epsilon (of each pixel) that raise the expected loss (Madry et al. 2018, eq. 4), in [0, 1].

    Args:
        play: one random episode an image; see `expected_gradient`.
        image: float, (B, …) in [0, 1].
        epsilon: how far a pixel may move.
        gradients: the budget: gradients of single episodes; each step spends `samples` of them.
        samples: episodes an image at each step.
        generator: of the random start.

    Raises:
        FoveateError: epsilon isn't in [0, 1], or the budget doesn't buy one step.
    """
    check_range("epsilon", epsilon, 0.0, 1.0)
    check_range("samples", samples, 1)
    check_range("gradients", gradients, samples)
    steps = gradients // samples
    size = 2.5 * epsilon / steps
    noise = torch.rand(image.shape, generator=generator, device=image.device) * 2 - 1
    attacked = (image + epsilon * noise).clamp(0, 1)
    for _ in range(steps):
        step = size * expected_gradient(play, attacked, samples).sign()
        attacked = torch.minimum(torch.maximum(attacked + step, image - epsilon), image + epsilon).clamp(0, 1)
    return attacked.detach()
