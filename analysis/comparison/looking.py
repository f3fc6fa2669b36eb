"""Where the arms look: glimpses and soft maps on the same images, scored like saliency."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...agents.policies.policy import Policy
from ...envs.glimpse.retina import middles
from ...wrappers.judging import pointing, roc_auc
from ..saliency_scores import mean
from .forms import answer_part, episode
from .gather import Run


class Look(NamedTuple):
    """What an arm attends to on a batch of images.

    Attributes:
        maps: by method, float (N, H, W): "attention" where the arm has an explicit one, "jacobian" for all.
        steps: its attention at each glimpse, (T, N, H, W); None where it has none.
        path: the places looked at, (T, N, 2) as (x, y) in [-1, 1]; None where it has no places.
        answer: what it says, (N,).
    """

    maps: dict[str, Tensor]
    steps: Tensor | None
    path: Tensor | None
    answer: Tensor


def look(run: Run, policy: Policy, images: Tensor) -> Look:
    """What a run's network on whole images attends to.

    Args:
        run: whose glimpses to take.
        policy: its network on whole images.
        images: float, (N, C, H, W).
    """
    with torch.random.fork_rng([]), torch.inference_mode(False), torch.enable_grad():
        torch.manual_seed(0)
        x = images.clone().requires_grad_()
        parameters, _ = episode(run, policy, x)
        answer = policy.head(answer_part(run, policy)).mode(parameters)  # (N,)
        chosen = parameters.gather(1, answer[:, None]).sum()
        (gradient,) = torch.autograd.grad(chosen, x)
        maps = {"jacobian": gradient.abs().sum(1)}
        torch.manual_seed(0)  # the same first places
        with torch.no_grad():
            steps, path = attended(policy, images, run.glimpses)
    if steps is not None:
        maps["attention"] = steps.mean(0)
    return Look(maps, steps, path, answer)


def attended(policy: Policy, images: Tensor, glimpses: int) -> tuple[Tensor | None, Tensor | None]:
    """The policy's own attention at each glimpse (T, N, H, W), and the places that it looks at (T, N, 2)."""
    starts = torch.zeros(glimpses, len(images), dtype=torch.bool, device=images.device)
    starts[0] = True
    # an image that stays is not copied
    still = images.expand(glimpses, *images.shape)
    maps = policy(still, policy.initial_state(len(images)), starts, record=True).records
    steps = maps.get("attention")
    if steps is None:
        return None, None
    return steps, maps["gaze"] if "gaze" in maps else middles(steps)


def scored(looked: Look, relevant: Tensor) -> dict[str, tuple[float, float]]:
    """Pointing and ROC area of each map against the truth, by method, with noise as the control."""
    truth = relevant.cpu().numpy()
    noise = np.random.default_rng(0).random(truth.shape)
    maps = {**{name: one.cpu().numpy() for name, one in looked.maps.items()}, "random": noise}
    return {name: (mean(pointing(one, truth)), mean(roc_auc(one, truth))) for name, one in maps.items()}
